//! A node's clocks: they run at a rate of their own, and the wall clock jumps.

use kastellan_core::machine::{Millis, Now};

/// 2023-11-14, in milliseconds since 1970: where the wall clocks begin.
const BEGINNING: i64 = 1_700_000_000_000;

/// The clocks of one node; the monotonic one begins anew with every start of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeClock {
    /// Its milliseconds in a hundred real ones.
    rate: u64,
    /// The real time, and its own, at which the rate began to hold.
    since: (Millis, Millis),
    /// How far the wall clock is off, in milliseconds.
    wall: i64,
}

impl NodeClock {
    pub(crate) fn new() -> Self {
        Self { rate: 100, since: (Millis::ZERO, Millis::ZERO), wall: 0 }
    }

    /// What the node believes at the real time `now`.
    pub(crate) fn read(&self, now: Millis) -> Now {
        let run = now.0.saturating_sub(self.since.0.0) * self.rate / 100;
        let monotonic = Millis(self.since.1.0 + run);
        let since = i64::try_from(now.0).unwrap_or(i64::MAX);
        Now { monotonic, wall: BEGINNING + since + self.wall }
    }

    /// The real time at which the node's clock shows `at`, or a little later.
    pub(crate) fn real(&self, at: Millis) -> Millis {
        let run = at.0.saturating_sub(self.since.1.0) * 100;
        Millis(self.since.0.0 + run.div_ceil(self.rate))
    }

    /// From `now` on it shows `rate` milliseconds in a hundred.
    pub(crate) fn skew(&mut self, now: Millis, rate: u64) {
        self.since = (now, self.read(now).monotonic);
        self.rate = rate;
    }

    /// Moves the wall clock.
    pub(crate) fn jump(&mut self, by: i64) {
        self.wall += by;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skewed_clock_never_goes_back_and_finds_its_deadlines() {
        let mut clock = NodeClock::new();
        let mut last = Millis::ZERO;
        for (step, rate) in [100, 80, 125, 90, 100].into_iter().enumerate() {
            let now = Millis(1_000 * step as u64);
            clock.skew(now, rate);
            for later in 0..1_000 {
                let shown = clock.read(Millis(now.0 + later)).monotonic;
                assert!(shown >= last);
                last = shown;
            }
            let deadline = Millis(last.0 + 77);
            assert!(clock.read(clock.real(deadline)).monotonic >= deadline);
        }
        let before = clock.read(Millis(9_000));
        clock.jump(-500);
        let after = clock.read(Millis(9_000));
        assert_eq!((after.monotonic, after.wall), (before.monotonic, before.wall - 500));
    }
}
