//! When an issuer is asked for its keys again.

use std::time::Duration;

use crate::machine::Millis;

/// However many tokens name keys that are not known, an issuer is not asked more often because of
/// them: anybody can send such tokens.
const EARLIEST: Duration = Duration::from_secs(10);

/// How often an issuer is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// In good times.
    pub every: Duration,
    /// After the first failure; the wait doubles with each that follows.
    pub backoff: Duration,
    /// The longest wait after a failure.
    pub most: Duration,
}

/// The times at which one issuer is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    pace: Pace,
    next: Millis,
    /// When it answered last.
    answered: Option<Millis>,
    failures: u32,
}

impl Refresh {
    /// It is asked at once.
    pub fn new(pace: Pace, now: Millis) -> Self {
        Self { pace, next: now, answered: None, failures: 0 }
    }

    /// When it is asked next.
    pub fn deadline(&self) -> Millis {
        self.next
    }

    /// Somebody shows a token of a key that is not known: it may be new.
    pub fn missed(&mut self, now: Millis) {
        if let (Some(answered), 0) = (self.answered, self.failures) {
            self.next = self.next.min(answered.after(EARLIEST).max(now));
        }
    }

    /// It was asked: whether it answered with keys.
    pub fn asked(&mut self, now: Millis, answered: bool) {
        if answered {
            (self.failures, self.answered) = (0, Some(now));
            self.next = now.after(self.pace.every);
        } else {
            let wait = self.pace.backoff.saturating_mul(1 << self.failures.min(20));
            self.failures = self.failures.saturating_add(1);
            self.next = now.after(wait.min(self.pace.most));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_asked_from_time_to_time_and_less_and_less_while_it_fails() {
        let pace = Pace {
            every: Duration::from_hours(1),
            backoff: Duration::from_millis(100),
            most: Duration::from_millis(350),
        };
        let mut refresh = Refresh::new(pace, Millis(5));
        assert_eq!(refresh.deadline(), Millis(5));
        for wait in [100, 200, 350, 350] {
            refresh.asked(Millis(1_000), false);
            assert_eq!(refresh.deadline(), Millis(1_000 + wait));
            refresh.missed(Millis(1_000));
            assert_eq!(refresh.deadline(), Millis(1_000 + wait), "nobody hurries it");
        }
        refresh.asked(Millis(2_000), true);
        assert_eq!(refresh.deadline(), Millis(3_602_000));
        refresh.missed(Millis(3_000));
        assert_eq!(refresh.deadline(), Millis(12_000), "sooner, but not at once");
        refresh.asked(Millis(12_000), true);
        refresh.missed(Millis(50_000));
        assert_eq!(refresh.deadline(), Millis(50_000), "at once after a while");
        refresh.asked(Millis(50_000), false);
        assert_eq!(refresh.deadline(), Millis(50_100));
    }
}
