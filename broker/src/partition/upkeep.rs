//! What happens to a partition now and then: expiry, snapshots, the end.

use std::sync::{Arc, atomic::Ordering};

use kastellan_core::{
    id::{Offset, TopicPartition},
    log::LogError,
    partition as machine,
};
use kastellan_log::{Bounds, Brake, Checkpoints, Compacted, Dirtiness, Turn, Unsynced};
use kastellan_protocol::ErrorCode;

use super::{Log, Partition};

impl Partition {
    /// Takes the log away, for it is deleted. Who waits is told: 3 `UNKNOWN_TOPIC_OR_PARTITION`.
    pub(crate) fn delete(&self) -> Option<Log> {
        self.deleted.store(true, Ordering::Release);
        self.take(ErrorCode::UnknownTopicOrPartition).map(machine::Partition::into_log)
    }

    /// Takes the log away, for its directory has failed. Who waits is told: 56
    /// `KAFKA_STORAGE_ERROR`.
    pub(crate) fn fail(&self) {
        drop(self.take(ErrorCode::KafkaStorageError));
    }

    /// Closes the log, the producers' state beside it. Who waits is told: 56 `KAFKA_STORAGE_ERROR`.
    pub(crate) fn close(&self) -> Result<Checkpoints, LogError> {
        self.prepare_close()?;
        let machine = self.take(ErrorCode::KafkaStorageError).ok_or_else(offline)?;
        machine.into_log().close()
    }

    /// Does what [`Partition::close`] does but the sync, for whoever closes many.
    pub(crate) fn prepare_close(&self) -> Result<(), LogError> {
        let mut state = self.lock().map_err(|_code| offline())?;
        state.store_snapshot()?;
        state.machine.as_mut().ok_or_else(offline)?.log_mut().prepare_close()
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

    /// [`Partition::flush_now`] for many of one log directory, with one sync where that is cheaper.
    pub(crate) fn flush_all(partitions: &[Arc<Self>]) -> Result<(), LogError> {
        let mut works = Vec::new();
        let mut whose = Vec::new();
        for partition in partitions {
            if let Ok(Ok(Some(work))) = partition.with_log(Log::take_unsynced) {
                works.push(work);
                whose.push(partition);
            }
        }
        Unsynced::sync_all(works.iter())?;
        for (partition, work) in whose.into_iter().zip(works) {
            let synced = partition.with(|machine| {
                let durable = machine.log_mut().synced(work.receipt);
                machine.synced(durable)
            });
            synced.map_err(|_code| offline())?;
        }
        Ok(())
    }

    /// What the checkpoints of its directory should say, and which that is.
    pub(crate) fn checkpoints(&self) -> Result<(usize, Checkpoints), LogError> {
        let state = self.lock().map_err(|_code| offline())?;
        let machine = state.machine.as_ref().ok_or_else(offline)?;
        Ok((state.committing.home.place(), machine.log().checkpoints()))
    }

    /// The high watermark for the checkpoint of its directory, and which that is; `None` for a sole
    /// replica, whose log says it all.
    pub(crate) fn mark(&self) -> Option<(usize, TopicPartition, Offset)> {
        let state = self.lock().ok()?;
        let machine = state.machine.as_ref().filter(|machine| machine.is_replicated())?;
        let name = machine.log().partition().clone();
        Some((state.committing.home.place(), name, machine.high_watermark()))
    }

    /// Lets go what retention does not keep; true when the log's start has moved. Files go later,
    /// with [`Partition::remove_expired`].
    pub(crate) fn expire(&self, now: i64) -> Result<bool, LogError> {
        // What has to be read for it is read first, without the mutex.
        while let Some(seek) = self.with_log(|log| log.seek_age(now))?? {
            seek.learn().map_err(|error| LogError::Unreadable(error.to_string()))?;
        }
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

    /// How much there is to gain from compacting it; `None`: not enough.
    pub(crate) fn dirtiness(&self, now: i64) -> Result<Option<Dirtiness>, LogError> {
        let judged = self.with(|machine| machine.log().dirtiness(now, machine.high_watermark()));
        judged.map_err(|_code| offline())?
    }

    /// Compacts what is closed and durable below a checkpoint, if that gains enough: `None` when it
    /// does not. Appends and reads go on meanwhile.
    pub(crate) fn compact(&self, now: i64, means: Means) -> Result<Option<Compacted>, LogError> {
        let begun = self.with(|machine| {
            let bounds = Bounds {
                now,
                upto: machine.high_watermark(),
                producers: machine.producers().last_offsets(),
                key_bytes: means.key_bytes,
                load: means.load,
                brake: Some(means.brake),
            };
            machine.log_mut().begin_compaction(bounds)
        });
        let Some(mut compaction) = begun.map_err(|_code| offline())?? else { return Ok(None) };
        while compaction.work()? == Turn::Log {
            // deleted or offline by now: the compaction is told by its log, too
            if let Ok(taken) = self.with_log(|log| log.take_up(&mut compaction)) {
                taken?;
            }
        }
        Ok(Some(compaction.outcome()))
    }

    pub(super) fn with_log<R>(&self, act: impl FnOnce(&mut Log) -> R) -> Result<R, LogError> {
        self.with(|machine| act(machine.log_mut())).map_err(|_code| offline())
    }

    /// Takes the machine with the log away; those who wait are told `code`.
    fn take(&self, code: ErrorCode) -> Option<machine::Partition<Log>> {
        let mut state = self.lock().ok()?;
        let taken = state.machine.take();
        state.want_fetch();
        let told = state.send_away(code);
        drop(state);
        told.tell();
        taken
    }
}

/// What one compaction may use.
#[derive(Debug, Clone)]
pub(crate) struct Means {
    /// Bytes for keys.
    pub(crate) key_bytes: usize,
    /// How full they may get, 0 to 1.
    pub(crate) load: f64,
    /// What holds it to the budget.
    pub(crate) brake: Arc<dyn Brake>,
}

fn offline() -> LogError {
    LogError::Poisoned("the partition is offline".to_owned())
}
