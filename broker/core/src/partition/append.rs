//! Appending: idempotence, then offsets and epoch, then the log.

use kastellan_protocol::{ErrorCode, batch::Valid};

use super::{Partition, Role, code};
use crate::{
    id::Offset,
    log::{Appended, Log},
    machine::Now,
    producer::{Duplicate, Verdict},
};

/// How a batch is to be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appending {
    /// The clocks.
    pub now: Now,
    /// Whether the wall clock replaces the client's timestamps
    /// (`message.timestamp.type=LogAppendTime`).
    pub log_append_time: bool,
    /// Whether its acknowledgement waits for all that are in sync (`acks=all`): then there have to
    /// be `min.insync.replicas` of them, or all replicas where there are fewer.
    pub all: bool,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log.
    Appended {
        /// The offset of its first record.
        first: Offset,
        /// The offset of its last record.
        last: Offset,
        /// Whether readers see more than before.
        visible: bool,
    },
    /// It was in the log already.
    Duplicate(Duplicate),
}

impl Outcome {
    /// The offset of the batch's first record.
    pub fn first(&self) -> Offset {
        match self {
            Self::Appended { first, .. } => *first,
            Self::Duplicate(duplicate) => duplicate.first,
        }
    }

    /// The offset of the batch's last record.
    pub fn last(&self) -> Offset {
        match self {
            Self::Appended { last, .. } => *last,
            Self::Duplicate(duplicate) => duplicate.last,
        }
    }
}

impl<L: Log> Partition<L> {
    /// Appends one batch, which `valid` was found to be. Offset, epoch and append time are written
    /// into `batch` itself.
    ///
    /// Errors: 6 `NOT_LEADER_OR_FOLLOWER`, those of [`crate::producer::Producers::check`], 19
    /// `NOT_ENOUGH_REPLICAS`, 56 `KAFKA_STORAGE_ERROR` from a poisoned log. Nothing is changed
    /// then.
    pub fn append(
        &mut self,
        batch: &mut [u8],
        valid: &Valid,
        how: Appending,
    ) -> Result<Outcome, ErrorCode> {
        let leader = self.as_leader()?;
        if how.all && leader.in_sync() < self.needed(leader) {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        if let Verdict::Duplicate(duplicate) = self.producers.check(&valid.header)? {
            return Ok(Outcome::Duplicate(duplicate));
        }
        let mut header = valid.header;
        let first = self.log.end();
        let append_time = how.log_append_time.then_some(how.now.wall);
        let (max_timestamp, offset_of_max) = valid.assign(batch, first, self.epoch, append_time);
        header.base_offset = first;
        header.max_timestamp = max_timestamp;
        let last = first + i64::from(header.last_offset_delta);
        let appended = Appended {
            first,
            last,
            max_timestamp,
            offset_of_max_timestamp: offset_of_max,
            epoch: self.epoch,
        };
        self.log.append(batch, appended).map_err(|error| code(&error))?;
        self.producers.record(&header, how.now.wall);
        if let Role::Leader(leader) = &mut self.role {
            let followers = leader.followers.iter_mut();
            followers.for_each(|follower| follower.outgrown(how.now.monotonic, first));
        }
        Ok(Outcome::Appended { first, last, visible: self.advance() })
    }
}
