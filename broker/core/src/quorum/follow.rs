//! Following: fetch, append, sync, fetch again.

use bytes::Bytes;
use kastellan_protocol::batch::{batches, check_crc};

use super::{
    Effect, Quorum, control,
    message::{FetchResponse, FetchSnapshotRequest, Request, UpdateRaftVoterRequest},
    role::{Download, Role},
    send::{Asked, Outstanding},
    voters::Voter,
};
use crate::id::BrokerId;

/// The most bytes of a snapshot in one answer.
const SNAPSHOT_BYTES: u32 = 1 << 20;

impl Quorum {
    /// Whether a fetch could be sent: none is under way, and all that came before is on the disk.
    pub(super) fn may_fetch(&self) -> bool {
        let Role::Follower(follower) = &self.role else { return false };
        let installing = follower.download.is_some_and(|download| download.whole);
        let asked = self.is_asked(Asked::Fetch) || self.is_asked(Asked::Snapshot);
        !installing && !asked && self.log.synced >= self.log.end
    }

    /// The leader is gone, as somebody says who may be wrong. A voter waits for it no longer than
    /// for its turn to stand for election, and encourages others from now on; an observer soon asks
    /// who leads. Where the leader is at work all the same, those who hear it encourage nobody, and
    /// this replica goes on following it.
    pub(super) fn miss(&mut self, node: BrokerId) {
        if self.stored.leader != Some(node) {
            return;
        }
        let pause = if self.may_lead() { self.turn() } else { self.after_others(1) };
        let soon = self.after(pause);
        if let Role::Follower(follower) = &mut self.role {
            follower.fetched = false;
            follower.until = follower.until.min(soon);
        }
    }

    pub(super) fn keep_following(&mut self) {
        let may_fetch = self.may_fetch();
        let Role::Follower(follower) = &self.role else { return };
        let Some(leader) = self.stored.leader else { return };
        if !may_fetch || !self.is_over(follower.fetch_at) {
            return;
        }
        if let Some(Download { snapshot, position, .. }) = follower.download {
            let request = FetchSnapshotRequest {
                replica: self.setup.me,
                epoch: self.stored.epoch,
                snapshot,
                position,
                max_bytes: SNAPSHOT_BYTES,
            };
            self.send(leader, Asked::Snapshot, Request::FetchSnapshot(request));
        } else {
            let wait = self.setup.timeouts.wait.as_millis();
            let request = self.fetch_request(u32::try_from(wait).unwrap_or(u32::MAX));
            self.send(leader, Asked::Fetch, Request::Fetch(request));
        }
        self.tell_endpoints();
    }

    /// A voter whose directory or endpoints are others than the voters' record says has the leader
    /// write a new one.
    fn tell_endpoints(&mut self) {
        let again = self.after(self.setup.timeouts.fetch);
        let mine = Voter { key: self.setup.me, endpoints: self.setup.endpoints.clone() };
        let differs = self.voters().get(mine.key.id).is_some_and(|voter| *voter != mine);
        let dynamic = !self.log.voters.is_empty() && self.is_voter();
        let (now, leader) = (self.now.monotonic, self.stored.leader);
        let Role::Follower(follower) = &mut self.role else { return };
        let Some(leader) = leader.filter(|_| differs && dynamic && follower.update_at <= now)
        else {
            return;
        };
        follower.update_at = again;
        let request = UpdateRaftVoterRequest { epoch: self.stored.epoch, voter: mine };
        self.send(leader, Asked::Update, Request::UpdateRaftVoter(request));
    }

    /// An answer to a fetch, or to the question who leads.
    pub(super) fn fetched(&mut self, asked: Outstanding, response: &FetchResponse) {
        let standing = &response.standing;
        if self.learn(standing.epoch, standing.leader, &standing.endpoints) {
            return;
        }
        let again = self.after(self.setup.timeouts.retry);
        let timeout = self.patience();
        let leads = standing.error.is_none() && standing.epoch == self.stored.epoch;
        let from_leader = self.stored.leader == Some(asked.to);
        let abdicated = standing.epoch == self.stored.epoch && standing.leader != Some(asked.to);
        if from_leader && abdicated {
            // it was started anew, and nobody leads an epoch twice
            self.miss(asked.to);
        }
        match &mut self.role {
            Role::Unattached(unattached) => unattached.ask_at = again,
            Role::Follower(follower) if asked.what == Asked::Fetch && leads && from_leader => {
                follower.until = timeout;
                follower.fetched = true;
                follower.fetch_at = self.now.monotonic;
                self.take_in(response);
            }
            Role::Follower(follower) => follower.fetch_at = again,
            Role::Prospective(_) | Role::Candidate(_) | Role::Leader(_) => {}
        }
    }

    /// Does what the leader's answer asks for.
    fn take_in(&mut self, response: &FetchResponse) {
        if let Some((epoch, end)) = response.diverging {
            let end = self.log.truncation(epoch, end);
            assert!(
                end >= self.high_watermark,
                "the leader does not have what is committed: cut at {end}, committed {}",
                self.high_watermark
            );
            if end < self.log.end {
                self.log.truncate(end);
                self.out.push(Effect::Truncate { end });
            }
            return;
        }
        if let Some(snapshot) = response.snapshot {
            self.begin_download(snapshot);
            return;
        }
        if !self.append_fetched(&response.records) {
            let again = self.after(self.setup.timeouts.retry);
            if let Role::Follower(follower) = &mut self.role {
                follower.fetch_at = again;
            }
        }
        self.advance(response.high_watermark.min(self.log.end));
    }

    /// Appends whole batches that go on where the log ends; false where they do not.
    fn append_fetched(&mut self, records: &Bytes) -> bool {
        let mut taken = 0;
        let mut view = self.log.clone();
        for batch in batches(records) {
            // the last one may be cut
            let Ok((header, raw)) = batch else { break };
            let follows = header.base_offset == view.end
                && header.last_offset_delta >= 0
                && header.leader_epoch >= view.last_epoch()
                && header.leader_epoch <= self.stored.epoch;
            if !follows || !check_crc(raw) {
                return false;
            }
            let voters = control::voters_in(&header, raw);
            view.append(header.leader_epoch, header.next_offset());
            view.voters.extend(voters);
            taken += raw.len();
        }
        if taken > 0 {
            self.log = view;
            self.out.push(Effect::Append(records.slice(..taken)));
            self.out.push(Effect::Sync);
        }
        true
    }
}
