//! Who is in sync: what the leader proposes to the controller, and what comes of it.
//!
//! While a proposal is under way nobody knows whether it holds: the high watermark waits for
//! whoever is in the ISR before it or after it (the maximal ISR). At most one is under way, and
//! only the metadata ends it: an answer may overtake the change of `min.insync.replicas` that came
//! before it.

use std::time::Duration;

use kastellan_protocol::ErrorCode;

use super::{Moved, Partition, Role, lead::Leader, replica::Replica};
use crate::{
    id::{BrokerId, LeaderEpoch},
    log::Log,
    machine::Millis,
};

/// For so long after an answer that never came a controller may still carry the request out: it is
/// in a socket's buffer somewhere.
const LINGERS: Duration = Duration::from_secs(30);

/// A proposal that was refused is made once more after this, if there is still a reason.
const AGAIN: Duration = Duration::from_millis(500);

/// What the leader wants the ISR to be: one partition of an `AlterPartition` request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The epoch in which the sender leads.
    pub leader_epoch: LeaderEpoch,
    /// The partition epoch that it rests on.
    pub partition_epoch: i32,
    /// Who should be in sync, each with the epoch of its broker's registration; -1 for the leader's
    /// own and where none is known (KIP-903).
    pub isr: Vec<(BrokerId, i64)>,
}

/// A proposal on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    /// The followers that are to be in sync, each as the registration that it was found to be in
    /// sync as: one that has begun a new life since may have lost what it had.
    isr: Vec<(BrokerId, i64)>,
    sent: bool,
    /// Until then an earlier attempt may still be carried out.
    uncertain: Option<Millis>,
}

impl Leader {
    /// Whether something waits to be sent.
    pub(super) fn wants_to_propose(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| !pending.sent)
    }

    /// After an unclean election the controller is told that the leader has recovered: it has, as
    /// soon as it leads.
    pub(super) fn propose_recovered(&mut self) {
        if self.recovering {
            self.propose(|follower| follower.in_sync);
        }
    }

    fn propose(&mut self, keeps: impl Fn(&Replica) -> bool) {
        let kept = self.followers.iter().filter(|follower| keeps(follower));
        let isr = kept.map(|follower| (follower.id, follower.broker_epoch)).collect();
        self.pending = Some(Pending { isr, sent: false, uncertain: None });
    }

    /// The ISR is what it was before the proposal.
    fn give_up(&mut self) {
        self.pending = None;
        self.followers.iter_mut().for_each(|follower| follower.joining = false);
    }
}

impl<L: Log> Partition<L> {
    /// Proposes followers for the ISR that have everything that readers see and everything from
    /// before this leader's epoch, if `eligible` says that the metadata lets them join: the very
    /// registration of the broker that it is asked about is there, runs, and is not about to stop.
    pub(super) fn consider_expanding(&mut self, eligible: impl Fn(BrokerId, i64) -> bool) -> bool {
        let seen = self.high_watermark;
        let Role::Leader(leader) = &mut self.role else { return false };
        if leader.pending.is_some() {
            return false;
        }
        let least = seen.max(leader.epoch_start);
        let mut joins = false;
        for follower in leader.followers.iter_mut().filter(|follower| !follower.in_sync) {
            follower.joining =
                follower.log_end >= least && eligible(follower.id, follower.broker_epoch);
            joins |= follower.joining;
        }
        if !joins {
            return false;
        }
        if leader.recovering {
            // nobody joins before that is told
            leader.give_up();
            leader.propose_recovered();
        } else {
            leader.propose(Replica::counts);
        }
        true
    }

    /// When to look at the ISR again: the first of those in sync that are behind has been so for
    /// too long, or what was refused is to be tried once more. `None` also while a proposal is
    /// under way, which ends with an assignment or a refusal.
    pub fn review_deadline(&self) -> Option<Millis> {
        let Role::Leader(leader) = &self.role else { return None };
        if leader.pending.is_some() {
            return None;
        }
        let end = self.log.end();
        let behind = leader.followers.iter().filter(|it| it.in_sync && it.log_end < end);
        let behind = behind.map(|follower| follower.caught_up.after(self.settings.lag)).min();
        // after a refusal all of it waits for a moment
        leader.retry.or(behind)
    }

    /// Looks at the ISR: proposes to go on without those that have been behind for too long, and
    /// with those that have caught up. To be called at [`Partition::review_deadline`] and when the
    /// metadata has new brokers or another state of known ones. `eligible`: as the metadata says,
    /// of a broker and the epoch of its registration.
    pub fn review(&mut self, now: Millis, eligible: impl Fn(BrokerId, i64) -> bool) -> Moved {
        let (end, lag) = (self.log.end(), self.settings.lag);
        let Role::Leader(leader) = &mut self.role else { return Moved::default() };
        if leader.pending.is_some() {
            return Moved::default();
        }
        leader.retry = leader.retry.filter(|retry| now < *retry);
        let stays = |follower: &Replica| {
            follower.in_sync && (follower.log_end >= end || now.since(follower.caught_up) < lag)
        };
        let proposal = if leader.followers.iter().all(|it| !it.in_sync || stays(it)) {
            self.consider_expanding(eligible)
        } else {
            leader.propose(stays);
            true
        };
        Moved { visible: false, proposal }
    }

    /// The proposal to send; `None` where there is none, or it has been taken already.
    pub fn take_proposal(&mut self) -> Option<Proposal> {
        let (me, leader_epoch, partition_epoch) = (self.me, self.epoch, self.partition_epoch);
        let Role::Leader(leader) = &mut self.role else { return None };
        let pending = leader.pending.as_mut().filter(|pending| !pending.sent)?;
        pending.sent = true;
        let isr = std::iter::once((me, -1)).chain(pending.isr.iter().copied()).collect();
        Some(Proposal { leader_epoch, partition_epoch, isr })
    }

    /// What became of `proposal`. `None`: no answer came, and nobody knows.
    ///
    /// One that was carried out, or rests on what is no longer so, stands until the metadata tells:
    /// an earlier attempt may have been carried out, too.
    pub fn proposal_answered(
        &mut self,
        now: Millis,
        proposal: &Proposal,
        answer: Option<Result<(), ErrorCode>>,
    ) -> Moved {
        let of = (proposal.leader_epoch, proposal.partition_epoch);
        if of != (self.epoch, self.partition_epoch) {
            return Moved::default();
        }
        let Role::Leader(leader) = &mut self.role else { return Moved::default() };
        let Some(pending) = leader.pending.as_mut() else { return Moved::default() };
        match answer {
            None | Some(Err(ErrorCode::RequestTimedOut)) => {
                pending.uncertain = Some(now.after(LINGERS));
                pending.sent = false;
            }
            Some(Err(ErrorCode::NotController)) => pending.sent = false,
            Some(
                Ok(())
                | Err(
                    ErrorCode::InvalidUpdateVersion
                    | ErrorCode::FencedLeaderEpoch
                    | ErrorCode::NewLeaderElected
                    | ErrorCode::NotLeaderOrFollower,
                ),
            ) => {}
            Some(Err(_)) if pending.uncertain.is_some_and(|until| now < until) => {
                pending.sent = false;
            }
            Some(Err(_)) => {
                leader.give_up();
                leader.retry = Some(now.after(AGAIN));
                return Moved { visible: self.advance(), proposal: false };
            }
        }
        Moved { visible: false, proposal: leader.wants_to_propose() }
    }
}
