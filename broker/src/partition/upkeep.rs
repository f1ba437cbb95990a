//! What happens to a partition now and then: expiry, snapshots, the end.

use std::sync::atomic::Ordering;

use kastellan_core::log::{Log as _, LogError};
use kastellan_log::Checkpoints;
use kastellan_protocol::ErrorCode;

use super::{Log, Partition, State};

impl Partition {
    /// Takes the log away, for it is deleted. Who waits is told: 3 `UNKNOWN_TOPIC_OR_PARTITION`.
    pub(crate) fn delete(&self) -> Option<Log> {
        self.deleted.store(true, Ordering::Release);
        self.take(ErrorCode::UnknownTopicOrPartition)?.machine.map(|machine| machine.into_log())
    }

    /// Closes the log, the producers' state beside it. Who waits is told: 56 `KAFKA_STORAGE_ERROR`.
    pub(crate) fn close(&self) -> Result<Checkpoints, LogError> {
        let offline = || LogError::Poisoned("the partition is offline".to_owned());
        let taken = self.take(ErrorCode::KafkaStorageError).ok_or_else(offline)?;
        let mut machine = taken.machine.ok_or_else(offline)?;
        let end = machine.log().end();
        if end > taken.snapshot {
            let snapshot = machine.producers().to_snapshot();
            machine.log_mut().store_snapshot(end, &snapshot)?;
        }
        let log = machine.into_log();
        let partition = log.partition().clone();
        let (start, durable_end) = log.close()?;
        Ok(Checkpoints { partition, start, durable_end })
    }

    /// Forgets producers that have been silent for `expiration` milliseconds.
    pub(crate) fn expire_producers(&self, now: i64, expiration: i64) -> Result<usize, ErrorCode> {
        self.with(|machine| machine.producers_mut().expire(now, expiration))
    }

    /// What is left of the state once the log is gone from it; those who wait are told `code`.
    fn take(&self, code: ErrorCode) -> Option<Taken> {
        let mut state = self.lock().ok()?;
        let State { machine, waiters, snapshot, .. } = &mut *state;
        let taken = Taken { machine: machine.take(), snapshot: *snapshot };
        let waiters = std::mem::take(waiters);
        state.tell_readers(0, true);
        drop(state);
        waiters.into_iter().for_each(|waiter| (waiter.tell)(Err(code)));
        Some(taken)
    }
}

/// What a partition had.
struct Taken {
    machine: Option<kastellan_core::partition::Partition<Log>>,
    snapshot: kastellan_core::id::Offset,
}
