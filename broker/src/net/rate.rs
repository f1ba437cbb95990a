//! How fast connections are taken in: `max.connection.creation.rate`, of the broker and of each
//! listener.

use std::{collections::BTreeMap, time::Duration};

use kastellan_core::machine::Millis;

use super::Limits;

/// A rate from which on nobody counts: Kafka's default.
const ANY: usize = i32::MAX as usize;

/// The account of the whole broker and of each listener.
#[derive(Debug, Default)]
pub(super) struct Rates {
    broker: Bucket,
    listeners: BTreeMap<String, Bucket>,
}

/// Connections that may come at once, in thousandths: at most a second's worth.
#[derive(Debug, Default)]
struct Bucket {
    thousandths: u64,
    filled: Option<Millis>,
}

impl Rates {
    /// Takes one connection off the accounts. `Some`: none is left, try again after that long.
    pub(super) fn take(
        &mut self,
        limits: &Limits,
        listener: &str,
        now: Millis,
    ) -> Option<Duration> {
        let own = limits.of_listener(listener).max_creation_rate;
        if limits.creation_rate >= ANY && own >= ANY {
            return None;
        }
        let of_listener = self.listeners.entry(listener.to_owned()).or_default();
        let waits = [self.broker.wait(limits.creation_rate, now), of_listener.wait(own, now)];
        if let Some(longest) = waits.into_iter().flatten().max() {
            return Some(longest);
        }
        self.broker.take();
        of_listener.take();
        None
    }
}

impl Bucket {
    /// How long until there is one; `None`: there is.
    fn wait(&mut self, rate: usize, now: Millis) -> Option<Duration> {
        let rate = u64::try_from(rate.min(ANY)).unwrap_or(u64::MAX);
        let full = rate.saturating_mul(1000);
        let passed = self.filled.map(|filled| now.since(filled));
        let passed =
            passed.map_or(1000, |passed| u64::try_from(passed.as_millis()).unwrap_or(1000));
        self.filled = Some(now);
        self.thousandths = self.thousandths.saturating_add(rate.saturating_mul(passed)).min(full);
        if self.thousandths >= 1000 {
            return None;
        }
        let missing = 1000 - self.thousandths;
        // at a rate of nothing only another limit helps
        Some(Duration::from_millis(missing.checked_div(rate).map_or(60_000, |ms| ms + 1)))
    }

    fn take(&mut self) {
        self.thousandths = self.thousandths.saturating_sub(1000);
    }
}

#[cfg(test)]
mod tests {
    use kastellan_core::config::{BrokerConfig, Overrides};

    use super::*;

    fn limits(name: &str, rate: &str) -> Limits {
        let settings = Overrides::from([(name.to_owned(), rate.to_owned())]);
        Limits::new(&BrokerConfig::parse(settings).unwrap())
    }

    #[test]
    fn a_second_takes_in_as_many_as_the_rate_says() {
        let limits = limits("listener.name.plain.max.connection.creation.rate", "2");
        let mut rates = Rates::default();
        let mut take = |listener: &str, at: u64| rates.take(&limits, listener, Millis(at));
        assert_eq!(take("plain", 5_000), None);
        assert_eq!(take("plain", 5_000), None);
        let wait = take("plain", 5_000).unwrap();
        assert!((500..=501).contains(&wait.as_millis()), "{wait:?}");
        assert_eq!(take("other", 5_000), None);
        assert_eq!(take("plain", 5_502), None);
        assert!(take("plain", 5_502).is_some());
    }

    #[test]
    fn a_rate_of_nothing_takes_in_nobody() {
        let limits = limits("max.connection.creation.rate", "0");
        assert!(Rates::default().take(&limits, "plain", Millis(0)).is_some());
    }
}
