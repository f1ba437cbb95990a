//! What a leader knows of one follower.

use crate::{
    id::{BrokerId, Offset},
    machine::Millis,
};

/// A follower's state, as its fetches tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Replica {
    pub(super) id: BrokerId,
    /// The epoch of its broker's registration; -1 before its first fetch (KIP-903).
    pub(super) broker_epoch: i64,
    /// One past the last offset that it is known to have; -1 before its first fetch.
    pub(super) log_end: Offset,
    /// The first offset that it has; -1 where it has not said so.
    pub(super) log_start: Offset,
    /// In the ISR as it is committed.
    pub(super) in_sync: bool,
    /// Proposed to join the ISR: it counts for the high watermark already.
    pub(super) joining: bool,
    /// When it last had everything that the leader had.
    pub(super) caught_up: Millis,
    /// Its last fetch: when, and where the leader's log ended then.
    last_fetch: (Millis, Offset),
}

impl Replica {
    /// A follower at the beginning of a leader epoch, of which nothing is known yet.
    pub(super) fn new(id: BrokerId, now: Millis, in_sync: bool) -> Self {
        Self {
            id,
            broker_epoch: -1,
            log_end: -1,
            log_start: -1,
            in_sync,
            joining: false,
            caught_up: now,
            last_fetch: (now, Offset::MAX),
        }
    }

    /// When it fetched last; when this leader epoch began where it has not.
    pub(super) fn asked(&self) -> Millis {
        self.last_fetch.0
    }

    /// Whether the high watermark waits for it.
    pub(super) fn counts(&self) -> bool {
        self.in_sync || self.joining
    }

    /// It has everything before `offset`, as its fetch at `now` says; the leader's log ends at
    /// `end`. One that has all that was there at the fetch before was caught up then.
    pub(super) fn fetched(&mut self, now: Millis, offset: Offset, end: Offset) {
        if offset >= end {
            self.caught_up = self.caught_up.max(now);
        } else if offset >= self.last_fetch.1 {
            self.caught_up = self.caught_up.max(self.last_fetch.0);
        }
        self.log_end = offset;
        self.last_fetch = (now, end);
    }

    /// The leader's log is about to grow beyond `end`: who has it all so far is caught up now.
    pub(super) fn outgrown(&mut self, now: Millis, end: Offset) {
        if self.log_end >= end {
            self.caught_up = self.caught_up.max(now);
        }
    }
}
