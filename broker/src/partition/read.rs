//! Reads: what a fetch gets, what `ListOffsets` finds, and replays for the coordinators.

use std::{
    io,
    ops::ControlFlow,
    sync::{Arc, MutexGuard},
};

use kastellan_core::{
    id::{BrokerId, LeaderEpoch, Offset},
    log::Log as _,
    metadata::Image,
    partition::{self as machine, Fetched, From, Isolation, Listed, Place},
    replica::rack::preferred,
};
use kastellan_log::{Located, Look, Resolved, Search, Slice, StdDisk, Timed};
use kastellan_protocol::{
    ErrorCode,
    batch::{Header, Scratch},
};

use super::{LogFile, Partition, State};
use crate::net::{FileRange, is_cold};

/// What a fetch gets of a partition.
#[derive(Debug)]
pub(crate) struct Read {
    /// One past the last offset that readers see.
    pub(crate) high_watermark: Offset,
    /// One past the last offset that is decided.
    pub(crate) last_stable_offset: Offset,
    /// The first offset of the log.
    pub(crate) log_start: Offset,
    /// Where the reader's log left this one.
    pub(crate) diverging: Option<(LeaderEpoch, Offset)>,
    /// Whether there are records from the offset on, wanted or not.
    pub(crate) more: bool,
    /// The records.
    pub(crate) records: Option<FileRange>,
    /// Whether the records count as what a follower takes that catches up.
    pub(crate) throttled: bool,
    /// The replica that the reader should read of instead.
    pub(crate) preferred: Option<BrokerId>,
}

/// Where to look for what `ListOffsets` asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sought {
    /// What is asked.
    pub(crate) place: Place,
    /// What the client takes for the leader's epoch, or -1.
    pub(crate) current_leader_epoch: LeaderEpoch,
    /// Which records it may see.
    pub(crate) isolation: Isolation,
}

/// What `ListOffsets` answers; -1 for what there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// The record's timestamp, in milliseconds since 1970.
    pub(crate) timestamp: i64,
    /// Its offset.
    pub(crate) offset: Offset,
    /// The epoch of its batch.
    pub(crate) epoch: LeaderEpoch,
}

impl Partition {
    /// Reads what `from` asks for, as far as readers may see; the mutex is released before a file
    /// is looked into.
    pub(crate) fn read(&self, from: From) -> Result<Read, ErrorCode> {
        let state = self.lock_to_answer()?;
        let machine = state.machine.as_ref().ok_or(ErrorCode::KafkaStorageError)?;
        let bounds = machine.bounds(from)?;
        self.read_within(state, from, &bounds)
    }

    /// Reads what `bounds` say that there is; releases the mutex.
    pub(super) fn read_within(
        &self,
        state: MutexGuard<'_, State>,
        mut from: From,
        bounds: &Fetched<()>,
    ) -> Result<Read, ErrorCode> {
        let machine = state.machine.as_ref().ok_or(ErrorCode::KafkaStorageError)?;
        let (until, end) = (bounds.until, machine.log().end());
        let wanted = bounds.slice.is_some() && (from.max_bytes > 0 || from.at_least_one);
        let mut located = if wanted { locate(machine, from, until)? } else { None };
        drop(state);
        let mut records = None;
        while let Some(place) = located.take() {
            match resolve(&place).map_err(|error| self.unreadable(&error))? {
                Resolved::Slice(slice) => {
                    let at_tail = until == end && slice.len < from.max_bytes;
                    records = range(slice, !at_tail);
                }
                // Compaction has left nothing in that segment.
                Resolved::Further(next) => {
                    from.offset = next;
                    let state = self.lock()?;
                    let machine = state.machine.as_ref().ok_or(ErrorCode::KafkaStorageError)?;
                    located = locate(machine, from, until)?;
                }
            }
        }
        Ok(Read {
            high_watermark: bounds.high_watermark,
            last_stable_offset: bounds.last_stable_offset,
            log_start: bounds.log_start,
            diverging: bounds.diverging,
            more: bounds.slice.is_some(),
            records,
            throttled: false,
            preferred: None,
        })
    }

