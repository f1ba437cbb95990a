//! Makes logs durable: dirty ends in, durable ends out, on threads of its own.
//!
//! One per directory. A partition hands in what [`Log::take_unsynced`](crate::Log::take_unsynced)
//! gave it and is told when that is on the disk; what it hands in meanwhile is synced together,
//! next. A failed write or sync poisons the directory: it is never tried again, and everything that
//! waits, or comes later, gets the error. Write-back of large appends is started here as well, so
//! that a sync finds little to do, and [`Committer::over_budget`] says when to stop taking more.

mod queue;

use std::{
    fmt, io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{Builder, JoinHandle},
};

use kastellan_core::log::LogError;

use self::queue::{Merge, Queue, Task};
use crate::{
    directory::Directory,
    disk::{Disk, File},
    log::{MANY, Receipt, Unsynced, WriteBack},
    shared::Shared,
};

/// How a directory's committer works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Syncs that run at a time; 1 or more.
    pub threads: usize,
    /// Bytes handed in and not yet on the disk above which [`Committer::over_budget`] holds.
    pub dirty_bytes: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { threads: 2, dirty_bytes: 256 << 20 }
    }
}

/// The end of one partition's sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What [`Committer::commit`] was called with.
    pub key: u64,
    /// To be handed to [`Log::synced`](crate::Log::synced), or why nothing is durable.
    pub outcome: Result<Receipt, LogError>,
}

/// Syncs one directory's logs.
#[derive(Debug)]
pub struct Committer<D: Disk> {
    inner: Arc<Inner<D>>,
    threads: Vec<JoinHandle<()>>,
}

struct Inner<D: Disk> {
    shared: Arc<Shared<D>>,
    queue: Mutex<Queue<Unsynced<D>, WriteBack<D>>>,
    wake: Condvar,
    pending: AtomicU64,
    budget: u64,
    done: Box<dyn Fn(Done) + Send + Sync>,
}

impl<D: Disk> fmt::Debug for Inner<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("pending", &self.pending).finish_non_exhaustive()
    }
}

impl<D: Disk> Merge for Unsynced<D> {
    fn merge(&mut self, later: Self) {
        Self::merge(self, later);
    }
}

impl<D: Disk> Committer<D> {
    /// Starts the threads. `done` is called on them, once per group of merged commits; it may take
    /// a partition's lock and must not wait for anything else.
    pub fn start(
        directory: &Directory<D>,
        pace: Pace,
        done: impl Fn(Done) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let inner = Arc::new(Inner {
            shared: Arc::clone(directory.shared()),
            queue: Mutex::new(Queue::default()),
            wake: Condvar::new(),
            pending: AtomicU64::new(0),
            budget: pace.dirty_bytes,
            done: Box::new(done),
        });
        let thread = |at| {
            let inner = Arc::clone(&inner);
            Builder::new().name(format!("commit-{at}")).spawn(move || inner.run())
        };
        let threads = (0..pace.threads.max(1)).map(thread).collect::<io::Result<_>>()?;
        Ok(Self { inner, threads })
    }

    /// Takes in what makes a partition durable; `key` tells partitions apart. Never blocks.
    pub fn commit(&self, key: u64, unsynced: Unsynced<D>) {
        self.inner.pending.fetch_add(unsynced.bytes, Ordering::Relaxed);
        self.inner.queue().commit(key, unsynced);
        self.inner.wake.notify_one();
    }

    /// Takes in a range to write back; see [`Log::take_write_back`](crate::Log::take_write_back).
    /// Never blocks.
    pub fn write_back(&self, range: WriteBack<D>) {
        let len = range.len;
        if self.inner.queue().write_back(range).is_none() {
            self.inner.pending.fetch_add(len, Ordering::Relaxed);
            self.inner.wake.notify_one();
        }
    }

    /// Bytes handed in that are not on the disk yet.
    pub fn pending_bytes(&self) -> u64 {
        self.inner.pending.load(Ordering::Relaxed)
    }

    /// Whether the disk is so far behind that producers should wait.
    pub fn over_budget(&self) -> bool {
        self.pending_bytes() > self.inner.budget
    }
}

impl<D: Disk> Drop for Committer<D> {
    /// Finishes what was handed in, then ends the threads.
    fn drop(&mut self) {
        self.inner.queue().close();
        self.inner.wake.notify_all();
        for thread in self.threads.drain(..) {
            // a panicked thread has already said why
            drop(thread.join());
        }
    }
}

impl<D: Disk> Inner<D> {
    fn queue(&self) -> MutexGuard<'_, Queue<Unsynced<D>, WriteBack<D>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        while let Some(task) = self.next() {
            match task {
                Task::Commit(commits) => self.commit(commits),
                Task::WriteBack(range) => {
                    self.pace(&range);
                    self.pending.fetch_sub(range.len, Ordering::Relaxed);
                }
            }
        }
    }

    fn commit(&self, commits: Vec<(u64, Unsynced<D>)>) {
        let synced = Unsynced::sync_all(commits.iter().map(|(_, work)| work));
        for (key, work) in commits {
            self.pending.fetch_sub(work.bytes, Ordering::Relaxed);
            let outcome = synced.clone().map(|()| work.receipt);
            drop(work);
            (self.done)(Done { key, outcome });
            if self.queue().finish(key) {
                self.wake.notify_one();
            }
        }
    }

    fn next(&self) -> Option<Task<Unsynced<D>, WriteBack<D>>> {
        let mut queue = self.queue();
        loop {
            if let Some(task) = queue.take(MANY) {
                return Some(task);
            }
            if queue.is_closed() {
                return None;
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn pace(&self, range: &WriteBack<D>) {
        if self.shared.check().is_ok()
            && let Err(error) = range.file.write_back(range.position, range.len)
            && error.kind() != io::ErrorKind::Unsupported
            && error.kind() != io::ErrorKind::InvalidInput
        {
            drop(self.shared.poison("write back a log in", &self.shared.root.display(), &error));
        }
    }
}

impl<D: Disk> Directory<D> {
    /// Does on the caller's thread what a [`Committer`] does on its own: for a simulator, which has
    /// one thread and decides itself when a sync begins and when it is heard of.
    pub fn commit(&self, work: &Unsynced<D>) -> Result<Receipt, LogError> {
        self.shared().check()?;
        work.sync().map(|()| work.receipt)
    }
}
