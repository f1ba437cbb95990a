//! One partition in the shell: the machine and its log under a short mutex, and who waits for it.
//!
//! Nothing here holds the mutex across a sync or a read of the disk. A panic under the mutex
//! poisons it: from then on the partition is offline and answers 56 `KAFKA_STORAGE_ERROR`.

mod admin;
mod append;
mod commit;
mod open;
mod read;
mod relocate;
mod replicate;
mod signals;
mod upkeep;
mod waiting;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use kastellan_core::{
    id::Offset,
    partition::{self as machine, Settings},
    replica::PartitionKey,
};
use kastellan_log::disk::{StdDisk, StdFile};
use kastellan_protocol::ErrorCode;

pub(crate) use self::{
    open::{Opening, settings_of_log},
    read::{Found, Read, Sought},
    relocate::{Lying, Moved},
    replicate::Follower,
    signals::{Signals, Want, Wanted},
    upkeep::Means,
    waiting::Subscription,
};
use self::{
    relocate::Future,
    waiting::{Reader, Waiter},
};
use crate::{log_dirs::LogDir, maintenance::Bell, partitions::Topic, standing::Standing};

/// The log of a partition.
pub(crate) type Log = kastellan_log::Log<StdDisk>;
/// A file of a log.
pub(crate) type LogFile = StdFile;

/// One partition that this broker holds.
pub(crate) struct Partition {
    topic: Arc<Topic>,
    index: i32,
    key: AtomicU64,
    place: AtomicUsize,
    deleted: AtomicBool,
    state: Mutex<State>,
}

struct State {
    /// `None` once the log is closed.
    machine: Option<machine::Partition<Log>>,
    /// Who waits for the high watermark, in the order of offsets.
    waiters: std::collections::VecDeque<Waiter>,
    /// Who waits until no replica in sync has what was deleted.
    deleters: Vec<Waiter>,
    /// Whom to tell of appends.
    readers: Vec<Reader>,
    /// When the producers' state was last written, as an offset.
    snapshot: Offset,
    committing: Committing,
    /// A copy on its way to another log directory.
    future: Option<Future>,
    /// Whether somebody is going to look at the ISR.
    reviewed: bool,
}

/// How a partition gets what it appends onto the disk.
#[derive(Debug, Clone)]
pub(crate) struct Committing {
    /// Where its log lies.
    pub(crate) home: Arc<LogDir>,
    /// Rung after appends, for the checkpoints.
    pub(crate) bell: Arc<Bell>,
    /// What the committer calls this partition.
    pub(crate) key: u64,
    /// How brokers call it.
    pub(crate) name: PartitionKey,
    /// Told of what replication should do.
    pub(crate) signals: Arc<Signals>,
    /// Whether the broker still leads what it led.
    pub(crate) standing: Arc<Standing>,
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partition({}-{})", self.topic.name(), self.index)
    }
}

impl Partition {
    /// The topic it belongs to.
    pub(crate) fn topic(&self) -> &Arc<Topic> {
        &self.topic
    }

    /// Its number in the topic.
    pub(crate) fn index(&self) -> i32 {
        self.index
    }

    /// Whether its topic has been deleted: whoever holds it should look again.
    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// What the committer calls it.
    pub(crate) fn key(&self) -> u64 {
        self.key.load(Ordering::Acquire)
    }

    /// Which log directory it lies in; known where the partition is offline, too.
    pub(crate) fn place(&self) -> usize {
        self.place.load(Ordering::Acquire)
    }

    /// The log directory it lies in.
    pub(crate) fn home(&self) -> Result<Arc<LogDir>, ErrorCode> {
        Ok(Arc::clone(&self.lock()?.committing.home))
    }

    /// One past the last offset that readers see.
    pub(crate) fn high_watermark(&self) -> Result<Offset, ErrorCode> {
        self.with(|machine| machine.high_watermark())
    }

    /// The first offset, and one past the last, of the log.
    pub(crate) fn ends(&self) -> Result<(Offset, Offset), ErrorCode> {
        use kastellan_core::log::Log as _;
        self.with(|machine| (machine.log().start(), machine.log().end()))
    }

    /// Bytes of its log.
    pub(crate) fn size(&self) -> Result<i64, ErrorCode> {
        self.with(|machine| i64::try_from(machine.log().size()).unwrap_or(i64::MAX))
    }

    /// Whether it takes no more records: it is offline, or its log directory has failed.
    pub(crate) fn has_failed(&self) -> bool {
        let works = |state: MutexGuard<'_, State>| {
            state.machine.is_some() && state.committing.home.directory().poisoned().is_none()
        };
        !self.lock().is_ok_and(works)
    }

    /// Takes up changed settings of the topic.
    pub(crate) fn configure(&self, settings: Settings) -> Result<(), ErrorCode> {
        let config = self.topic.config();
        let mut state = self.lock()?;
        let machine = state.machine.as_mut().ok_or(ErrorCode::KafkaStorageError)?;
        machine.log_mut().set_config(settings_of_log(&config));
        let moved = machine.configure(settings);
        let told = state.heed(moved);
        drop(state);
        if let Some(told) = told {
            told.tell();
        }
        Ok(())
    }

    /// [`Self::lock`] for an answer that only a leader gives. Errors: also 6
    /// `NOT_LEADER_OR_FOLLOWER` where this broker leads as far as it knows, and cannot know whether
    /// another one does by now.
    fn lock_to_answer(&self) -> Result<MutexGuard<'_, State>, ErrorCode> {
        let state = self.lock()?;
        let machine = state.machine.as_ref().ok_or(ErrorCode::KafkaStorageError)?;
        machine.check_standing(state.committing.standing.now())?;
        Ok(state)
    }

    /// Whether nothing speaks against answering as its leader, should this broker be that. Errors:
    /// those of the lock.
    pub(crate) fn check_standing(&self) -> Result<(), ErrorCode> {
        self.lock_to_answer().map(drop)
    }

    /// Runs `act` on the machine, for a moment.
    fn with<R>(&self, act: impl FnOnce(&mut machine::Partition<Log>) -> R) -> Result<R, ErrorCode> {
        let mut state = self.lock()?;
        state.machine.as_mut().map(act).ok_or(ErrorCode::KafkaStorageError)
    }

    fn lock(&self) -> Result<MutexGuard<'_, State>, ErrorCode> {
        self.state.lock().map_err(|_poisoned| ErrorCode::KafkaStorageError)
    }
}
