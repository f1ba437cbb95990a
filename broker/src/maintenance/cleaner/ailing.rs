//! A partition that could not be compacted.

use std::time::{Duration, Instant};

/// How long it rests after its first failure.
const FIRST: Duration = Duration::from_mins(1);
/// How long it rests at most.
const LONGEST: Duration = Duration::from_hours(1);

/// When to try again: damage may be gone with the segment that had it, a full disk be emptied.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ailing {
    pause: Duration,
    until: Option<Instant>,
}

impl Ailing {
    /// It failed again; returns how long it rests.
    pub(super) fn failed(&mut self, now: Instant) -> Duration {
        self.pause = (self.pause * 2).clamp(FIRST, LONGEST);
        self.until = Some(now + self.pause);
        self.pause
    }

    /// Whether it is not to be tried now.
    pub(super) fn rests(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_doubles_up_to_an_hour() {
        let now = Instant::now();
        let mut ailing = Ailing::default();
        assert!(!ailing.rests(now));
        let pauses: Vec<_> = (0..8).map(|_| ailing.failed(now).as_secs() / 60).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(ailing.rests(now + Duration::from_mins(59)));
        assert!(!ailing.rests(now + Duration::from_hours(1)));
    }
}
