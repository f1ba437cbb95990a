//! Leading: the first record, the high watermark, keeping a majority, and giving up.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_protocol::ErrorCode;

use super::{
    Effect, Quorum, Stored, control,
    message::{BeginQuorumEpochRequest, EndQuorumEpochRequest, Request},
    role::{Leader, Role},
    send::Asked,
    voters::ReplicaKey,
};
use crate::id::{BrokerId, Offset};

impl Quorum {
    /// Leads in the epoch in which it was elected, with a first record that says so: only what
    /// comes at or behind it is committed by counting.
    pub(super) fn lead(&mut self, granting: &BTreeSet<BrokerId>) {
        self.store(Stored { leader: Some(self.setup.me.id), ..self.stored });
        self.leave();
        let now = self.now.monotonic;
        self.role = Role::Leader(Box::new(Leader {
            begins: self.log.end,
            since: now,
            progress: BTreeMap::new(),
            parked: Vec::new(),
            begin_at: now,
            change: None,
        }));
        let first = control::leader_change(self, granting);
        self.append_own(first);
        if self.setup.dynamic && self.log.voters.is_empty() {
            let voters = self.voters().clone();
            let (kraft_version, named) = control::first_voters(self, &voters);
            self.append_own(kraft_version);
            self.append_voters(named, voters);
        }
    }

    /// Appends a batch of the leader's own, one record.
    pub(super) fn append_own(&mut self, batch: Vec<u8>) {
        self.log.append(self.stored.epoch, self.log.end + 1);
        self.out.push(Effect::Append(batch.into()));
        self.out.push(Effect::Sync);
        self.serve_parked();
    }

    /// Where the next record goes, for whoever builds one.
    pub(super) fn next_offset(&self) -> Offset {
        self.log.end
    }

    /// The active controller's records are in the log.
    pub(super) fn appended(&mut self, end: Offset) {
        assert!(matches!(self.role, Role::Leader(_)), "only a leader appends");
        assert!(end >= self.log.end, "an append makes the log longer");
        self.log.append(self.stored.epoch, end);
        self.out.push(Effect::Sync);
        self.serve_parked();
    }

    /// Moves the high watermark to what a majority has on its disks, if that is of this epoch: an
    /// older record that a majority has may still be overwritten (Raft, section 5.4.2).
    pub(super) fn commit(&mut self) {
        let Role::Leader(leader) = &self.role else { return };
        let voters = self.voters();
        let mut ends: Vec<Offset> = voters
            .iter()
            .map(|voter| {
                if voter.key.matches(self.setup.me) {
                    return self.log.synced;
                }
                let known = leader.progress.iter().filter(|(key, _)| key.matches(voter.key));
                known.map(|(_, progress)| progress.end).max().unwrap_or(-1)
            })
            .collect();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        let by_majority = ends.get(voters.majority() - 1).copied().unwrap_or(-1);
        if by_majority <= leader.begins || by_majority <= self.high_watermark {
            return;
        }
        self.advance(by_majority);
        self.serve_parked();
        self.changed();
    }

    /// Tells voters that do not fetch, answers fetches that have waited enough, and gives up
    /// where no majority asks for anything.
    pub(super) fn keep_leading(&mut self) {
        if self.check_quorum_at().is_some_and(|at| self.is_over(at)) {
            self.resign();
            return;
        }
        self.answer_parked(|parked, now| parked.until <= now);
        let round = self.setup.timeouts.fetch / 2;
        let again = self.after(round);
        let Role::Leader(leader) = &mut self.role else { return };
        if leader.begin_at > self.now.monotonic {
            return;
        }
        leader.begin_at = again;
        let now = self.now.monotonic;
        let idle = |key: ReplicaKey, leader: &Leader| {
            let known = leader.progress.iter().filter(|(known, _)| known.matches(key));
            known.map(|(_, it)| it.fetched).max().is_none_or(|at| at.after(round) <= now)
        };
        let others = self.others();
        let Role::Leader(leader) = &self.role else { return };
        let idle: Vec<_> = others.into_iter().filter(|key| idle(*key, leader)).collect();
        for voter in idle {
            let request = BeginQuorumEpochRequest {
                voter,
                leader: self.setup.me.id,
                epoch: self.stored.epoch,
                endpoints: self.setup.endpoints.clone(),
            };
            self.send(voter.id, Asked::Begin, Request::BeginQuorumEpoch(request));
        }
    }

    /// Leads no longer, and tells those who may: the one with most records first.
    pub(super) fn resign(&mut self) {
        let Role::Leader(leader) = &self.role else { return };
        let end = |key: &ReplicaKey| {
            let known = leader.progress.iter().filter(|(known, _)| known.matches(*key));
            known.map(|(_, progress)| progress.end).max().unwrap_or(-1)
        };
        let mut successors = self.others();
        successors.sort_by_key(|key| (std::cmp::Reverse(end(key)), *key));
        let request = EndQuorumEpochRequest {
            leader: self.setup.me.id,
            epoch: self.stored.epoch,
            successors: successors.clone(),
        };
        self.unattach(self.stored.epoch);
        for voter in successors {
            self.send(voter.id, Asked::Begin, Request::EndQuorumEpoch(request.clone()));
        }
    }

    /// Tells all who wait for a leader that is none any more.
    pub(super) fn dismiss(&mut self, leader: Leader) {
        let error = Some(ErrorCode::NotLeaderOrFollower);
        for parked in leader.parked {
            let response = self.refuse_fetch(error);
            self.out.push(Effect::Reply { token: parked.token, response });
        }
        if let Some((token, kind)) = leader.change.and_then(|change| change.token) {
            let standing = self.standing(error);
            let response = super::membership::answer(kind, standing);
            self.out.push(Effect::Reply { token, response });
        }
    }
}
