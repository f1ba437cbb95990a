//! Replication: what followers read here, what is fetched from elsewhere, and who is in sync.

use kastellan_core::{
    id::BrokerId,
    machine::{Millis, Now},
    partition::{
        Answer, Assigned, Assignment, Fetching, Followed, From, Moved, Position, Proposal,
    },
};
use kastellan_protocol::ErrorCode;

use super::{Partition, Read, State, signals::Want, waiting::Told};
use crate::throttles::Throttle;

/// A follower that fetches, and whether it has just asked: then it has everything before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Follower<'a> {
    /// Who it is.
    pub(crate) who: Fetching,
    /// Whether this look is the first at what it asks.
    pub(crate) fresh: bool,
    /// What holds it back while it is not in sync.
    pub(crate) throttle: Option<&'a Throttle>,
}

impl State {
    /// Does what a change of the machine asks for; whoever is to be told is returned.
    pub(super) fn heed(&mut self, moved: Moved) -> Option<Told> {
        let Some(machine) = &self.machine else { return None };
        let review = machine.review_deadline().filter(|_| !self.reviewed);
        if moved.proposal || review.is_some() {
            self.reviewed |= review.is_some();
            let want = Want { proposal: moved.proposal, review, fetch: false };
            self.committing.signals.want(self.committing.name, want);
        }
        moved.visible.then(|| {
            self.tell_consumers(0, true);
            self.committed()
        })
    }

    /// The fetchers should look where it is to be fetched from.
    pub(super) fn want_fetch(&self) {
        let want = Want { fetch: true, ..Want::default() };
        self.committing.signals.want(self.committing.name, want);
    }
}

impl Partition {
    /// Whether this broker leads it, and in which epoch.
    pub(crate) fn leads(&self) -> Option<i32> {
        self.with(|machine| machine.is_leader().then(|| machine.epoch())).ok().flatten()
    }

    /// Takes up what the controller decided. Who waits for a leader that leads no longer is told
    /// so: 6 `NOT_LEADER_OR_FOLLOWER`.
    pub(crate) fn assign(&self, now: Millis, assignment: &Assignment) -> Result<(), ErrorCode> {
        let mut state = self.lock()?;
        let machine = state.machine.as_mut().ok_or(ErrorCode::KafkaStorageError)?;
        let told = match machine.assign(now, assignment) {
            Assigned::Follows | Assigned::Idle => {
                state.want_fetch();
                Some(state.send_away(ErrorCode::NotLeaderOrFollower))
            }
            Assigned::Leads(moved) => {
                if assignment.replicas.len() > 1 {
                    state.want_fetch();
                }
                state.heed(moved)
            }
            Assigned::Same(moved) => {
                if machine.is_leader() && assignment.isr.len() < assignment.replicas.len() {
                    // who has caught up while a proposal was under way was not looked at
                    let review = Some(now);
                    let want = Want { review, ..Want::default() };
                    state.committing.signals.want(state.committing.name, want);
                }
                state.heed(moved)
            }
            Assigned::Stale => None,
        };
        let told = [told, state.deleted()];
        drop(state);
        told.into_iter().flatten().for_each(Told::tell);
        Ok(())
    }

    /// Reads what a follower asks for, up to the end of the log. Errors: those of
    /// [`kastellan_core::partition::Partition::follower_fetch`].
    pub(crate) fn read_for(
        &self,
        now: Millis,
        follower: Follower<'_>,
        mut from: From,
    ) -> Result<Read, ErrorCode> {
        let mut state = self.lock()?;
        let machine = state.machine.as_mut().ok_or(ErrorCode::KafkaStorageError)?;
        let bounds = if follower.fresh {
            let (bounds, moved) = machine.follower_fetch(now, follower.who, from)?;
            let told = [state.heed(moved), state.deleted()];
            if told.iter().any(Option::is_some) {
                drop(state);
                told.into_iter().flatten().for_each(Told::tell);
                state = self.lock()?;
            }
            bounds
        } else {
            machine.follower_bounds(follower.who, from)?
        };
        let machine = state.machine.as_ref().ok_or(ErrorCode::KafkaStorageError)?;
        let throttle = follower.throttle.filter(|_| !machine.has_in_sync(follower.who.replica));
        if throttle.is_some_and(|throttle| throttle.exhausted(now).is_some()) {
            (from.max_bytes, from.at_least_one) = (0, false);
        }
        let read = self.read_within(state, from, &bounds)?;
        Ok(Read { throttled: throttle.is_some(), ..read })
    }

    /// From where it is to be fetched, and from whom; `None` where it is not, or not now.
    pub(crate) fn following(&self) -> Option<(BrokerId, Option<Position>)> {
        let state = self.lock().ok()?;
        let machine = state.machine.as_ref().filter(|machine| !machine.is_leader())?;
        Some((machine.leader()?, machine.position()))
    }

    /// Takes in what the leader answered; returns from where to go on. Errors: those of
    /// [`kastellan_core::partition::Partition::follow`].
    pub(crate) fn follow(
        &self,
        now: Now,
        sent: Position,
        answer: &Answer<'_>,
    ) -> Result<(Followed, Option<Position>), ErrorCode> {
        let mut state = self.lock()?;
        let machine = state.machine.as_mut().ok_or(ErrorCode::KafkaStorageError)?;
        let followed = machine.follow(now, sent, answer)?;
        let position = machine.position();
        match followed {
            Followed::Stale | Followed::Appended { bytes: 0, visible: false } => {}
            Followed::Appended { bytes, visible } => {
                if bytes > 0 {
                    state.commit(self.topic.config().flush_messages);
                }
                if visible {
                    state.tell_consumers(bytes, true);
                }
            }
            Followed::Truncated { to } | Followed::Restarted { at: to } => {
                tracing::info!(partition = ?self, to, "cut off what the leader does not have");
                state.snapshot = state.snapshot.min(to);
                // what is being copied to another directory is not what it was
                state.future = None;
                state.tell_readers(0, true);
            }
        }
        Ok((followed, position))
    }

    /// What to propose to the controller, once.
    pub(crate) fn take_proposal(&self) -> Option<Proposal> {
        self.lock().ok()?.machine.as_mut()?.take_proposal()
    }

    /// What became of a proposal; `None`: nobody knows.
    pub(crate) fn proposal_answered(
        &self,
        now: Millis,
        proposal: &Proposal,
        answer: Option<Result<(), ErrorCode>>,
    ) {
        self.change(|machine| machine.proposal_answered(now, proposal, answer));
    }

    /// Looks at the ISR; `eligible` as the metadata says.
    pub(crate) fn review(&self, now: Millis, eligible: impl Fn(BrokerId, i64) -> bool) {
        if let Ok(mut state) = self.lock() {
            state.reviewed = false;
        }
        self.change(|machine| machine.review(now, eligible));
    }

    fn change(
        &self,
        act: impl FnOnce(&mut kastellan_core::partition::Partition<super::Log>) -> Moved,
    ) {
        let Ok(mut state) = self.lock() else { return };
        let Some(machine) = &mut state.machine else { return };
        let moved = act(machine);
        let told = state.heed(moved);
        drop(state);
        if let Some(told) = told {
            told.tell();
        }
    }
}