    /// Says where else to read, which is no reading: the errors are those of [`Self::read`].
    pub(crate) fn refer(&self, from: From, preferred: BrokerId) -> Result<Read, ErrorCode> {
        let nothing = From { max_bytes: 0, at_least_one: false, ..from };
        let read = self.read(nothing)?;
        Ok(Read { more: false, preferred: Some(preferred), ..read })
    }

    /// The replica in a consumer's `rack` that should serve it from `offset` on, if this broker
    /// leads and another one is nearer (KIP-392).
    pub(crate) fn nearer(&self, rack: &str, offset: Offset, image: &Image) -> Option<BrokerId> {
        let rack_of = |id: BrokerId| image.broker(id)?.rack.as_deref();
        let state = self.lock().ok()?;
        let machine = state.machine.as_ref()?;
        let followers = machine.in_sync_followers().map(|(id, end)| (id, rack_of(id), end));
        preferred(rack, offset, rack_of(machine.leader()?), followers)
    }

    /// Answers `ListOffsets`. May read segments' indexes and a few batches, the mutex released
    /// meanwhile.
    pub(crate) fn list(&self, sought: Sought) -> Result<Found, ErrorCode> {
        let Sought { place, current_leader_epoch, isolation } = sought;
        let mut state = self.lock_to_answer()?;
        let machine = state.machine.as_mut().ok_or(ErrorCode::KafkaStorageError)?;
        let listed = machine.list(place, current_leader_epoch, isolation)?;
        drop(state);
        let (found, below) = match listed {
            Listed::None => (None, 0),
            Listed::Offset(offset, epoch) => return Ok(Found { timestamp: -1, offset, epoch }),
            Listed::Search { timestamp, below } => (self.search(Search::since(timestamp))?, below),
            Listed::SearchMax { below } => (self.search(Search::newest())?, below),
        };
        let none = Found { timestamp: -1, offset: -1, epoch: -1 };
        let found = found.filter(|found| found.offset < below);
        Ok(found.map_or(none, |Timed { timestamp, offset, epoch }| Found {
            timestamp,
            offset,
            epoch,
        }))
    }

    /// Looks for a record by its time; the mutex is held only between the looks into files.
    fn search(&self, mut search: Search) -> Result<Option<Timed>, ErrorCode> {
        let mut scratch = Scratch::default();
        loop {
            let seek = self.with(|machine| machine.log().seek(&search))?;
            let Some(seek) = seek.map_err(|error| machine::code(&error))? else { return Ok(None) };
            let found = seek.run(&mut search, &mut scratch);
            if let Some(found) = found.map_err(|error| self.unreadable(&error))? {
                return Ok(Some(found));
            }
        }
    }

    /// Shows every batch from the one that holds `from` on, in order, until `each` breaks. For the
    /// start of a coordinator: the partition is locked meanwhile.
    pub(crate) fn for_each_batch(
        &self,
        from: Offset,
        mut each: impl FnMut(&Header, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ErrorCode> {
        self.with(|machine| {
            let done = machine.log().for_each_batch(from, |header, batch| each(header, batch));
            done.map(|_broke| ()).map_err(|error| machine::code(&error))
        })?
    }

    fn unreadable(&self, error: &io::Error) -> ErrorCode {
        tracing::error!(partition = ?self, %error, "a log cannot be read");
        ErrorCode::KafkaStorageError
    }
}

fn range(slice: Slice<LogFile>, maybe_cold: bool) -> Option<FileRange> {
    let Slice { file, position, len } = slice;
    let file: Arc<LogFile> = file.filter(|_| len > 0)?;
    Some(FileRange { file, position, len, maybe_cold, warm: 0 })
}

/// Looks into index and file; where that would wait for the disk, the worker first hands what else
/// it has to do to another thread.
fn resolve(place: &Located<StdDisk>) -> io::Result<Resolved<LogFile>> {
    let waits = match place.look() {
        Look::Memory => false,
        Look::File(file, position) => is_cold(file, position),
        Look::Index => true,
    };
    if waits { tokio::task::block_in_place(|| place.resolve()) } else { place.resolve() }
}

fn locate(
    machine: &machine::Partition<super::Log>,
    from: From,
    until: Offset,
) -> Result<Option<Located<StdDisk>>, ErrorCode> {
    let located = machine.log().locate(from.offset, until, from.max_bytes, from.at_least_one);
    located.map_err(|error| machine::code(&error))
}
