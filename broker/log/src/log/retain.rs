//! Letting go of old records: by age, by size, by request.
//!
//! In three steps, none of which syncs under the log: the start offset moves in memory
//! ([`Log::expire`], `advance_start`), the directory checkpoints it
//! ([`Directory::write_checkpoints`](crate::Directory::write_checkpoints)), and only what lies
//! below the checkpointed start is removed ([`Log::remove_expired`]): renamed at once, unlinked
//! after `file.delete.delay.ms`. Readers that hold a file keep its bytes.

use std::io;

use kastellan_core::{id::Offset, log::LogError};

use super::Log;
use crate::{
    disk::{Disk, File, remove_if_there},
    name::{Kind, Stage},
    segment::Segment,
};

impl<D: Disk> Log<D> {
    /// Moves the start offset forward: records before it are gone for readers from now on. Nothing
    /// happens when it lies there already; beyond the end is refused.
    pub(super) fn move_start(&mut self, to: Offset) -> Result<(), LogError> {
        self.shared.check()?;
        if to > self.end {
            return Err(self.out_of_range(to));
        }
        if to > self.start {
            self.start = to;
            if self.epochs.truncate_start(to) && !self.epochs.entries().is_empty() {
                self.write_epochs()?;
            }
        }
        Ok(())
    }

    /// Whether `start`, or one behind it, is checkpointed: no crash takes it back.
    pub fn is_start_durable(&self, start: Offset) -> bool {
        self.shared.check().is_ok() && self.shared.log_start(&self.partition) >= start
    }

    /// Moves the start offset over the segments that retention by time and size lets go, as far as
    /// `upto` (the high watermark); true when it moved. `now` is in milliseconds since 1970.
    pub fn expire(&mut self, now: i64, upto: Offset) -> Result<bool, LogError> {
        if !self.config.delete {
            return Ok(false);
        }
        let keep_from = self.keep_from(now, upto).map_err(|error| self.unreadable(&error))?;
        if keep_from <= self.start {
            return Ok(false);
        }
        if self.active.as_ref().is_some_and(|active| active.segment.base < keep_from) {
            self.roll()?;
        }
        self.move_start(keep_from)?;
        Ok(true)
    }

    /// The end of the last segment that may go.
    fn keep_from(&self, now: i64, upto: Offset) -> io::Result<Offset> {
        let mut keep_from = self.start;
        let mut size = self.size();
        for segment in self.segments().filter(|segment| segment.size > 0) {
            let too_large = u64::try_from(self.config.retention_bytes)
                .is_ok_and(|most| size.saturating_sub(segment.size) >= most);
            let gone = segment.end <= self.start;
            if segment.end > upto || !(gone || too_large || self.is_old(segment, now)?) {
                break;
            }
            keep_from = segment.end;
            size -= segment.size;
        }
        Ok(keep_from)
    }

    fn is_old(&self, segment: &Segment<D>, now: i64) -> io::Result<bool> {
        if self.config.retention_ms < 0 {
            return Ok(false);
        }
        let newest = match self.largest(segment)? {
            Some(largest) => largest.timestamp,
            None => segment.file(&self.shared, &self.dir)?.modified()?,
        };
        Ok(now.saturating_sub(newest) > self.config.retention_ms)
    }

    /// Removes segments below the start offset as the directory has checkpointed it, and unlinks
    /// those removed long enough ago; returns how many segments went.
    pub fn remove_expired(&mut self, now: i64) -> Result<usize, LogError> {
        self.shared.check()?;
        self.purge(now)?;
        let start = self.start.min(self.shared.log_start(&self.partition));
        let mut removed = 0;
        while let Some(first) = self.closed.front().filter(|first| first.end <= start) {
            let (base, id) = (first.base, first.id);
            if self.unnamed == Some(base) {
                self.stop_compaction()?;
            }
            self.set_aside(base, now)
                .map_err(|error| self.poison("remove a segment of", &error))?;
            self.shared.forget(id);
            self.closed.pop_front();
            removed += 1;
        }
        Ok(removed)
    }

    /// Renames a segment's files out of the way, the indexes first.
    pub(super) fn set_aside(&mut self, base: Offset, now: i64) -> io::Result<()> {
        let until = now.saturating_add(self.config.file_delete_delay_ms.max(0));
        for kind in [Kind::Index, Kind::TimeIndex, Kind::TxnIndex, Kind::Log] {
            let name = kind.file(base);
            let doomed = self.dir.join(name.clone() + Stage::Deleted.suffix());
            match self.shared.disk.rename(&self.dir.join(name), &doomed) {
                Ok(()) => self.doomed.push((until, doomed)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Unlinks files that were set aside and whose time has come.
    pub(super) fn purge(&mut self, now: i64) -> Result<(), LogError> {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.doomed).into_iter().partition(|(until, _)| *until <= now);
        self.doomed = later;
        for (_, path) in due {
            remove_if_there(&self.shared.disk, &path)
                .map_err(|error| self.poison("remove a file of", &error))?;
        }
        Ok(())
    }
}
