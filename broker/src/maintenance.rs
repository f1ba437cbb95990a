//! What has to be done now and then: checkpoints, retention, compaction, forgetting producers.
//!
//! One thread with one timer. It sleeps until the next thing is due; a broker that nobody writes to
//! wakes it every few minutes, for retention alone.

mod round;

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use kastellan_core::config::BrokerConfig;

pub(crate) use self::round::write_checkpoints;
use crate::{clock::Clock, partitions::Partitions};

/// How long what is in the page cache only may be without a checkpoint: Kafka's
/// `log.flush.offset.checkpoint.interval.ms`.
const CHECKPOINT: Duration = Duration::from_mins(1);
/// How often producers are looked through: Kafka's `producer.id.expiration.check.interval.ms`.
const PRODUCERS: Duration = Duration::from_mins(10);

/// The thread that does it.
#[derive(Debug)]
pub(crate) struct Maintenance {
    bell: Arc<Bell>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Tells the thread that there is something to do.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    /// Something was appended since the last checkpoint.
    dirty: AtomicBool,
    state: Mutex<bool>,
    rung: Condvar,
}

impl Bell {
    /// Something was appended. Costs next to nothing but the first time after a checkpoint.
    pub(crate) fn appended(&self) {
        if !self.dirty.load(Ordering::Relaxed) && !self.dirty.swap(true, Ordering::Relaxed) {
            // Whoever has just looked and not yet fallen asleep must hear it, too.
            drop(self.lock());
            self.rung.notify_all();
        }
    }

    fn stop(&self) {
        *self.lock() = true;
        self.rung.notify_all();
    }

    /// Sleeps until `until`, or until the bell rings while `dirty` is not known. True: stop.
    fn wait(&self, until: Instant, dirty: bool) -> bool {
        let mut stop = self.lock();
        loop {
            let now = Instant::now();
            if *stop || now >= until || (!dirty && self.dirty.load(Ordering::Relaxed)) {
                return *stop;
            }
            let waited = self.rung.wait_timeout(stop, until - now);
            stop = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When each thing is due next; `None` while there is nothing to do.
#[derive(Debug)]
struct Due {
    checkpoint: Option<Instant>,
    clean: Option<Instant>,
    retention: Instant,
    producers: Instant,
}

impl Due {
    fn next(&self) -> Instant {
        let sometimes = [self.checkpoint, self.clean].into_iter().flatten();
        sometimes.fold(self.retention.min(self.producers), Instant::min)
    }
}

impl Maintenance {
    /// Starts the thread.
    pub(crate) fn start(
        partitions: Arc<Partitions>,
        settings: &BrokerConfig,
        clock: Clock,
    ) -> io::Result<Self> {
        let bell = Arc::clone(partitions.bell());
        let ms = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0).max(1));
        let pace = Pace {
            retention: ms(settings.retention_check_interval_ms),
            clean: ms(settings.cleaner_backoff_ms),
            producer_expiration: settings.producer_id_expiration_ms,
        };
        let thread = {
            let bell = Arc::clone(&bell);
            let work = move || run(&partitions, &bell, pace, clock);
            thread::Builder::new().name("maintenance".to_owned()).spawn(work)?
        };
        Ok(Self { bell, thread: Some(thread) })
    }
}

impl Drop for Maintenance {
    /// Waits for the round that runs.
    fn drop(&mut self) {
        self.bell.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the maintenance thread panicked: a bug of ours");
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Pace {
    retention: Duration,
    clean: Duration,
    producer_expiration: i64,
}

fn run(partitions: &Partitions, bell: &Bell, pace: Pace, clock: Clock) {
    let begun = Instant::now();
    let mut due = Due {
        checkpoint: None,
        // What the last run of the broker has left.
        clean: Some(begun + pace.clean),
        retention: begun + pace.retention,
        producers: begun + PRODUCERS,
    };
    while !bell.wait(due.next(), due.checkpoint.is_some()) {
        let (at, wall) = (Instant::now(), clock.now().wall);
        if due.checkpoint.is_none() && bell.dirty.load(Ordering::Relaxed) {
            let flush = round::shortest_flush(partitions).unwrap_or(CHECKPOINT);
            due.checkpoint = Some(at + CHECKPOINT.min(flush));
            due.clean.get_or_insert(at + pace.clean);
        }
        if due.clean.is_some_and(|clean| clean <= at) {
            // Again while there are appends that it may not have seen, or more to gain.
            let again = round::compact(partitions, wall) || due.checkpoint.is_some();
            due.clean = again.then(|| at + pace.clean);
        }
        if due.checkpoint.is_some_and(|checkpoint| checkpoint <= at) {
            // What is appended from here on is for the next one.
            bell.dirty.store(false, Ordering::Relaxed);
            due.checkpoint = None;
            if round::checkpoint(partitions) {
                bell.dirty.store(true, Ordering::Relaxed);
            }
        }
        if due.retention <= at {
            due.retention = at + pace.retention;
            round::expire(partitions, wall);
        }
        if due.producers <= at {
            due.producers = at + PRODUCERS;
            round::forget_producers(partitions, wall, pace.producer_expiration);
        }
    }
}
