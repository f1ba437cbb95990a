//! What has to be done now and then: checkpoints, retention, compaction, forgetting producers.
//!
//! One thread with one timer. It sleeps until the next thing is due; a broker that nobody writes to
//! wakes it every few minutes, for retention and what has become old enough to be compacted. The
//! compacting itself is done by threads of its own, which sleep until this one wakes them.

mod cleaner;
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

use arc_swap::ArcSwap;
use kastellan_core::config::BrokerConfig;

use self::cleaner::Cleaners;
pub(crate) use self::round::write_checkpoints;
use crate::{broker::Broker, clock::Clock, partitions::Partitions};

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
    state: Mutex<Rung>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct Rung {
    stop: bool,
    /// Settings have changed.
    changed: bool,
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

    /// Settings of the broker or of a topic have changed: what is due when may have, too.
    pub(crate) fn changed(&self) {
        self.lock().changed = true;
        self.rung.notify_all();
    }

    fn stop(&self) {
        self.lock().stop = true;
        self.rung.notify_all();
    }

    /// Sleeps until `until`, or until the bell rings: for changed settings, or for an append while
    /// `dirty` is not known.
    fn wait(&self, until: Instant, dirty: bool) -> Woken {
        let mut rung = self.lock();
        loop {
            let now = Instant::now();
            if rung.stop {
                return Woken::Stop;
            }
            if std::mem::take(&mut rung.changed) {
                return Woken::Changed;
            }
            if now >= until || (!dirty && self.dirty.load(Ordering::Relaxed)) {
                return Woken::Due;
            }
            let waited = self.rung.wait_timeout(rung, until - now);
            rung = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Rung> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the thread woke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    Due,
    Changed,
    Stop,
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
    /// Starts the thread. The broker's settings are read anew in every round.
    pub(crate) fn start(broker: &Broker) -> io::Result<Self> {
        // not the broker itself, which would never end with this in it
        let partitions = Arc::clone(&broker.partitions);
        let (settings, clock) = (Arc::clone(&broker.settings), broker.clock);
        let bell = Arc::clone(partitions.bell());
        let thread = {
            let bell = Arc::clone(&bell);
            let cleaners = Cleaners::new(Arc::clone(&partitions), Arc::clone(&settings), clock);
            let work = move || run(&partitions, &bell, &settings, &cleaners, clock);
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

/// How often each thing is done.
#[derive(Debug, Clone, Copy)]
struct Pace {
    retention: Duration,
    clean: Duration,
    checkpoint: Duration,
    producers: Duration,
    producer_expiration: i64,
}

impl Pace {
    fn of(settings: &BrokerConfig) -> Self {
        let ms = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0).max(1));
        Self {
            retention: ms(settings.retention_check_interval_ms),
            clean: ms(settings.cleaner_backoff_ms),
            checkpoint: ms(settings.checkpoint_interval_ms),
            producers: ms(settings.producer_id_expiration_check_interval_ms),
            producer_expiration: settings.producer_id_expiration_ms,
        }
    }
}

fn run(
    partitions: &Partitions,
    bell: &Bell,
    settings: &ArcSwap<BrokerConfig>,
    cleaners: &Cleaners,
    clock: Clock,
) {
    let begun = Instant::now();
    let mut pace = Pace::of(&settings.load());
    let mut due = Due {
        checkpoint: None,
        // What the last run of the broker has left.
        clean: Some(begun + pace.clean),
        retention: begun + pace.retention,
        producers: begun + pace.producers,
    };
    loop {
        match bell.wait(due.next(), due.checkpoint.is_some()) {
            Woken::Stop => return,
            Woken::Due => {}
            Woken::Changed => {
                let at = Instant::now();
                pace = Pace::of(&settings.load());
                due.retention = due.retention.min(at + pace.retention);
                due.producers = due.producers.min(at + pace.producers);
                let flush = round::shortest_flush(partitions).unwrap_or(pace.checkpoint);
                let soonest = at + pace.checkpoint.min(flush);
                due.checkpoint = due.checkpoint.map(|checkpoint| checkpoint.min(soonest));
                due.clean = Some(due.clean.unwrap_or(at + pace.clean).min(at + pace.clean));
            }
        }
        let (at, wall) = (Instant::now(), clock.now().wall);
        if due.checkpoint.is_none() && bell.dirty.load(Ordering::Relaxed) {
            let flush = round::shortest_flush(partitions).unwrap_or(pace.checkpoint);
            due.checkpoint = Some(at + pace.checkpoint.min(flush));
            due.clean.get_or_insert(at + pace.clean);
        }
        if due.clean.is_some_and(|clean| clean <= at) {
            cleaners.wake();
            // Again while there are appends that it may not have seen.
            due.clean = due.checkpoint.is_some().then(|| at + pace.clean);
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
            // What nobody appends to may have become old enough to be compacted.
            due.clean.get_or_insert(at + pace.clean);
        }
        if due.producers <= at {
            due.producers = at + pace.producers;
            round::forget_producers(partitions, wall, pace.producer_expiration);
        }
    }
}
