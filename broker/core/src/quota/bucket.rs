//! What may be taken at once and fills up again: how partitions are counted that are created and
//! deleted (KIP-599). Unlike a rate over windows it lets somebody go on who took a lot in one
//! request, as soon as that is made up for.

use std::time::Duration;

use super::rate::Windows;
use crate::machine::Millis;

/// A bucket of tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// What is in it; less than 0 where more was taken than there was.
    tokens: f64,
    /// When that was so.
    at: Millis,
}

impl Bucket {
    /// A full one.
    pub fn full(now: Millis, windows: Windows, rate: f64) -> Self {
        Self { tokens: windows.capacity(rate), at: now }
    }

    /// Fills it up with what has come since the last time, `rate` tokens a second.
    pub fn fill(&mut self, now: Millis, windows: Windows, rate: f64) {
        let new = rate * now.since(self.at).as_secs_f64();
        self.tokens = (self.tokens + new).min(windows.capacity(rate));
        self.at = now;
    }

    /// Takes tokens, there or not.
    pub fn take(&mut self, tokens: f64) {
        self.tokens -= tokens;
    }

    /// How long until as much has come as was taken too much; zero for who may go on.
    pub fn wait(&self, rate: f64) -> Duration {
        Duration::try_from_secs_f64((-self.tokens / rate).max(0.0)).unwrap_or(Duration::MAX)
    }

    /// Whether it will be full by itself, so that nobody has to remember it.
    pub fn is_full(&self, now: Millis, windows: Windows, rate: f64) -> bool {
        let mut later = *self;
        later.fill(now, windows, rate);
        later.tokens >= windows.capacity(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_time_the_rate_is_held_whatever_is_taken_at_once() {
        let (windows, rate) = (Windows::new(11, 1), 5.0);
        let mut bucket = Bucket::full(Millis(7), windows, rate);
        let (mut now, mut taken) = (Millis(7), 0.0);
        for size in [1.0, 100.0, 3.0, 70.0].into_iter().cycle().take(40) {
            bucket.fill(now, windows, rate);
            now = now.after(bucket.wait(rate));
            bucket.fill(now, windows, rate);
            bucket.take(size);
            taken += size;
        }
        now = now.after(bucket.wait(rate));
        let wanted = rate * now.since(Millis(7)).as_secs_f64() + windows.capacity(rate);
        assert!((taken - wanted).abs() < 1.0, "{taken} {wanted}");
        assert!(!bucket.is_full(now, windows, rate));
        assert!(bucket.is_full(now.after(windows.memory()), windows, rate));
    }
}
