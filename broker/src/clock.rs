//! The only place of the broker that reads the clocks for a machine.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kastellan_core::machine::{Millis, Now};

/// Both clocks; the monotonic one starts with the process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock whose monotonic side starts now.
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now() }
    }

    /// Both clocks, read together.
    pub(crate) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Now {
            monotonic: self.monotonic(),
            wall: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// The monotonic clock alone.
    pub(crate) fn monotonic(&self) -> Millis {
        Millis(u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// The instant at which the monotonic clock reaches `at`.
    pub(crate) fn instant(&self, at: Millis) -> Instant {
        let far = Duration::from_hours(24 * 365);
        self.origin + Duration::from_millis(at.0).min(far)
    }
}
