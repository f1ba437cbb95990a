//! Answers to others: votes, and who begins or ends to lead.

use kastellan_protocol::ErrorCode;

use super::{
    Effect, Quorum, Stored,
    message::{
        BeginQuorumEpochRequest, EndQuorumEpochRequest, Request, Response, Standing, VoteRequest,
    },
    role::Role,
};
use crate::{id::LeaderEpoch, machine::Ticket};

impl Quorum {
    pub(super) fn answer(&mut self, token: Ticket, request: Request) {
        let response = match request {
            Request::Vote(request) => {
                let (error, granted) = self.vote(&request);
                Response::Vote { standing: self.standing(error), granted }
            }
            Request::BeginQuorumEpoch(request) => {
                let error = self.begun(request);
                Response::BeginQuorumEpoch(self.standing(error))
            }
            Request::EndQuorumEpoch(request) => {
                let error = self.ended(&request);
                Response::EndQuorumEpoch(self.standing(error))
            }
            Request::Fetch(request) => return self.serve_fetch(token, request),
            Request::FetchSnapshot(request) => return self.serve_snapshot(token, &request),
            Request::UpdateRaftVoter(request) => return self.update_voter(token, request),
            Request::AddRaftVoter(voter) => return self.add_voter(token, voter),
            Request::RemoveRaftVoter(voter) => return self.remove_voter(token, voter),
            Request::DescribeQuorum => Response::DescribeQuorum(self.describe()),
        };
        self.out.push(Effect::Reply { token, response });
    }

    /// What every answer says.
    pub(super) fn standing(&self, error: Option<ErrorCode>) -> Standing {
        let leader = self.stored.leader;
        let endpoints = leader.map_or(&[][..], |leader| self.endpoints_of(leader)).to_vec();
        Standing { error, epoch: self.stored.epoch, leader, endpoints }
    }

    /// The error of whoever is in another epoch.
    pub(super) fn check_epoch(&self, epoch: LeaderEpoch) -> Option<ErrorCode> {
        match epoch.cmp(&self.stored.epoch) {
            std::cmp::Ordering::Less => Some(ErrorCode::FencedLeaderEpoch),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(ErrorCode::UnknownLeaderEpoch),
        }
    }

    fn vote(&mut self, request: &VoteRequest) -> (Option<ErrorCode>, bool) {
        if !request.voter.matches(self.setup.me) {
            return (Some(ErrorCode::InvalidVoterKey), false);
        }
        if request.epoch < self.stored.epoch {
            return (Some(ErrorCode::FencedLeaderEpoch), false);
        }
        if request.epoch > self.stored.epoch {
            self.unattach(request.epoch);
        }
        let mine = (self.log.last_epoch(), self.log.end);
        let up_to_date = (request.last_epoch, request.last_offset) >= mine;
        let granted = if request.pre_vote {
            up_to_date && self.would_vote()
        } else {
            self.stored.voted == Some(request.candidate) || up_to_date && self.may_vote()
        };
        if granted && !request.pre_vote && self.stored.voted.is_none() {
            let voted = Some(request.candidate);
            self.store(Stored { voted, ..self.stored });
            // whoever got the vote gets the time to win
            self.unattach(self.stored.epoch);
        }
        (None, granted)
    }

    /// Whether it would like another leader: not while the one that it has answers.
    fn would_vote(&self) -> bool {
        match &self.role {
            Role::Unattached(_) | Role::Prospective(_) | Role::Candidate(_) => true,
            Role::Follower(follower) => !follower.fetched,
            Role::Leader(_) => false,
        }
    }

    /// Whether its vote in this epoch is still free: it was not given, and nobody has won.
    fn may_vote(&self) -> bool {
        let free = matches!(self.role, Role::Unattached(_) | Role::Prospective(_));
        free && self.stored.voted.is_none() && self.stored.leader.is_none()
    }

    fn begun(&mut self, request: BeginQuorumEpochRequest) -> Option<ErrorCode> {
        if !request.voter.matches(self.setup.me) {
            return Some(ErrorCode::InvalidVoterKey);
        }
        if request.epoch < self.stored.epoch {
            return Some(ErrorCode::FencedLeaderEpoch);
        }
        self.learn(request.epoch, Some(request.leader), &request.endpoints);
        if let Role::Follower(follower) = &mut self.role
            && self.stored.leader == Some(request.leader)
            && !request.endpoints.is_empty()
        {
            follower.endpoints = request.endpoints;
        }
        None
    }

    /// The leader leads no longer. The best of its followers stands for election at once, the
    /// others later, so that not all do.
    fn ended(&mut self, request: &EndQuorumEpochRequest) -> Option<ErrorCode> {
        if request.epoch < self.stored.epoch {
            return Some(ErrorCode::FencedLeaderEpoch);
        }
        self.learn(request.epoch, Some(request.leader), &[]);
        let me = self.setup.me;
        let place = request.successors.iter().position(|key| key.matches(me));
        let wait = match place {
            Some(place) => self.after(self.after_others(place)),
            None => self.election_ends(),
        };
        if let Role::Follower(follower) = &mut self.role
            && self.stored.leader == Some(request.leader)
        {
            follower.fetched = false;
            follower.until = follower.until.min(wait);
        }
        None
    }
}
