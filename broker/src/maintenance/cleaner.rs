//! The threads that compact (Kafka's log cleaner): the partition that gains most first, each by one
//! thread at a time, all of them within one budget of bytes per second.
//!
//! They sleep until the maintenance thread wakes them, and go on for as long as any log is dirty
//! enough. A partition whose compaction fails is reported and left alone for a while that doubles
//! with every failure; the others go on.

mod ailing;
mod throttle;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use kastellan_core::{config::BrokerConfig, log::LogError};
use kastellan_log::{Brake, Compacted, Dirtiness};

use self::{ailing::Ailing, throttle::Throttle};
use super::round::write_checkpoints;
use crate::{
    clock::Clock,
    partition::{Means, Partition},
    partitions::Partitions,
};

/// More threads than this gain nothing.
const MOST_THREADS: i32 = 64;
/// How much less a cleaner's thread counts for the scheduler than those that serve clients.
const NICE: i32 = 10;

/// The threads.
#[derive(Debug)]
pub(super) struct Cleaners {
    pool: Arc<Pool>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
}

/// What they share.
#[derive(Debug)]
struct Pool {
    partitions: Arc<Partitions>,
    settings: Arc<ArcSwap<BrokerConfig>>,
    clock: Clock,
    throttle: Arc<Throttle>,
    work: Mutex<Work>,
    rung: Condvar,
    wanted: AtomicUsize,
}

#[derive(Debug, Default)]
struct Work {
    stop: bool,
    /// How often they were woken: a thread that has found nothing to do waits for the next time.
    woken: u64,
    /// Partitions that a thread has, by their keys.
    busy: BTreeSet<u64>,
    /// Partitions that have nothing to gain just now although they look dirty: until when they were
    /// woken this often.
    resting: BTreeMap<u64, u64>,
    ailing: BTreeMap<u64, Ailing>,
    /// Whose replaced files are to be unlinked, and when.
    purges: Vec<(Instant, Weak<Partition>)>,
}

impl Cleaners {
    /// None yet: they are started when there is something to do.
    pub(super) fn new(
        partitions: Arc<Partitions>,
        settings: Arc<ArcSwap<BrokerConfig>>,
        clock: Clock,
    ) -> Self {
        let throttle = Arc::new(Throttle::new(Arc::clone(&settings)));
        let pool = Pool {
            partitions,
            settings,
            clock,
            throttle,
            work: Mutex::default(),
            rung: Condvar::new(),
            wanted: AtomicUsize::new(0),
        };
        Self { pool: Arc::new(pool), threads: Mutex::default() }
    }

    /// Something may be dirty enough by now, or the settings have changed.
    pub(super) fn wake(&self) {
        let settings = self.pool.settings.load();
        let enabled = settings.value("log.cleaner.enable").as_deref() != Some("false");
        let wanted = settings.cleaner_threads.clamp(0, MOST_THREADS);
        let wanted = if enabled { usize::try_from(wanted).unwrap_or(0) } else { 0 };
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        self.pool.wanted.store(wanted, Ordering::Relaxed);
        let any = self.pool.partitions.topics().iter().any(|topic| topic.config().cleanup.compact);
        while any && threads.len() < wanted {
            match self.start(threads.len()) {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    tracing::error!(%error, "cannot start a thread that compacts");
                    break;
                }
            }
        }
        drop(threads);
        self.pool.lock().woken += 1;
        self.pool.rung.notify_all();
    }

    fn start(&self, index: usize) -> io::Result<thread::JoinHandle<()>> {
        let pool = Arc::clone(&self.pool);
        let name = format!("cleaner-{index}");
        thread::Builder::new().name(name).spawn(move || pool.run(index))
    }
}

