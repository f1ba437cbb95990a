//! Truncation, safe at each step: what a crash leaves is a longer prefix of what was there.
//!
//! First the recovery point comes down on the disk, so that what is appended next is never taken
//! for what was synced before; then snapshots and whole segments go, highest first; then the last
//! segment loses its index files and its tail.

use std::{io, sync::Arc};

use kastellan_core::{id::Offset, log::LogError};

use super::{Active, Log, read::invalid};
use crate::{
    disk::{Disk, File, remove_if_there},
    name::Kind,
    scan::{LOOKUP, Step, Walk},
    segment::{Builder, Segment},
};

impl<D: Disk> Log<D> {
    pub(super) fn truncate_to(&mut self, end: Offset) -> Result<(), LogError> {
        self.shared.check()?;
        if end >= self.end {
            return Ok(());
        }
        if end < self.start {
            return Err(self.out_of_range(end));
        }
        // a compaction under way must not bring back what goes
        self.stop_compaction()?;
        self.begin_truncation();
        // `end` may lie within a batch, which goes as a whole: what is appended from its base on
        // must not be taken for synced
        let last = self.segments().rev().find(|segment| segment.base <= end);
        self.lower_recovery_point(last.map_or(end, |segment| segment.base))?;
        if self.start > self.shared.log_start(&self.partition) {
            // a cut within the batch of the start leaves nothing else to tell where offsets go on
            self.checkpoint_start(self.start)?;
        }
        self.cut(end).map_err(|error| self.poison("truncate", &error))?;
        if self.segments().next_back().is_some_and(|last| last.end < self.start) {
            // what is left lies before the start, and what is appended next would be behind a hole
            return self.restart_empty(self.start);
        }
        self.synced = self.synced.min(self.end);
        if self.end_epochs() {
            self.write_epochs()?;
        }
        assert!(self.end <= end && self.start <= self.end, "a truncated log ends where asked");
        Ok(())
    }

    /// Forgets everything and goes on, empty, at `start`: what a follower does that is too far
    /// behind. Everything below `start` counts as deleted.
    pub(super) fn restart_empty(&mut self, start: Offset) -> Result<(), LogError> {
        self.shared.check()?;
        self.stop_compaction()?;
        self.begin_truncation();
        self.lower_recovery_point(0)?;
        self.checkpoint_start(start)?;
        self.drop_from(0).map_err(|error| self.poison("empty", &error))?;
        (self.start, self.end, self.synced) = (start, start, start);
        self.epochs.truncate_end(Offset::MIN);
        self.create_active(start).map_err(|error| self.poison("create a segment in", &error))?;
        self.shared.sync_dir(&self.dir)?;
        let partition = self.partition.clone();
        self.shared.change_recovery_points(|points| {
            points.insert(partition, start);
        })?;
        self.write_epochs()
    }

    /// What was said about this log so far holds no longer.
    fn begin_truncation(&mut self) {
        self.generation += 1;
        self.shared.stamp(&self.partition, self.stamp());
    }

    fn lower_recovery_point(&self, to: Offset) -> Result<(), LogError> {
        self.shared.change_recovery_points(|points| {
            if let Some(point) = points.get_mut(&self.partition) {
                *point = (*point).min(to);
            }
        })
    }

    fn checkpoint_start(&self, start: Offset) -> Result<(), LogError> {
        let partition = self.partition.clone();
        self.shared.change_log_starts(|starts| {
            starts.insert(partition, start);
        })
    }

    fn cut(&mut self, end: Offset) -> io::Result<()> {
        self.drop_from(end)?;
        let Some(last) = self.segments().next_back().filter(|last| last.end > end) else {
            self.shared.disk.sync_dir(&self.dir)?;
            return self.reopen_end(end);
        };
        let file = last.file(&self.shared, &self.dir)?;
        let (base, size) = (last.base, last.size);
        let mut builder = Builder::new(base, self.config.index_interval_bytes);
        let mut walk =
            Walk::new(&*file, 0, size, LOOKUP.max(size.min(1 << 20).try_into().unwrap_or(0)));
        let (mut valid, mut next, mut first_timestamp) = (0, base, None);
        loop {
            match walk.step()? {
                Step::Batch(position, header) if header.next_offset() <= end => {
                    first_timestamp.get_or_insert(header.max_timestamp);
                    builder.batch(position, &header);
                    (valid, next) = (position + header.size() as u64, header.next_offset());
                }
                Step::Batch(..) | Step::End => break,
                Step::Invalid => return Err(invalid(&walk)),
            }
        }
        for kind in [Kind::Index, Kind::TimeIndex, Kind::TxnIndex] {
            remove_if_there(&self.shared.disk, &self.dir.join(kind.file(base)))?;
        }
        self.shared.disk.sync_dir(&self.dir)?;
        file.set_len(valid)?;
        file.sync()?;
        let last =
            self.active.take().map(|active| active.segment).or_else(|| self.closed.pop_back());
        if let Some(last) = last {
            self.shared.forget(last.id);
        }
        let mut segment = Segment::new(self.shared.id(), base, next, valid);
        segment.pinned = Some(Arc::clone(&file));
        self.end = next.max(self.start);
        self.active = Some(Active::new(segment, builder, first_timestamp));
        Ok(())
    }

    /// Removes every segment that begins at or behind `end`, highest first, and the snapshots of
    /// what goes.
    fn drop_from(&mut self, end: Offset) -> io::Result<()> {
        for offset in std::mem::take(&mut self.snapshots) {
            if offset > end {
                remove_if_there(&self.shared.disk, &self.dir.join(Kind::Snapshot.file(offset)))?;
            } else {
                self.snapshots.insert(offset);
            }
        }
        if self.active.as_ref().is_some_and(|active| active.segment.base >= end) {
            self.drop_segment(
                self.active.as_ref().map(|active| (active.segment.base, active.segment.id)),
            )?;
            self.active = None;
        }
        while let Some(last) = self.closed.back().filter(|last| last.base >= end) {
            self.drop_segment(Some((last.base, last.id)))?;
            self.closed.pop_back();
        }
        Ok(())
    }

    fn drop_segment(&self, segment: Option<(Offset, u64)>) -> io::Result<()> {
        let Some((base, id)) = segment else { return Ok(()) };
        self.remove_segment_files(base)?;
        self.shared.forget(id);
        Ok(())
    }

    /// Everything behind `end` went with whole segments.
    fn reopen_end(&mut self, end: Offset) -> io::Result<()> {
        self.end = end;
        if self.active.is_none() {
            // the empty file says where the log ends, and the next append goes there
            self.create_active(end)?;
        }
        Ok(())
    }
}
