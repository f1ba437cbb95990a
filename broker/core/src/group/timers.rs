//! Everything that waits for time to pass, in the order in which it comes due.

use std::collections::BTreeSet;

use super::name::{GroupId, MemberId};
use crate::machine::Millis;

/// What comes due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The group's phase: its barrier opens, or the members that owe a sync are out of time.
    Phase,
    /// A member was silent for too long.
    Session(MemberId),
    /// Somebody never came back with the id it was given.
    Pending(MemberId),
}

/// The timers of all groups. Whoever owns a timer keeps its moment in a slot, so that it can be
/// moved.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(Millis, GroupId, Timer)>,
}

impl Timers {
    /// Moves the timer whose moment is in `slot` to `at`; `None` stops it.
    pub(super) fn set(
        &mut self,
        slot: &mut Option<Millis>,
        at: Option<Millis>,
        group: &GroupId,
        timer: Timer,
    ) {
        if *slot == at {
            return;
        }
        let mut entry = (Millis::ZERO, group.clone(), timer);
        if let Some(old) = slot.take() {
            entry.0 = old;
            self.due.remove(&entry);
        }
        if let Some(new) = at {
            entry.0 = new;
            self.due.insert(entry);
        }
        *slot = at;
    }

    /// When the first one comes due.
    pub(super) fn first(&self) -> Option<Millis> {
        self.due.first().map(|(at, ..)| *at)
    }

    /// Takes out the first one that is due; its owner is to empty the slot.
    pub(super) fn pop(&mut self, now: Millis) -> Option<(GroupId, Timer)> {
        if self.first()? > now {
            return None;
        }
        self.due.pop_first().map(|(_, group, timer)| (group, timer))
    }
}
