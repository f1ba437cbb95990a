//! A partition moves to another log directory while it serves.
//!
//! Only the last round holds the mutex across a sync: a moment, of what came since the round
//! before. While producers are faster than the disk that is copied to, there is no last round, as
//! in Kafka (KIP-113): its lag can be seen, and the move ends when they give it the time, or is
//! called off.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use kastellan_core::log::{Log as _, LogError};
use kastellan_log::Relocation;
use kastellan_protocol::ErrorCode;

use super::{Partition, State};
use crate::log_dirs::LogDir;

/// Where a partition lies, or is on its way to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lying {
    /// Which log directory.
    pub(crate) place: usize,
    /// Bytes in its segments there.
    pub(crate) size: i64,
    /// How many offsets it is behind: of a copy the log's end, of the log the high watermark.
    pub(crate) lag: i64,
    /// Whether it is a copy on its way.
    pub(crate) future: bool,
}

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Future {
    place: usize,
    size: u64,
    end: i64,
}

/// After a round that was as short as this, what is left takes no longer.
const SHORT_ROUND: Duration = Duration::from_millis(250);
/// Where rounds get no shorter any more, one of this length has to do: so long producers wait.
const LAST_ROUND: Duration = Duration::from_secs(2);

/// How a move ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    /// The partition lies in the new directory.
    Done,
    /// Somebody wants it elsewhere by now, or it was deleted.
    Abandoned,
}

impl Partition {
    /// Where it lies, and where a copy is on its way to.
    pub(crate) fn lying(&self) -> Result<Vec<Lying>, ErrorCode> {
        let state = self.lock()?;
        let State { machine, committing, future, .. } = &*state;
        let machine = machine.as_ref().ok_or(ErrorCode::KafkaStorageError)?;
        let log = machine.log();
        let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let here = Lying {
            place: committing.home.place(),
            size: bytes(log.size()),
            lag: (machine.high_watermark() - log.end()).max(0),
            future: false,
        };
        let copy = future.map(|future| Lying {
            place: future.place,
            size: bytes(future.size),
            lag: (log.end() - future.end).max(0),
            future: true,
        });
        Ok(std::iter::once(here).chain(copy).collect())
    }

    /// A move to `to` is wanted; one to elsewhere is not wanted any more. False: it lies there, or
    /// is on its way there already.
    pub(crate) fn want(&self, to: &LogDir) -> Result<bool, ErrorCode> {
        let mut state = self.lock()?;
        let wanted = Some(to.place());
        if state.future.map(|future| future.place) == wanted {
            return Ok(false);
        }
        state.future = None;
        if Some(state.committing.home.place()) == wanted {
            return Ok(false);
        }
        state.future = Some(Future { place: to.place(), size: 0, end: 0 });
        Ok(true)
    }

    /// Moves it to `to`, as long as that is wanted; from then on the committer calls it `key`.
    pub(crate) fn relocate(
        &self,
        to: &Arc<LogDir>,
        key: u64,
    ) -> Result<Moved, kastellan_log::Error> {
        let name = self.with_log(|log| log.partition().clone())?;
        let mut copy = to.directory().begin_relocation(&name)?;
        let mut before = u64::MAX;
        loop {
            let begun = Instant::now();
            let round = self.with_log(|log| log.relocation_round(&copy));
            let Ok(round) = round else {
                copy.abandon();
                return Ok(Moved::Abandoned);
            };
            let copied = copy.copy(&round?, || self.wants(to))?;
            copy.sync()?;
            if !self.note_future(to, &copy) {
                copy.abandon();
                return Ok(Moved::Abandoned);
            }
            let took = begun.elapsed();
            if took <= SHORT_ROUND || (took <= LAST_ROUND && copied >= before) {
                break;
            }
            before = copied;
        }
        self.take_copy(to, key, copy)
    }

    fn wants(&self, to: &LogDir) -> bool {
        self.lock().is_ok_and(|state| state.future.is_some_and(|it| it.place == to.place()))
    }

    /// Notes how far the copy is; false where it is not wanted any more.
    fn note_future(&self, to: &LogDir, copy: &Relocation<kastellan_log::StdDisk>) -> bool {
        let Ok(mut state) = self.lock() else { return false };
        let wanted = state.future.is_some_and(|future| future.place == to.place());
        if wanted {
            state.future = Some(Future { place: to.place(), size: copy.size(), end: copy.end() });
        }
        wanted
    }

    /// The last round: from here on the copy is the log.
    fn take_copy(
        &self,
        to: &Arc<LogDir>,
        key: u64,
        copy: Relocation<kastellan_log::StdDisk>,
    ) -> Result<Moved, kastellan_log::Error> {
        let offline = || LogError::Poisoned("the partition is offline".to_owned());
        let mut state = self.lock().map_err(|_code| offline())?;
        let State { machine, committing, future, .. } = &mut *state;
        let wanted = future.is_some_and(|future| future.place == to.place());
        let (true, Some(machine)) = (wanted && !self.is_deleted(), machine.as_mut()) else {
            copy.abandon();
            return Ok(Moved::Abandoned);
        };
        *future = None;
        let log = to.directory().finish_relocation(copy, machine.log_mut())?;
        *machine.log_mut() = log;
        committing.home.left();
        committing.home = Arc::clone(to);
        to.entered();
        // a sync of the old log that is still under way says nothing about the new one
        committing.key = key;
        self.key.store(key, Ordering::Release);
        self.place.store(to.place(), Ordering::Release);
        // all of it is on the disk: that was the last round's last act
        let durable = machine.log().durable_end();
        machine.synced(durable);
        state.tell_readers(0, true);
        let told = state.committed();
        drop(state);
        told.tell();
        Ok(Moved::Done)
    }

    /// No move is wanted any more: one that is under way ends.
    pub(crate) fn stay(&self) {
        if let Ok(mut state) = self.lock() {
            state.future = None;
        }
    }
}
