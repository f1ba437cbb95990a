//! What happens to a partition now and then: expiry, snapshots, the end.

use std::sync::atomic::Ordering;

use kastellan_core::{
    log::{Log as _, LogError},
    partition as machine,
};
use kastellan_log::{Bounds, Checkpoints};
use kastellan_protocol::ErrorCode;

use super::{Log, Partition, State};

impl Partition {
    /// Takes the log away, for it is deleted. Who waits is told: 3 `UNKNOWN_TOPIC_OR_PARTITION`.
    pub(crate) fn delete(&self) -> Option<Log> {
        self.deleted.store(true, Ordering::Release);
        self.take(ErrorCode::UnknownTopicOrPartition)?.machine.map(machine::Partition::into_log)
    }

    /// Closes the log, the producers' state beside it. Who waits is told: 56 `KAFKA_STORAGE_ERROR`.
    pub(crate) fn close(&self) -> Result<Checkpoints, LogError> {
        let taken = self.take(ErrorCode::KafkaStorageError).ok_or_else(offline)?;
        let mut machine = taken.machine.ok_or_else(offline)?;
        let end = machine.log().end();
        if end > taken.snapshot {
            let snapshot = machine.producers().to_snapshot();
            machine.log_mut().store_snapshot(end, &snapshot)?;
        }
        machine.into_log().close()
    }

    /// Forgets producers that have been silent for `expiration` milliseconds.
    pub(crate) fn expire_producers(&self, now: i64, expiration: i64) -> Result<usize, ErrorCode> {
        self.with(|machine| machine.producers_mut().expire(now, expiration))
    }

    /// Has everything synced before it returns, the mutex released meanwhile.
    pub(crate) fn flush_now(&self) -> Result<(), LogError> {
        let unsynced = self.with_log(Log::take_unsynced)??;
        let Some(unsynced) = unsynced else { return Ok(()) };
        unsynced.sync()?;
        self.with(|machine| {
            let durable = machine.log_mut().synced(unsynced.receipt);
            machine.synced(durable)
        })
        .map_err(|_code| offline())?;
        Ok(())
    }

    /// What the directory's checkpoints should say.
    pub(crate) fn checkpoints(&self) -> Result<Checkpoints, LogError> {
        self.with_log(|log| log.checkpoints())
    }

    /// Whether it has segments that are not written to any more.
    pub(crate) fn has_closed(&self) -> bool {
        self.with_log(|log| log.segment_count() > 1).unwrap_or(false)
    }

    /// Lets go what retention does not keep; true when the log's start has moved. Files go later,
    /// with [`Partition::remove_expired`].
    pub(crate) fn expire(&self, now: i64) -> Result<bool, LogError> {
        let mut state = self.lock().map_err(|_code| offline())?;
        let machine = state.machine.as_mut().ok_or_else(offline)?;
        let upto = machine.high_watermark();
        let moved = machine.log_mut().expire(now, upto)?;
        if moved {
            state.tell_readers(0, false);
        }
        Ok(moved)
    }

    /// Removes segments below the start as it is checkpointed.
    pub(crate) fn remove_expired(&self, now: i64) -> Result<usize, LogError> {
        self.with_log(|log| log.remove_expired(now))?
    }

    /// Compacts what is closed, if that gains enough. Appends and reads go on meanwhile.
    pub(crate) fn compact(&self, now: i64) -> Result<bool, LogError> {
        let begun = self.with(|machine| {
            let bounds = Bounds {
                now,
                upto: machine.high_watermark(),
                producers: machine.producers().last_offsets(),
                key_bytes: KEY_BYTES,
            };
            machine.log().begin_compaction(bounds)
        });
        let Some(mut compaction) = begun.map_err(|_code| offline())?? else { return Ok(false) };
        compaction.run()?;
        if !self.with_log(|log| log.swap_compacted(&mut compaction))?? {
            return Ok(false);
        }
        compaction.sync()?;
        self.with_log(|log| log.finish_compaction(compaction))??;
        Ok(true)
    }

    fn with_log<R>(&self, act: impl FnOnce(&mut Log) -> R) -> Result<R, LogError> {
        self.with(|machine| act(machine.log_mut())).map_err(|_code| offline())
    }

    /// What is left of the state once the log is gone from it; those who wait are told `code`.
    fn take(&self, code: ErrorCode) -> Option<Taken> {
        let mut state = self.lock().ok()?;
        let State { machine, waiters, snapshot, .. } = &mut *state;
        let taken = Taken { machine: machine.take(), snapshot: *snapshot };
        let waiters = std::mem::take(waiters);
        state.tell_readers(0, true);
        drop(state);
        for waiter in waiters {
            (waiter.tell)(Err(code));
        }
        Some(taken)
    }
}

/// Memory for the keys of one compaction.
const KEY_BYTES: usize = 32 << 20;

fn offline() -> LogError {
    LogError::Poisoned("the partition is offline".to_owned())
}

/// What a partition had.
struct Taken {
    machine: Option<machine::Partition<Log>>,
    snapshot: kastellan_core::id::Offset,
}
