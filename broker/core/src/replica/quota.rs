//! Replication quotas: `leader.replication.throttled.rate` and
//! `follower.replication.throttled.rate`.
//!
//! Bytes are spent first and paid off at the rate; whoever has spent more than a second's worth
//! waits. An answer is never cut for it, so that a rate below the size of a batch still makes
//! progress.

use std::time::Duration;

use crate::machine::Millis;

/// What may be spent ahead.
const AHEAD: Duration = Duration::from_secs(1);

/// The state of one quota.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    /// Bytes a second; `None`: as many as there are.
    rate: Option<u64>,
    /// When everything that was spent will be paid.
    paid: Millis,
}

impl Quota {
    /// A quota of `rate` bytes a second, 1 or more; `None`: none.
    pub fn new(rate: Option<u64>) -> Self {
        Self { rate, paid: Millis::ZERO }
    }

    /// Changes the rate; what was spent stays spent.
    pub fn set_rate(&mut self, rate: Option<u64>) {
        self.rate = rate;
    }

    /// Spends `bytes`.
    pub fn spend(&mut self, now: Millis, bytes: usize) {
        let Some(rate) = self.rate else { return };
        let cost = (bytes as u64).saturating_mul(1_000) / rate.max(1);
        self.paid = self.paid.max(now).after(Duration::from_millis(cost));
    }

    /// Until when nothing more is to be spent; `None`: go on.
    pub fn exhausted(&self, now: Millis) -> Option<Millis> {
        self.rate?;
        let owed = self.paid.since(now);
        (owed > AHEAD).then(|| now.after(owed.saturating_sub(AHEAD)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_time_the_rate_is_held() {
        let mut quota = Quota::new(Some(1_000));
        let (mut now, mut spent) = (Millis(5), 0_u64);
        while now < Millis(60_000) {
            if let Some(until) = quota.exhausted(now) {
                now = until;
            } else {
                quota.spend(now, 300);
                spent += 300;
            }
        }
        assert!((59_000..=62_000).contains(&spent), "{spent}");
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let mut quota = Quota::new(None);
        quota.spend(Millis(0), usize::MAX);
        assert_eq!(quota.exhausted(Millis(0)), None);
        quota.set_rate(Some(1));
        assert_eq!(quota.exhausted(Millis(0)), None, "what was free stays free");
    }
}
