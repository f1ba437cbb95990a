//! Requests of ours, and what became of them.

use super::{
    Effect, Quorum,
    message::{FetchRequest, Request, Response},
    role::Role,
};
use crate::{id::BrokerId, machine::Millis};

/// A request without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outstanding {
    pub(super) to: BrokerId,
    pub(super) what: Asked,
    pub(super) until: Millis,
}

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// For a vote, or whether there would be one.
    Vote,
    /// For nothing: only told.
    Begin,
    /// For records, from the leader.
    Fetch,
    /// For who leads, from anybody.
    Leader,
    /// For a part of a snapshot.
    Snapshot,
    /// To take in this voter's directory and endpoints.
    Update,
}

/// The most bytes of records in one answer.
const FETCH_BYTES: u32 = 8 << 20;

impl Quorum {
    pub(super) fn send(&mut self, to: BrokerId, what: Asked, request: Request) {
        self.correlation += 1;
        let correlation = self.correlation;
        let until = self.after(self.setup.timeouts.request);
        self.outstanding.insert(correlation, Outstanding { to, what, until });
        self.out.push(Effect::Send { to, correlation, request });
    }

    pub(super) fn is_asked(&self, what: Asked) -> bool {
        self.outstanding.values().any(|request| request.what == what)
    }

    /// Takes an answer in, if it is still waited for.
    pub(super) fn answered(&mut self, correlation: u64, response: Response) {
        let Some(request) = self.outstanding.remove(&correlation) else { return };
        match response {
            Response::Vote { standing, granted } => {
                let known = self.learn(standing.epoch, standing.leader, &standing.endpoints);
                if known || request.what != Asked::Vote || standing.epoch != self.stored.epoch {
                    return;
                }
                let leads = standing.leader == Some(request.to);
                if leads && self.stored.leader == Some(request.to) {
                    // it was given up, and answers
                    self.follow(self.stored.epoch, request.to, standing.endpoints);
                } else {
                    self.voted(request.to, granted);
                }
            }
            Response::BeginQuorumEpoch(standing)
            | Response::EndQuorumEpoch(standing)
            | Response::UpdateRaftVoter(standing) => {
                self.learn(standing.epoch, standing.leader, &standing.endpoints);
            }
            Response::Fetch(response) => self.fetched(request, &response),
            Response::FetchSnapshot(response) => self.fetched_part(request, response),
            // never asked for by a replica
            Response::AddRaftVoter(_)
            | Response::RemoveRaftVoter(_)
            | Response::DescribeQuorum(_) => {}
        }
    }

    /// Gives a request up; `gone`: it was refused.
    pub(super) fn unreachable(&mut self, correlation: u64, gone: bool) {
        let Some(request) = self.outstanding.remove(&correlation) else { return };
        if gone {
            self.miss(request.to);
        }
        let again = self.after(self.setup.timeouts.retry);
        match (&mut self.role, request.what) {
            (Role::Follower(follower), Asked::Fetch | Asked::Snapshot) => follower.fetch_at = again,
            (Role::Unattached(unattached), Asked::Leader) => unattached.ask_at = again,
            _ => {}
        }
    }

    pub(super) fn expire_requests(&mut self) {
        let over = |(number, request): (&u64, &Outstanding)| {
            self.is_over(request.until).then_some(*number)
        };
        let over: Vec<u64> = self.outstanding.iter().filter_map(over).collect();
        for correlation in over {
            self.unreachable(correlation, false);
        }
    }

    /// Everybody who votes but this replica.
    pub(super) fn others(&self) -> Vec<super::ReplicaKey> {
        let keys = self.voters().iter().map(|voter| voter.key);
        keys.filter(|key| key.id != self.setup.me.id).collect()
    }

    /// Whether there is anybody to ask who leads.
    pub(super) fn asks_for_leader(&self) -> bool {
        !self.unasked().is_empty()
    }

    /// Whoever may know who leads and is not being asked.
    fn unasked(&self) -> Vec<BrokerId> {
        let voters = self.others().into_iter().map(|voter| voter.id);
        let known = voters.chain(self.setup.bootstrap.iter().copied());
        let asked =
            |to| self.outstanding.values().any(|it| it.what == Asked::Leader && it.to == to);
        known.filter(|to| !asked(*to)).collect()
    }

    /// Asks everybody who leads, as whoever is asked may be the one that is silent: with a fetch,
    /// as everybody answers those.
    pub(super) fn look_for_leader(&mut self) {
        for to in self.unasked() {
            let request = self.fetch_request(0);
            self.send(to, Asked::Leader, Request::Fetch(request));
        }
    }

    /// A fetch of what comes behind our log. Only sent while all of that is on the disk.
    pub(super) fn fetch_request(&self, max_wait_ms: u32) -> FetchRequest {
        FetchRequest {
            replica: self.setup.me,
            epoch: self.stored.epoch,
            offset: self.log.synced.min(self.log.end),
            last_epoch: self.log.epoch_before(self.log.synced.min(self.log.end)),
            high_watermark: self.high_watermark,
            max_wait_ms,
            max_bytes: FETCH_BYTES,
        }
    }
}
