//! Changing the voters, one at a time (KIP-853).
//!
//! A new set counts from the moment that its record is in the log, committed or not. Sets that
//! differ by one voter have majorities that overlap, so the next change waits until this one is
//! committed, and the first of an epoch until a record of that epoch is.

use std::time::Duration;

use kastellan_protocol::ErrorCode;

use super::{
    Effect, Quorum, control,
    message::{Response, Standing, UpdateRaftVoterRequest},
    role::{Change, Kind, Role},
    voters::{ReplicaKey, Voter, Voters},
};
use crate::machine::Ticket;

impl Quorum {
    pub(super) fn add_voter(&mut self, token: Ticket, voter: Voter) {
        let error = self.check_change().or_else(|| {
            if self.voters().get(voter.key.id).is_some() {
                return Some(ErrorCode::DuplicateVoter);
            }
            // an empty log would hold up everything that is decided next
            (!self.is_caught_up(voter.key)).then_some(ErrorCode::RequestTimedOut)
        });
        let voters = self.voters().with(voter);
        self.change_voters(token, Kind::Add, error, voters);
    }

    pub(super) fn remove_voter(&mut self, token: Ticket, key: ReplicaKey) {
        let error = self.check_change().or_else(|| {
            if !self.voters().holds(key) {
                return Some(ErrorCode::VoterNotFound);
            }
            (self.voters().len() == 1).then_some(ErrorCode::InvalidRequest)
        });
        let voters = self.voters().without(key.id);
        self.change_voters(token, Kind::Remove, error, voters);
    }

    pub(super) fn update_voter(&mut self, token: Ticket, request: UpdateRaftVoterRequest) {
        let voter = request.voter;
        let error = self.check_epoch(request.epoch).or_else(|| self.check_change());
        let error =
            error.or_else(|| (!self.voters().holds(voter.key)).then_some(ErrorCode::VoterNotFound));
        let voters = self.voters().with(voter);
        if error.is_none() && voters == *self.voters() {
            let response = Response::UpdateRaftVoter(self.standing(None));
            self.out.push(Effect::Reply { token, response });
            return;
        }
        self.change_voters(token, Kind::Update, error, voters);
    }

    /// Whether the voters can be changed now.
    fn check_change(&self) -> Option<ErrorCode> {
        let Role::Leader(leader) = &self.role else { return Some(ErrorCode::NotLeaderOrFollower) };
        if self.log.voters.is_empty() {
            // they are as they were set up
            return Some(ErrorCode::UnsupportedVersion);
        }
        let busy = leader.change.is_some() || self.settled().is_none() || self.is_changing();
        busy.then_some(ErrorCode::RequestTimedOut)
    }

    /// Whether the newest set of voters is not committed.
    fn is_changing(&self) -> bool {
        self.log.voters.last().is_some_and(|(at, _)| *at >= self.high_watermark)
    }

    /// Whether a replica without a vote has all that is committed, and asks for more.
    fn is_caught_up(&self, key: ReplicaKey) -> bool {
        let Role::Leader(leader) = &self.role else { return false };
        let recent: Duration = self.setup.timeouts.fetch;
        let caught_up = |(known, progress): (&ReplicaKey, &super::role::Progress)| {
            known.matches(key)
                && progress.end >= self.high_watermark
                && !self.is_over(progress.fetched.after(recent))
        };
        leader.progress.iter().any(caught_up)
    }

    fn change_voters(
        &mut self,
        token: Ticket,
        kind: Kind,
        error: Option<ErrorCode>,
        voters: Voters,
    ) {
        if error.is_some() {
            let response = answer(kind, self.standing(error));
            self.out.push(Effect::Reply { token, response });
            return;
        }
        let batch = control::voters(self, self.next_offset(), &voters);
        let at = self.log.end;
        if let Role::Leader(leader) = &mut self.role {
            leader.change = Some(Change { token: Some((token, kind)), at });
        }
        self.append_voters(batch, voters);
        self.commit();
    }

    /// Appends a record with a set of voters, which counts from now on.
    pub(super) fn append_voters(&mut self, batch: Vec<u8>, voters: Voters) {
        let at = self.log.end;
        self.log.voters.push((at, voters));
        self.append_own(batch);
    }

    /// More is committed: answers whoever changed the voters, and sees to the leader's own vote.
    pub(super) fn changed(&mut self) {
        let high_watermark = self.high_watermark;
        let Role::Leader(leader) = &mut self.role else { return };
        if let Some(change) = leader.change.filter(|change| change.at < high_watermark) {
            leader.change = None;
            if let Some((token, kind)) = change.token {
                let response = answer(kind, self.standing(None));
                self.out.push(Effect::Reply { token, response });
            }
        }
        if self.is_changing() || self.log.voters.is_empty() {
            return;
        }
        if !self.is_voter() {
            // it led until its own removal was committed
            self.resign();
            return;
        }
        let mine = Voter { key: self.setup.me, endpoints: self.setup.endpoints.clone() };
        let differs = self.voters().get(mine.key.id).is_some_and(|voter| *voter != mine);
        if self.settled().is_some() && differs {
            let voters = self.voters().with(mine);
            let batch = control::voters(self, self.next_offset(), &voters);
            let at = self.log.end;
            if let Role::Leader(leader) = &mut self.role {
                leader.change = Some(Change { token: None, at });
            }
            self.append_voters(batch, voters);
        }
    }
}

pub(super) fn answer(kind: Kind, standing: Standing) -> Response {
    match kind {
        Kind::Add => Response::AddRaftVoter(standing),
        Kind::Remove => Response::RemoveRaftVoter(standing),
        Kind::Update => Response::UpdateRaftVoter(standing),
    }
}
