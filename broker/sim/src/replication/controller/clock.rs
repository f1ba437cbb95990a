//! The clock of whoever is the controller: it began at another moment than those of the brokers,
//! and goes a little faster or slower.

use kastellan_core::machine::{Millis, Now};

use crate::random::Random;

/// How much faster or slower, in thousandths. Leases bear twice that.
const SKEW: i64 = 50;
/// A second of a clock that is right, in its own.
const RIGHT: i64 = 1_000;

/// A clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    origin: u64,
    /// How far it gets in a second.
    rate: u64,
}

impl Clock {
    pub(super) fn new(random: &mut Random) -> Self {
        let rate = random.between(RIGHT - SKEW, RIGHT + SKEW + 1).unsigned_abs();
        Self { origin: random.between(0, 1_000_000).unsigned_abs(), rate }
    }

    /// What it shows at `now`.
    pub(super) fn at(self, now: Millis) -> Now {
        let monotonic = self.origin + now.0 * self.rate / RIGHT.unsigned_abs();
        Now { monotonic: Millis(monotonic), wall: 0 }
    }

    /// When it shows `shown`.
    pub(super) fn back(self, shown: Millis) -> Millis {
        let passed = shown.0.saturating_sub(self.origin) * RIGHT.unsigned_abs();
        Millis(passed.div_ceil(self.rate))
    }
}
