//! How much somebody has taken lately, as Kafka measures it: in samples of a fixed length, of which
//! the last few count.

use std::{collections::VecDeque, time::Duration};

use crate::machine::Millis;

/// How rates are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// How many samples count, 1 or more.
    samples: u32,
    /// How long each of them is, in milliseconds, 1 or more.
    length: u64,
}

/// What somebody has taken, by sample.
#[derive(Debug, Clone, Default)]
pub struct Rate {
    /// When each sample began, and what was taken in it; oldest first.
    samples: VecDeque<(Millis, f64)>,
    /// Until when nothing more is given to who took more at once than the windows hold.
    owes: Millis,
}

impl Windows {
    /// So many samples of so many seconds; at least one of each.
    pub fn new(samples: i32, seconds: i32) -> Self {
        let at_least_1 = |number: i32| u32::try_from(number).unwrap_or(0).max(1);
        Self { samples: at_least_1(samples), length: u64::from(at_least_1(seconds)) * 1000 }
    }

    /// How long something counts after its sample began.
    pub fn memory(self) -> Duration {
        Duration::from_millis(self.length.saturating_mul(u64::from(self.samples)))
    }

    /// What may be taken at once at a rate of `rate` per second by somebody who has not taken
    /// anything: that of all samples but one.
    pub fn burst(self, rate: f64) -> f64 {
        rate * seconds(self.settled())
    }

    /// What a bucket holds that fills with `rate` tokens a second: that of all samples.
    pub fn capacity(self, rate: f64) -> f64 {
        rate * self.memory().as_secs_f64()
    }

    /// How long one sample is: the longest that the time of threads is waited for.
    pub fn length(self) -> Duration {
        Duration::from_millis(self.length)
    }

    fn settled(self) -> u64 {
        self.length.saturating_mul(u64::from(self.samples.saturating_sub(1)))
    }
}

impl Rate {
    /// Adds what was taken.
    pub fn add(&mut self, now: Millis, windows: Windows, amount: f64) {
        self.forget(now, windows);
        let length = Duration::from_millis(windows.length);
        match self.samples.back_mut() {
            Some((began, taken)) if now.since(*began) < length => *taken += amount,
            _ => self.samples.push_back((now, amount)),
        }
    }

    /// How long to wait until what was taken is not more than `rate` per second; zero for who may
    /// go on.
    pub fn wait(&mut self, now: Millis, windows: Windows, rate: f64) -> Duration {
        self.forget(now, windows);
        let owed = self.owed(now);
        let Some((oldest, _)) = self.samples.front() else { return owed };
        let elapsed = u64::try_from(now.since(*oldest).as_millis()).unwrap_or(u64::MAX);
        // what is new is measured as if the samples before it had been empty
        let full = elapsed / windows.length;
        let missing = u64::from(windows.samples - 1).saturating_sub(full);
        let elapsed = elapsed.saturating_add(missing.saturating_mul(windows.length)).max(1);
        let taken: f64 = self.samples.iter().map(|(_, taken)| taken).sum();
        let over = taken / rate - seconds(elapsed);
        Duration::try_from_secs_f64(over.max(0.0)).unwrap_or(Duration::MAX).max(owed)
    }

    /// What was taken is made up for when so much time is over, although the windows forget it.
    pub fn owe(&mut self, now: Millis, time: Duration) {
        self.owes = now.after(time);
    }

    /// How much of that time is left.
    pub fn owed(&self, now: Millis) -> Duration {
        self.owes.since(now)
    }

    /// Whether nothing that was taken counts any more.
    pub fn is_over(&self, now: Millis, windows: Windows) -> bool {
        let last = self.samples.back();
        self.owes <= now && last.is_none_or(|(began, _)| now.since(*began) >= windows.memory())
    }

    fn forget(&mut self, now: Millis, windows: Windows) {
        let memory = windows.memory();
        let old = |(began, _): &mut (Millis, f64)| now.since(*began) >= memory;
        while self.samples.pop_front_if(old).is_some() {}
    }
}

#[expect(clippy::cast_precision_loss, reason = "times are short")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
