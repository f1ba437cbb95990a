//! Moves of replicas between log directories, one after the other, on a thread that is there while
//! there are any.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    thread::{self, JoinHandle},
};

use kastellan_protocol::ErrorCode;

use super::Partitions;
use crate::{
    log_dirs::LogDir,
    partition::{Moved, Partition},
};

/// A replica and where it is to go.
pub(crate) struct Move {
    /// The replica.
    pub(crate) partition: Arc<Partition>,
    /// The log directory.
    pub(crate) to: Arc<LogDir>,
    /// Called once it lies there.
    pub(crate) then: Box<dyn FnOnce() + Send>,
}

impl fmt::Debug for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Move({:?} to {})", self.partition, self.to.path().display())
    }
}

/// The moves that wait, and the thread that is at work on them.
#[derive(Debug, Default)]
pub(super) struct Moves(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    moves: VecDeque<Move>,
    works: bool,
    thread: Option<JoinHandle<()>>,
    stopped: bool,
}

impl Moves {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Partitions {
    /// Begins to move a replica, in turn. Errors: 56 `KAFKA_STORAGE_ERROR`.
    pub(crate) fn relocate(self: &Arc<Self>, wanted: Move) -> Result<(), ErrorCode> {
        if !wanted.partition.want(&wanted.to)? {
            return Ok(());
        }
        let mut waiting = self.moves.lock();
        if waiting.stopped {
            return Err(ErrorCode::KafkaStorageError);
        }
        waiting.moves.push_back(wanted);
        if !waiting.works {
            let partitions = Arc::clone(self);
            let work = move || partitions.work_on_moves();
            let thread = thread::Builder::new().name("alter-log-dirs".to_owned()).spawn(work);
            match thread {
                Ok(thread) => (waiting.works, waiting.thread) = (true, Some(thread)),
                Err(error) => tracing::error!(%error, "moves between log directories wait"),
            }
        }
        Ok(())
    }

    /// Calls every move off and waits for the one that is under way.
    pub(crate) fn stop_moves(&self) {
        let mut waiting = self.moves.lock();
        waiting.stopped = true;
        waiting.moves.clear();
        let thread = waiting.thread.take();
        drop(waiting);
        if let Some(thread) = thread {
            self.all().iter().for_each(|partition| partition.stay());
            if thread.join().is_err() {
                tracing::error!("a move between log directories panicked: a bug of ours");
            }
        }
    }

    fn work_on_moves(&self) {
        loop {
            let mut waiting = self.moves.lock();
            let Some(Move { partition, to, then }) = waiting.moves.pop_front() else {
                waiting.works = false;
                return;
            };
            drop(waiting);
            match self.relocate_one(&partition, &to) {
                Ok(Moved::Done) => {
                    tracing::info!(?partition, to = %to.path().display(), "a replica has moved");
                    then();
                }
                Ok(Moved::Abandoned) => tracing::info!(?partition, "a move was called off"),
                Err(error) => {
                    partition.stay();
                    tracing::error!(?partition, to = %to.path().display(), %error, "cannot move");
                }
            }
        }
    }

    fn relocate_one(
        &self,
        partition: &Arc<Partition>,
        to: &Arc<LogDir>,
    ) -> Result<Moved, kastellan_log::Error> {
        // A sync of the old log that is still under way says nothing about the new one, and those
        // of the new one have to be heard of from the first on.
        let (old, new) = (partition.key(), self.keys.next.fetch_add(1, Ordering::Relaxed));
        let keys = || self.keys.partitions.write().unwrap_or_else(PoisonError::into_inner);
        keys().insert(new, Arc::downgrade(partition));
        let moved = partition.relocate(to, new);
        let gone = if matches!(moved, Ok(Moved::Done)) { old } else { new };
        keys().remove(&gone);
        moved
    }
}
