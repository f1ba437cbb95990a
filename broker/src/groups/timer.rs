//! One timer for everything that any group waits for: a sleeping task and one number per
//! coordinator.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use kastellan_core::machine::Millis;
use tokio::sync::Notify;

use crate::clock::Clock;

/// No deadline.
const NEVER: u64 = u64::MAX;

/// When a coordinator wants to be woken.
#[derive(Debug)]
pub(super) struct Deadline(AtomicU64);

impl Deadline {
    /// Never, for now.
    pub(super) fn never() -> Self {
        Self(AtomicU64::new(NEVER))
    }

    /// Whether time has come to it.
    pub(super) fn is_due(&self, now: Millis) -> bool {
        self.0.load(Ordering::Acquire) <= now.0
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// The alarm that the sleeping task waits for.
#[derive(Debug)]
pub(super) struct Timer {
    /// Until when the task sleeps.
    armed: Mutex<u64>,
    earlier: Notify,
}

impl Timer {
    /// An alarm that nobody sleeps by yet.
    pub(super) fn new() -> Self {
        Self { armed: Mutex::new(NEVER), earlier: Notify::new() }
    }

    /// Moves a coordinator's deadline, and wakes the task if it would oversleep.
    pub(super) fn set(&self, deadline: &Deadline, at: Option<Millis>) {
        let at = at.map_or(NEVER, |at| at.0);
        if deadline.0.swap(at, Ordering::AcqRel) <= at {
            // no earlier than before: whoever sleeps wakes in time, at worst for nothing
            return;
        }
        if at < *self.armed.lock().unwrap_or_else(PoisonError::into_inner) {
            self.earlier.notify_one();
        }
    }

    /// Sleeps until the first of `deadlines` has come, or until there is an earlier one.
    pub(super) async fn sleep<'a>(
        &self,
        clock: Clock,
        deadlines: impl Iterator<Item = &'a Deadline>,
    ) {
        let until = {
            let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
            *armed = deadlines.map(Deadline::get).min().unwrap_or(NEVER);
            *armed
        };
        if until == NEVER {
            self.earlier.notified().await;
            return;
        }
        let sleep = tokio::time::sleep_until(clock.instant(Millis(until)).into());
        tokio::select! {
            () = sleep => (),
            () = self.earlier.notified() => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(20), test).await })
            .unwrap();
    }

    #[test]
    fn whoever_sleeps_wakes_for_an_earlier_deadline() {
        run(async {
            let (clock, timer) = (Clock::new(), Timer::new());
            let deadlines = [Deadline::never(), Deadline::never()];
            for at in [None, Some(Millis(3_600_000))] {
                timer.set(&deadlines[0], at);
                timer.set(&deadlines[1], None);
                let sleep = timer.sleep(clock, deadlines.iter());
                let set = async { timer.set(&deadlines[1], Some(Millis(60_000))) };
                tokio::join!(sleep, set);
            }
        });
    }

    #[test]
    fn a_deadline_that_has_passed_does_not_sleep() {
        run(async {
            let (clock, timer) = (Clock::new(), Timer::new());
            let deadline = Deadline::never();
            timer.set(&deadline, Some(Millis::ZERO));
            timer.sleep(clock, std::iter::once(&deadline)).await;
            assert!(deadline.is_due(clock.monotonic()));
            timer.set(&deadline, None);
            assert!(!deadline.is_due(Millis(u64::MAX - 1)));
        });
    }
}
