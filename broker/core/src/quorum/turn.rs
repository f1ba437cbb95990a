//! From one part to another.

use super::{
    Quorum, Stored,
    role::{Follower, Role, Unattached},
    voters::Endpoint,
};
use crate::id::{BrokerId, LeaderEpoch};

impl Quorum {
    /// Begins: after the leader it followed, or looking for one. A voter alone needs no election
    /// timeout.
    pub(super) fn start(&mut self) {
        match self.stored.leader.filter(|leader| *leader != self.setup.me.id) {
            Some(leader) => self.follow(self.stored.epoch, leader, Vec::new()),
            None => self.unattach(self.stored.epoch),
        }
        if self.is_alone() {
            self.run_for_office();
        }
    }

    fn is_alone(&self) -> bool {
        self.is_voter() && self.voters().len() == 1 && !self.resigning
    }

    /// Whether it may stand for election: also where it was removed and that is not known to be
    /// committed, as the others may have nobody else with all the records (Ongaro's dissertation,
    /// section 4.2.2).
    pub(super) fn may_lead(&self) -> bool {
        (self.is_voter() || self.was_voter()) && !self.resigning
    }

    /// Whether it votes by the set of voters before the last one, which may yet come to nothing.
    fn was_voter(&self) -> bool {
        let mut newest = self.log.voters.iter().rev();
        let open = newest.next().is_some_and(|(at, _)| *at >= self.high_watermark);
        let before = newest.next().map_or(&self.setup.voters, |(_, voters)| voters);
        open && before.holds(self.setup.me)
    }

    /// The vote that was given in `epoch`.
    pub(super) fn voted_in(&self, epoch: LeaderEpoch) -> Option<super::ReplicaKey> {
        self.stored.voted.filter(|_| epoch == self.stored.epoch)
    }

    /// Leaves whatever it did: requests that wait are told, and answers to its own mean nothing
    /// any more.
    pub(super) fn leave(&mut self) {
        self.outstanding.clear();
        if let Role::Leader(leader) = std::mem::replace(&mut self.role, Role::unattached()) {
            self.dismiss(*leader);
        }
    }

    /// Knows no leader in `epoch`, which may be new.
    pub(super) fn unattach(&mut self, epoch: LeaderEpoch) {
        let voted = self.voted_in(epoch);
        self.store(Stored { epoch, leader: None, voted });
        self.leave();
        let until = self.election_ends();
        let ask_at = self.now.monotonic;
        self.role = Role::Unattached(Unattached { until, ask_at });
    }

    /// Follows `leader` in `epoch`.
    pub(super) fn follow(
        &mut self,
        epoch: LeaderEpoch,
        leader: BrokerId,
        endpoints: Vec<Endpoint>,
    ) {
        assert_ne!(leader, self.setup.me.id, "nobody follows itself");
        let voted = self.voted_in(epoch);
        self.store(Stored { epoch, leader: Some(leader), voted });
        self.leave();
        let until = self.patience();
        let now = self.now.monotonic;
        self.role = Role::Follower(Follower {
            endpoints,
            until,
            fetched: false,
            fetch_at: now,
            download: None,
            update_at: now,
        });
    }

    /// Takes in who leads, as somebody else says; true where that changed what this replica does.
    pub(super) fn learn(
        &mut self,
        epoch: LeaderEpoch,
        leader: Option<BrokerId>,
        endpoints: &[Endpoint],
    ) -> bool {
        let other = leader.filter(|leader| *leader != self.setup.me.id);
        if epoch > self.stored.epoch {
            match other {
                Some(leader) => self.follow(epoch, leader, endpoints.to_vec()),
                None => self.unattach(epoch),
            }
            return true;
        }
        let free =
            matches!(self.role, Role::Unattached(_) | Role::Prospective(_) | Role::Candidate(_));
        // a leader that it knew and gave up is not found again because others still name it
        match other.filter(|_| free && self.stored.leader.is_none()) {
            Some(leader) if epoch == self.stored.epoch => {
                self.follow(epoch, leader, endpoints.to_vec());
                true
            }
            _ => false,
        }
    }
}
