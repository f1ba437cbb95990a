//! How long a failed attempt is remembered.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

/// How long the first failure stays fresh; every further one for twice as long.
const FIRST: Duration = Duration::from_millis(20);

/// The longest that a failure stays fresh: a node that is started again is found soon.
const LONGEST: Duration = Duration::from_millis(500);

/// The failures since the last success.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// The last attempt has succeeded.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// The last attempt has failed. The pause is between half and the whole of its length, so that
    /// not all come back at once.
    pub(super) fn failed(&mut self, now: Instant) {
        let whole = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST);
        let (random, _) = Uuid::new_v4().as_u64_pair();
        let share = u32::try_from(random % 1000).unwrap_or(0);
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + whole / 2 + whole / 2 * share / 1000);
    }

    /// Whether nothing else has failed since the last success: a second look is worth its while.
    pub(super) fn is_first(&self) -> bool {
        self.failures <= 1
    }

    /// Until when the last failure is fresh.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Whether the last failure is so fresh that another attempt would be too early.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_stay_fresh_for_longer_and_longer_up_to_half_a_second() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        assert!(!backoff.is_fresh(now));
        for doubled in [20, 40, 80, 160, 320, 500, 500] {
            backoff.failed(now);
            assert!(backoff.is_fresh(now + Duration::from_millis(doubled / 2 - 1)));
            assert!(!backoff.is_fresh(now + Duration::from_millis(doubled)));
        }
        backoff.reset();
        assert!(!backoff.is_fresh(now));
    }
}
