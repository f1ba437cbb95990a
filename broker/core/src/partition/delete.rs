//! Deleting records at a client's word: the log's start moves, and nothing else (KIP-107).

use kastellan_protocol::ErrorCode;

use super::{Partition, code};
use crate::{config::Cleanup, id::Offset, log::Log};

/// What a client names to have everything deleted that readers see.
const HIGH_WATERMARK: Offset = -1;

impl<L: Log> Partition<L> {
    /// Deletes the records before `before`, or before the high watermark where it is -1; returns
    /// the log's start from then on, which stays where it was when it lay further already.
    ///
    /// What is remembered of producers stays as it is, as in Kafka: a batch that is repeated after
    /// its deletion is still a repetition.
    ///
    /// Errors: 6 `NOT_LEADER_OR_FOLLOWER`, 44 `POLICY_VIOLATION` for a log that is only compacted,
    /// 1 `OFFSET_OUT_OF_RANGE` beyond the high watermark and for other numbers below 0, 56
    /// `KAFKA_STORAGE_ERROR`.
    pub fn delete_records(
        &mut self,
        before: Offset,
        cleanup: Cleanup,
    ) -> Result<Offset, ErrorCode> {
        self.as_leader()?;
        if cleanup.compact && !cleanup.delete {
            return Err(ErrorCode::PolicyViolation);
        }
        let before = if before == HIGH_WATERMARK { self.high_watermark } else { before };
        if !(0..=self.high_watermark).contains(&before) {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        self.log.advance_start(before).map_err(|error| code(&error))?;
        Ok(self.log.start())
    }
}
