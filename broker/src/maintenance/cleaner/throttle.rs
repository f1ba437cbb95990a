//! Kafka's `log.cleaner.io.max.bytes.per.second`: bytes read and written by all cleaners together.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use kastellan_core::config::BrokerConfig;
use kastellan_log::Brake;

/// Bytes that are counted before anybody looks at a clock.
const GRAIN: u64 = 256 << 10;
/// Bytes after which a thread lets others have its core: the scheduler would have those who are
/// woken wait for the rest of its slice, which is longer than it takes to answer a client.
const TURN: u64 = 32 << 10;
/// How far behind its rate it may be and still catch up.
const CREDIT: Duration = Duration::from_millis(100);

/// Makes those wait who are ahead of the rate; a rate that is changed holds for those who wait.
#[derive(Debug)]
pub(super) struct Throttle {
    settings: Arc<ArcSwap<BrokerConfig>>,
    uncounted: AtomicU64,
    stopped: AtomicBool,
    /// Until when the bytes so far are paid for.
    paid: Mutex<Instant>,
    rung: Condvar,
}

impl Throttle {
    pub(super) fn new(settings: Arc<ArcSwap<BrokerConfig>>) -> Self {
        Self {
            settings,
            uncounted: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            paid: Mutex::new(Instant::now()),
            rung: Condvar::new(),
        }
    }

    /// Has everybody give up, those who wait included.
    pub(super) fn stop(&self) {
        let paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        self.stopped.store(true, Ordering::Release);
        drop(paid);
        self.rung.notify_all();
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    fn pay(&self, bytes: u64) -> bool {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = self.settings.load().cleaner_io_max_bytes_per_second;
        let now = Instant::now();
        let from = (*paid).max(now.checked_sub(CREDIT).unwrap_or(now));
        *paid = from + price(bytes, rate);
        let until = *paid;
        while !self.is_stopped() {
            let now = Instant::now();
            if now >= until {
                break;
            }
            if self.settings.load().cleaner_io_max_bytes_per_second > rate {
                *paid = now;
                break;
            }
            // in steps, since a new rate does not ring
            let step = (until - now).min(Duration::from_secs(1));
            paid = self.rung.wait_timeout(paid, step).unwrap_or_else(PoisonError::into_inner).0;
        }
        !self.is_stopped()
    }
}

/// How long `bytes` take at `rate` bytes per second.
#[expect(clippy::cast_precision_loss, reason = "a time needs no more than 52 bits")]
fn price(bytes: u64, rate: f64) -> Duration {
    let seconds = bytes as f64 / rate.max(1.0);
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_hours(1))
}

impl Brake for Throttle {
    fn spent(&self, bytes: u64) -> bool {
        let before = self.uncounted.fetch_add(bytes, Ordering::Relaxed);
        let so_far = before + bytes;
        if so_far / TURN > before / TURN {
            thread::yield_now();
        }
        if so_far < GRAIN {
            return !self.is_stopped();
        }
        let counted = self.uncounted.swap(0, Ordering::Relaxed);
        self.pay(counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kastellan_core::config::Overrides;

    fn throttle(rate: &str) -> Throttle {
        let name = "log.cleaner.io.max.bytes.per.second".to_owned();
        let config = BrokerConfig::parse(Overrides::from([(name, rate.to_owned())])).unwrap();
        Throttle::new(Arc::new(ArcSwap::from_pointee(config)))
    }

    #[test]
    fn bytes_beyond_the_rate_take_their_time_and_others_none() {
        let begun = Instant::now();
        let slow = throttle("10485760");
        for _ in 0..40 {
            assert!(slow.spent(100 << 10));
        }
        // 4 MB at 10 MiB a second, less what is forgiven and what was not counted
        let took = begun.elapsed();
        assert!(took > Duration::from_millis(200), "{took:?}");
        let fast = throttle("1.0E300");
        let begun = Instant::now();
        assert!((0..1_000).all(|_| fast.spent(1 << 30)));
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn who_waits_is_let_go_when_it_stops() {
        let slow = Arc::new(throttle("1"));
        let waiting = {
            let slow = Arc::clone(&slow);
            thread::spawn(move || slow.spent(1 << 30))
        };
        slow.stop();
        assert!(!waiting.join().unwrap(), "it went on");
        assert!(!slow.spent(1));
    }
}
