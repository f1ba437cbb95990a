//! What is appended gets onto the disk, and whoever waits for that is told.

use kastellan_core::{
    log::{Log as _, LogError},
    partition::{Durability, Moved},
};
use kastellan_log::Done;
use kastellan_protocol::ErrorCode;

use super::{Partition, State};

/// Bytes after which the kernel is asked to begin writing: early enough that a sync finds little to
/// do, and the page cache never fills with what is dirty.
const WRITE_BACK: u64 = 8 << 20;

/// A log of so few bytes that begins with its first record is read faster than a snapshot.
const SHORT: u64 = 64 << 10;

impl State {
    /// Writes the producers' state beside the log, where that saves the next start some reading.
    pub(super) fn store_snapshot(&mut self) -> Result<(), LogError> {
        let Some(machine) = &mut self.machine else { return Ok(()) };
        let log = machine.log();
        let (end, short) = (log.end(), log.start() == 0 && log.size() <= SHORT);
        if end > self.snapshot && !short {
            let bytes = machine.producers().to_snapshot();
            machine.log_mut().store_snapshot(end, &bytes)?;
            self.snapshot = end;
        }
        Ok(())
    }

    /// Hands what was just appended to the committer: all of it where acknowledgements wait for the
    /// disk, otherwise only a hint once there is much.
    pub(super) fn commit(&mut self, flush_messages: Option<i64>) {
        self.committing.bell.appended();
        let Some(machine) = &mut self.machine else { return };
        let fsync = machine.durability() == Durability::Fsync;
        let log = machine.log_mut();
        let many = flush_messages.is_some_and(|most| log.end() - log.durable_end() >= most);
        if fsync || many {
            match log.take_unsynced() {
                Ok(Some(unsynced)) => {
                    self.committing.home.committer().commit(self.committing.key, unsynced);
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "cannot sync what was appended"),
            }
        } else if let Some(range) = log.take_write_back(WRITE_BACK) {
            self.committing.home.committer().write_back(range);
        }
    }
}

impl Partition {
    /// The committer has synced what it was handed, or has failed to.
    pub(crate) fn committed(&self, done: &Done) {
        let Ok(mut state) = self.lock() else { return };
        let told = match &done.outcome {
            Ok(receipt) => {
                let Some(machine) = &mut state.machine else { return };
                let durable = machine.log_mut().synced(*receipt);
                let visible = machine.synced(durable);
                if machine.position().is_some() {
                    state.want_fetch();
                }
                match state.heed(Moved { visible, proposal: false }) {
                    Some(told) => told,
                    None => return,
                }
            }
            Err(error) => {
                tracing::error!(partition = ?self, %error, "acknowledgements are lost");
                state.send_away(ErrorCode::KafkaStorageError)
            }
        };
        drop(state);
        told.tell();
    }

    /// Hands everything that is not on the disk to the committer, the producers' state with it, so
    /// that a start after a crash has only the last stretch to read; false when there is nothing.
    pub(crate) fn flush(&self) -> Result<bool, ErrorCode> {
        let mut state = self.lock()?;
        state.store_snapshot().map_err(|error| kastellan_core::partition::code(&error))?;
        let State { machine, committing, .. } = &mut *state;
        let machine = machine.as_mut().ok_or(ErrorCode::KafkaStorageError)?;
        let unsynced = machine.log_mut().take_unsynced();
        let unsynced = unsynced.map_err(|error| kastellan_core::partition::code(&error))?;
        let Some(work) = unsynced else { return Ok(false) };
        committing.home.committer().commit(committing.key, work);
        Ok(true)
    }
}
