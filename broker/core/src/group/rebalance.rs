//! The barrier: when it goes up, when it opens, and the generation that comes out.

use std::time::Duration;

use kastellan_protocol::ErrorCode;

use super::{
    live::{Initial, Live, Phase, Step},
    name::MemberId,
    record::GroupMetadata,
    reply::Reply,
    timers::Timer,
};

/// How long an empty group waits before it is written once more.
const REWRITE_AFTER: Duration = Duration::from_secs(5);

impl Live {
    /// Something about the members has changed, or one of them asks: a new generation is due.
    pub(super) fn rebalance(&mut self, step: &mut Step<'_>) {
        match self.phase {
            Phase::Preparing(_) => self.open_if_all_are_here(step),
            Phase::Empty | Phase::Completing | Phase::Stable => self.raise(step),
        }
    }

    /// Somebody has gone, or is no longer expected.
    pub(super) fn settle(&mut self, step: &mut Step<'_>) {
        match self.phase {
            Phase::Empty => (),
            Phase::Preparing(_) | Phase::Completing | Phase::Stable => self.rebalance(step),
        }
    }

    /// Puts the barrier up. The first one of an empty group stays up for the initial delay, so that
    /// members that start together come into one generation.
    pub(super) fn raise(&mut self, step: &mut Step<'_>) {
        let initial = self.phase == Phase::Empty;
        if self.phase == Phase::Completing {
            self.cancel_syncs(step, ErrorCode::RebalanceInProgress);
        }
        for member in self.members.values_mut() {
            member.owes_sync = false;
        }
        if !initial {
            self.enter(step, Phase::Preparing(None), None);
            self.wait_for_all(step);
            return;
        }
        let delay = step.settings.initial_rebalance_delay;
        let remaining = self.rebalance_timeout().saturating_sub(delay);
        let opens = step.now.monotonic.after(delay);
        let first = Initial { remaining, newcomer: false };
        self.enter(step, Phase::Preparing(Some(first)), Some(opens));
        if delay.is_zero() {
            self.open(step);
        }
    }

    /// Opens the barrier if nobody is missing. A first generation waits for its time all the same.
    pub(super) fn open_if_all_are_here(&mut self, step: &mut Step<'_>) {
        if self.phase == Phase::Preparing(None) && self.all_are_here() {
            self.open(step);
        }
    }

    fn all_are_here(&self) -> bool {
        let mut members = self.members.values();
        self.members.is_empty()
            || (self.pending.is_empty() && members.all(|member| member.joining.is_some()))
    }

    fn wait_for_all(&mut self, step: &mut Step<'_>) {
        if self.all_are_here() {
            self.open(step);
        } else {
            let at = step.now.monotonic.after(self.rebalance_timeout());
            self.set_phase_timer(step, Some(at));
        }
    }

    /// The barrier's time is up. A first generation waits again if somebody new came meanwhile.
    pub(super) fn barrier_is_due(&mut self, step: &mut Step<'_>) {
        if let Phase::Preparing(Some(first)) = &mut self.phase
            && first.newcomer
            && !first.remaining.is_zero()
        {
            let longer = step.settings.initial_rebalance_delay.min(first.remaining);
            first.newcomer = false;
            first.remaining -= longer;
            let at = step.now.monotonic.after(longer);
            self.set_phase_timer(step, Some(at));
            return;
        }
        self.open(step);
    }

    fn open(&mut self, step: &mut Step<'_>) {
        self.drop_the_missing(step);
        if !self.elect() {
            // only static members are left and none of them is here: their sessions decide
            let at = step.now.monotonic.after(self.rebalance_timeout());
            self.set_phase_timer(step, Some(at));
            return;
        }
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.protocol = self.select_protocol();
        if self.members.is_empty() {
            self.enter(step, Phase::Empty, None);
            self.write_empty(step);
        } else {
            let at = step.now.monotonic.after(self.rebalance_timeout());
            self.enter(step, Phase::Completing, Some(at));
            self.tell_generation(step);
        }
    }

    /// The log did not take the record that says that nobody is in: the generation is not given out
    /// again meanwhile.
    pub(super) fn stay_empty(&mut self, step: &mut Step<'_>, refused: &GroupMetadata) {
        self.generation = self.generation.max(refused.generation);
        self.since = refused.since;
        self.set_phase_timer(step, Some(step.now.monotonic.after(REWRITE_AFTER)));
    }

    /// Writes once more that nobody is in.
    pub(super) fn write_empty(&mut self, step: &mut Step<'_>) {
        let record = self.to_record();
        step.append(&self.id, vec![record]);
    }

    /// Dynamic members that did not come back are out; static ones keep their place for as long as
    /// their session lasts.
    fn drop_the_missing(&mut self, step: &mut Step<'_>) {
        let missing = self
            .members
            .iter()
            .filter(|(_, member)| member.joining.is_none() && member.instance.is_none());
        let missing: Vec<MemberId> = missing.map(|(id, _)| id.clone()).collect();
        for id in missing {
            self.remove_member(step, &id);
        }
    }

    /// Makes sure that the leader is one who is here. False if there are members and none of them
    /// is.
    fn elect(&mut self) -> bool {
        let is_here = |id: &MemberId| self.members.get(id).is_some_and(|m| m.joining.is_some());
        if self.leader.as_ref().is_some_and(is_here) {
            return true;
        }
        let mut here = self.members.iter().filter(|(_, member)| member.joining.is_some());
        match here.next() {
            Some((id, _)) => self.leader = Some(id.clone()),
            None if self.members.is_empty() => self.leader = None,
            None => return false,
        }
        true
    }

    fn tell_generation(&mut self, step: &mut Step<'_>) {
        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in ids {
            self.renew(step, &id);
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.is_newcomer = false;
            member.owes_sync = true;
            if let Some(ticket) = member.joining.take() {
                let joined = self.joined(&id);
                step.reply(ticket, Reply::Join(Box::new(joined)));
            }
        }
    }

    /// Takes a member out and answers whatever it waits for; whether there was one. What follows
    /// for the group is the caller's to decide.
    pub(super) fn remove_member(&mut self, step: &mut Step<'_>, id: &MemberId) -> bool {
        let Some(mut member) = self.members.remove(id) else { return false };
        self.weight -= member.weight();
        step.timers.set(&mut member.session_at, None, &self.id, Timer::Session(id.clone()));
        if let Some(instance) = &member.instance
            && self.statics.get(instance) == Some(id)
        {
            self.statics.remove(instance);
        }
        if let Some(ticket) = member.joining {
            step.turn_away(ticket, id.clone(), ErrorCode::UnknownMemberId);
        }
        if let Some(ticket) = member.syncing {
            step.reply(ticket, Reply::Sync(Err(ErrorCode::UnknownMemberId)));
        }
        if self.leader.as_ref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
        true
    }
}
