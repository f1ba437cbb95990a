//! The log as the machines see it; `kastellan-log` implements it over a disk.

use crate::{
    id::{LeaderEpoch, Offset},
    producer::Producers,
};

/// Why a log did not do as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The offset lies before the log's start or behind its end.
    #[error("offset {offset} is outside {start}..{end}")]
    OutOfRange {
        /// What was asked for.
        offset: Offset,
        /// The first offset that the log holds.
        start: Offset,
        /// One past the last offset.
        end: Offset,
    },
    /// A write or sync failed, now or earlier: the directory takes no more writes.
    #[error("the log directory is poisoned: {0}")]
    Poisoned(String),
    /// A read failed, or found bytes that are no batch; writes go on.
    #[error("the log cannot be read: {0}")]
    Unreadable(String),
}

/// What one append puts at the end of the log: whole batches, offsets and epoch already patched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The first batch's base offset.
    pub first: Offset,
    /// The last record's offset.
    pub last: Offset,
    /// The largest timestamp in the batches, in milliseconds since 1970, or -1.
    pub max_timestamp: i64,
    /// The offset to note beside `max_timestamp` in the time index.
    pub offset_of_max_timestamp: Offset,
    /// The leader epoch that the batches carry.
    pub epoch: LeaderEpoch,
}

/// One partition's log: append, read, truncate, end, epochs. Batches in, ranges of batches out.
pub trait Log {
    /// A range of bytes of the log: whole batches but for the last, which may be cut.
    type Slice;

    /// Appends whole batches into the page cache. `appended.first` is [`Log::end`]; what a follower
    /// gets of a compacted log may leave offsets out, before it and in between.
    fn append(&mut self, batches: &[u8], appended: Appended) -> Result<(), LogError>;
    /// Up to `max_bytes` from the batch that holds `from`, none of it at or behind `until`; with
    /// `at_least_one` the first batch comes whole even where it is larger.
    fn read(
        &self,
        from: Offset,
        until: Offset,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Self::Slice, LogError>;
    /// The first offset that a reader may ask for.
    fn start(&self) -> Offset;
    /// One past the last offset.
    fn end(&self) -> Offset;
    /// Moves the start forward: records before `to` are gone for readers. One that lies behind `to`
    /// stays; beyond the end is refused.
    fn advance_start(&mut self, to: Offset) -> Result<(), LogError>;
    /// Drops everything at and behind `end`.
    fn truncate(&mut self, end: Offset) -> Result<(), LogError>;
    /// Forgets everything and goes on, empty, at `start`: what lies before counts as deleted.
    fn restart_at(&mut self, start: Offset) -> Result<(), LogError>;
    /// The producers that the log knows of, `limit` of them at most, for whoever has cut off what
    /// others of its batches said.
    fn replay(&self, limit: usize) -> Result<Producers, LogError>;
    /// The epoch of the last batch, or -1.
    fn latest_epoch(&self) -> LeaderEpoch;
    /// Where `epoch` or the largest one below it that has batches ended: (that epoch, its end
    /// offset). An epoch below all that have batches ended where the first of those began; without
    /// any batch it ended with the log. KIP-101, KIP-279.
    fn end_of_epoch(&self, epoch: LeaderEpoch) -> (LeaderEpoch, Offset);
    /// The epoch of the batch at `offset`, or -1.
    fn epoch_at(&self, offset: Offset) -> LeaderEpoch;
}
