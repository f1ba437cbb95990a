//! Appends: of clients' batches, and of the coordinators' own records.

use bytes::Bytes;
use kastellan_core::{
    id::Offset,
    log::Log as _,
    machine::Now,
    partition::{Appending, Moved, Outcome},
};
use kastellan_protocol::{
    ErrorCode,
    batch::{Builder, Header, Valid},
};

use super::Partition;

/// A batch that is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Done {
    /// The offset of its first record.
    pub(crate) first: Offset,
    /// The offset of its last record.
    pub(crate) last: Offset,
    /// The first offset of the log.
    pub(crate) log_start: Offset,
    /// Whether `acks=all` is fulfilled already.
    pub(crate) committed: bool,
}

impl Partition {
    /// Appends a client's batch, which `valid` was found to be. Errors: those of
    /// [`kastellan_core::partition::Partition::append`].
    pub(crate) fn append(
        &self,
        batch: &mut [u8],
        valid: &Valid,
        how: Appending,
    ) -> Result<Done, ErrorCode> {
        let mut state = self.lock_to_answer()?;
        let machine = state.machine.as_mut().ok_or(ErrorCode::KafkaStorageError)?;
        let outcome = machine.append(batch, valid, how)?;
        let (first, last) = (outcome.first(), outcome.last());
        let log_start = machine.log().start();
        let committed = machine.high_watermark() > last;
        if matches!(outcome, Outcome::Appended { .. }) {
            state.commit(self.topic().config().flush_messages);
        }
        match outcome {
            Outcome::Appended { visible: true, .. } => {
                state.tell_readers(batch.len(), false);
                let told = state.committed();
                drop(state);
                told.tell();
            }
            Outcome::Appended { visible: false, .. } => {
                state.tell_followers(batch.len());
                drop(state.heed(Moved::default()));
            }
            Outcome::Duplicate(_) => {}
        }
        Ok(Done { first, last, log_start, committed })
    }

    /// Appends records of our own as one batch, in the page cache when this returns; its offsets
    /// are in the answer. Use [`Partition::when_committed`] before anybody is told.
    pub(crate) fn append_records(
        &self,
        records: &[(Option<Bytes>, Option<Bytes>)],
        now: Now,
    ) -> Result<Done, ErrorCode> {
        let mut builder = Builder::new(0, -1);
        for (key, value) in records {
            builder.record(now.wall, key.as_deref(), value.as_deref(), &[]);
        }
        let mut batch = builder.finish();
        if batch.len() > self.topic().config().max_message_bytes {
            return Err(ErrorCode::RecordListTooLarge);
        }
        let header = Header::parse(&batch).map_err(|_malformed| ErrorCode::InvalidRecord)?;
        let valid = Valid { header, max_timestamp: now.wall, max_timestamp_delta: 0 };
        let how = Appending { now, log_append_time: false, all: true };
        self.append(&mut batch, &valid, how)
    }
}
