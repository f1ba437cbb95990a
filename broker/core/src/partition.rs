//! One partition on its leader: what is appended, and what a reader may see.
//!
//! Pure and generic over its [`Log`], so that the simulator runs the same decisions on a disk that
//! loses blocks. With one replica the high watermark follows the log's end, or, where
//! acknowledgements are promised to survive a power cut, the end of what is synced.

mod append;
mod delete;
mod epoch;
mod read;

use kastellan_protocol::ErrorCode;

pub use self::append::{Appending, Outcome};
pub use self::read::{Fetched, From, Isolation, Listed, Place};
use crate::{
    id::{LeaderEpoch, Offset},
    log::{Log, LogError},
    producer::Producers,
};

/// What an acknowledgement of `acks=all` promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Kafka's rule: every in-sync replica has it, in its page cache at least.
    #[default]
    Replicated,
    /// It is on the disk, too.
    Fsync,
}

/// A partition that this broker leads.
#[derive(Debug)]
pub struct Partition<L> {
    log: L,
    producers: Producers,
    epoch: LeaderEpoch,
    durability: Durability,
    /// One past the last offset that readers see; never falls, never ahead of the log.
    high_watermark: Offset,
    /// One past the last offset that is known to be on the disk.
    synced: Offset,
}

/// Replicas of a partition, and those of them in sync, while it has only one.
const REPLICAS: i32 = 1;
const IN_SYNC: i32 = 1;

impl<L: Log> Partition<L> {
    /// Leads `log` in `epoch`. What was recovered counts as synced: recovery has checked it, and a
    /// restarted broker has nothing better.
    pub fn new(log: L, producers: Producers, epoch: LeaderEpoch, durability: Durability) -> Self {
        let end = log.end();
        Self { log, producers, epoch, durability, high_watermark: end, synced: end }
    }

    /// The log.
    pub fn log(&self) -> &L {
        &self.log
    }

    /// The log, to be maintained: rolled, cleaned, compacted. Appends go through
    /// [`Partition::append`].
    pub fn log_mut(&mut self) -> &mut L {
        &mut self.log
    }

    /// The log, for whoever closes or deletes it.
    pub fn into_log(self) -> L {
        self.log
    }

    /// The producers that are remembered.
    pub fn producers(&self) -> &Producers {
        &self.producers
    }

    /// The producers, to be expired or rebuilt.
    pub fn producers_mut(&mut self) -> &mut Producers {
        &mut self.producers
    }

    /// What `acks=all` promises here.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// What `acks=all` promises here from now on.
    pub fn set_durability(&mut self, durability: Durability) {
        self.durability = durability;
        self.advance();
    }

    /// One past the last offset that readers see.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// Everything before `upto` is on the disk. True: readers see more than before.
    pub fn synced(&mut self, upto: Offset) -> bool {
        self.synced = self.synced.max(upto.min(self.log.end()));
        self.advance()
    }

    fn advance(&mut self) -> bool {
        let reached = match self.durability {
            Durability::Replicated => self.log.end(),
            Durability::Fsync => self.synced,
        };
        let moved = reached > self.high_watermark;
        self.high_watermark = self.high_watermark.max(reached);
        assert!(self.high_watermark <= self.log.end(), "readers never see what is not in the log");
        moved
    }
}

/// The error code that tells a client what a log said.
pub fn code(error: &LogError) -> ErrorCode {
    match error {
        LogError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        LogError::Poisoned(_) | LogError::Unreadable(_) => ErrorCode::KafkaStorageError,
    }
}

#[cfg(test)]
mod tests;
