//! Standing for election: first asking whether there would be votes (KIP-996), then for votes.
//!
//! The first question changes nothing anywhere, so a replica that nobody would elect, because it is
//! cut off or was removed, disturbs nobody.

use std::collections::BTreeSet;

use super::{
    Quorum, Stored,
    message::{Request, VoteRequest},
    role::{Campaign, Role},
    send::Asked,
};
use crate::id::BrokerId;

impl Quorum {
    /// Asks everybody whether there would be votes.
    pub(super) fn ask_around(&mut self) {
        self.leave();
        let until = self.election_ends();
        self.role = Role::Prospective(Campaign::until(until));
        self.poll_voters(true);
        self.voted(self.setup.me.id, true);
    }

    /// Stands for election in the next epoch; its own vote is written down before it asks others.
    pub(super) fn run_for_office(&mut self) {
        self.leave();
        let epoch = self.stored.epoch.saturating_add(1);
        self.store(Stored { epoch, leader: None, voted: Some(self.setup.me) });
        let until = self.election_ends();
        self.role = Role::Candidate(Campaign::until(until));
        self.poll_voters(false);
        self.voted(self.setup.me.id, true);
    }

    fn poll_voters(&mut self, pre_vote: bool) {
        for voter in self.others() {
            let request = VoteRequest {
                voter,
                candidate: self.setup.me,
                epoch: self.stored.epoch,
                last_epoch: self.log.last_epoch(),
                last_offset: self.log.end,
                pre_vote,
            };
            self.send(voter.id, Asked::Vote, Request::Vote(request));
        }
    }

    /// Counts a vote, or that there is none.
    pub(super) fn voted(&mut self, voter: BrokerId, granted: bool) {
        let prospective = matches!(self.role, Role::Prospective(_));
        let (Role::Prospective(campaign) | Role::Candidate(campaign)) = &mut self.role else {
            return;
        };
        let side = if granted { &mut campaign.granted } else { &mut campaign.refused };
        side.insert(voter);
        let (granted, refused) = (campaign.granted.clone(), campaign.refused.clone());
        let voters = self.voters();
        let count = |side: &BTreeSet<BrokerId>| {
            voters.iter().filter(|voter| side.contains(&voter.key.id)).count()
        };
        let (won, lost) = (
            count(&granted) >= voters.majority(),
            count(&refused) > voters.len() - voters.majority(),
        );
        match self.stored.leader {
            _ if won && prospective => self.run_for_office(),
            _ if won => self.lead(&granted),
            // the others keep the leader that it gave up
            Some(leader) if lost && prospective && leader != self.setup.me.id => {
                self.follow(self.stored.epoch, leader, Vec::new());
            }
            _ => {}
        }
    }
}
