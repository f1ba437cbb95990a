//! What an administrator asks of a partition, and what clients do who compare histories.

use kastellan_core::{
    id::{LeaderEpoch, Offset},
    log::Log as _,
    producer::Active,
};
use kastellan_protocol::ErrorCode;

use super::Partition;

impl Partition {
    /// Deletes the records before `before`; returns the log's start, which is to be checkpointed
    /// before anybody is told. Errors: those of
    /// [`kastellan_core::partition::Partition::delete_records`].
    pub(crate) fn delete_records(&self, before: Offset) -> Result<Offset, ErrorCode> {
        let cleanup = self.topic().config().cleanup;
        let mut state = self.lock_to_answer()?;
        let machine = state.machine.as_mut().ok_or(ErrorCode::KafkaStorageError)?;
        let start = machine.log().start();
        let deleted = machine.delete_records(before, cleanup);
        if machine.log().start() > start {
            // Whoever waits before the new start waits in vain: let it hear so at once.
            state.tell_readers(0, true);
        }
        deleted
    }

    /// Whether it starts at `start` at least after any crash.
    pub(crate) fn is_start_durable(&self, start: Offset) -> bool {
        self.with(|machine| machine.log().is_start_durable(start)).unwrap_or(false)
    }

    /// Where `epoch` ended, for a client that takes `current` for the leader's. Errors: 74
    /// `FENCED_LEADER_EPOCH`, 75 `UNKNOWN_LEADER_EPOCH`.
    pub(crate) fn end_of_epoch(
        &self,
        current: LeaderEpoch,
        epoch: LeaderEpoch,
    ) -> Result<Option<(LeaderEpoch, Offset)>, ErrorCode> {
        let state = self.lock_to_answer()?;
        let machine = state.machine.as_ref().ok_or(ErrorCode::KafkaStorageError)?;
        machine.check_epoch(current)?;
        Ok(machine.end_of_epoch(epoch))
    }

    /// The producers that are remembered.
    pub(crate) fn active_producers(&self) -> Result<Vec<Active>, ErrorCode> {
        self.with(|machine| machine.producers().active().collect())
    }
}