impl Drop for Cleaners {
    /// Stops what they do, soon, and waits for them.
    fn drop(&mut self) {
        self.pool.lock().stop = true;
        self.pool.throttle.stop();
        self.pool.rung.notify_all();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread that compacts panicked: a bug of ours");
            }
        }
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, index: usize) {
        // of the calling thread alone, on Linux; where it is refused, it works as it is
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::debug!(%error, "a thread that compacts keeps its priority");
        }
        loop {
            let seen = {
                let work = self.lock();
                if work.stop {
                    return;
                }
                work.woken
            };
            if index < self.wanted.load(Ordering::Relaxed)
                && let Some(partition) = self.choose()
            {
                self.clean(&partition);
                self.lock().busy.remove(&partition.key());
            } else if self.sleep(seen) {
                return;
            }
        }
    }

    /// Takes the dirtiest partition that nobody has.
    fn choose(&self) -> Option<Arc<Partition>> {
        let now = self.clock.now().wall;
        let topics = self.partitions.topics();
        let compacted = topics.iter().filter(|topic| topic.config().cleanup.compact);
        let mut best: Option<(Dirtiness, Arc<Partition>)> = None;
        for partition in compacted.flat_map(|topic| topic.partitions()) {
            if !self.lock().is_free(partition.key(), Instant::now()) {
                continue;
            }
            match partition.dirtiness(now) {
                Ok(Some(dirt)) => {
                    if best.as_ref().is_none_or(|(best, _)| is_dirtier(&dirt, best)) {
                        best = Some((dirt, partition));
                    }
                }
                Ok(None) => {}
                Err(error) => self.failed(&partition, &error),
            }
        }
        let (_, partition) = best?;
        // another thread may have been faster: then it looks again
        let mut work = self.lock();
        let mine =
            work.is_free(partition.key(), Instant::now()) && work.busy.insert(partition.key());
        drop(work);
        if mine { Some(partition) } else { self.choose() }
    }

    fn clean(&self, partition: &Arc<Partition>) {
        let begun = Instant::now();
        match self.compact(partition) {
            Ok(Some(done)) if done.complete => {
                let took = begun.elapsed();
                tracing::debug!(?partition, ?done, ?took, "compacted");
                let mut work = self.lock();
                work.ailing.remove(&partition.key());
                if done.segments > 0 {
                    let delay = partition.topic().config().file_delete_delay_ms;
                    let delay = Duration::from_millis(u64::try_from(delay).unwrap_or(0) + 1);
                    work.purges.push((Instant::now() + delay, Arc::downgrade(partition)));
                }
            }
            Ok(_) => {
                let mut work = self.lock();
                let woken = work.woken;
                work.resting.insert(partition.key(), woken);
            }
            Err(error) => self.failed(partition, &error),
        }
    }

    fn compact(&self, partition: &Arc<Partition>) -> Result<Option<Compacted>, LogError> {
        // only what is on the disk below a checkpoint may be compacted
        partition.flush_now()?;
        write_checkpoints(&self.partitions, std::slice::from_ref(partition))?;
        let settings = self.settings.load();
        let threads = self.wanted.load(Ordering::Relaxed).max(1);
        let key_bytes = usize::try_from(settings.cleaner_dedupe_buffer_bytes).unwrap_or(0);
        let brake: Arc<dyn Brake> = Arc::<Throttle>::clone(&self.throttle);
        let means =
            Means { key_bytes: key_bytes / threads, load: settings.cleaner_load_factor, brake };
        partition.compact(self.clock.now().wall, means)
    }

    fn failed(&self, partition: &Partition, error: &LogError) {
        let mut work = self.lock();
        let ailing = work.ailing.entry(partition.key()).or_default();
        let pause = ailing.failed(Instant::now());
        drop(work);
        if matches!(error, LogError::Unreadable(_)) {
            tracing::error!(
                ?partition, %error, ?pause,
                "cannot compact this partition: it grows until that is mended, the others go on"
            );
        } else {
            // whoever took it offline has told of it
            tracing::debug!(?partition, %error, "an offline partition is not compacted");
        }
    }

    /// Waits until it is woken after `seen`, and unlinks meanwhile what has waited long enough.
    /// True: stop.
    fn sleep(&self, seen: u64) -> bool {
        let mut work = self.lock();
        loop {
            if work.stop || work.woken != seen {
                return work.stop;
            }
            let now = Instant::now();
            let (due, later) =
                std::mem::take(&mut work.purges).into_iter().partition(|it| it.0 <= now);
            work.purges = later;
            if !Vec::is_empty(&due) {
                drop(work);
                self.purge(due);
                work = self.lock();
                continue;
            }
            let next = work.purges.iter().map(|(at, _)| *at).min();
            work = match next {
                Some(next) => {
                    let waited = self.rung.wait_timeout(work, next - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.rung.wait(work).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn purge(&self, due: Vec<(Instant, Weak<Partition>)>) {
        let now = self.clock.now().wall;
        for partition in due.into_iter().filter_map(|(_, partition)| partition.upgrade()) {
            if let Err(error) = partition.remove_expired(now) {
                tracing::debug!(?partition, %error, "replaced files stay");
            }
        }
    }
}

impl Work {
    fn is_free(&self, key: u64, now: Instant) -> bool {
        let rests = self.resting.get(&key).is_some_and(|woken| *woken == self.woken);
        let ails = self.ailing.get(&key).is_some_and(|ailing| ailing.rests(now));
        !(rests || ails || self.busy.contains(&key))
    }
}

/// What has waited too long goes first, then what has most to gain.
fn is_dirtier(one: &Dirtiness, other: &Dirtiness) -> bool {
    (one.overdue_ms, one.ratio) > (other.overdue_ms, other.ratio)
}
