//! The log's side of a compaction: what may be compacted, and putting the result in place.
//!
//! Five steps, of which those that wait for the disk do without the log: [`Log::begin_compaction`],
//! [`Compaction::run`] (writes `.swap` files, durably), [`Log::swap_compacted`] (renames what they
//! replace), [`Compaction::sync`], [`Log::finish_compaction`] (gives them their names). A crash
//! before the second leaves the old segments, a crash later the new ones: opening finishes what the
//! names tell.

use std::{io, sync::Arc};

use kastellan_core::{id::Offset, log::LogError};

use super::Log;
use crate::{
    compact::{Bounds, Compaction, Written, remove_swaps},
    disk::Disk,
    name::{Kind, Stage},
    segment::Segment,
};

impl<D: Disk> Log<D> {
    /// Begins a compaction when there is enough to gain; `None` when not. One at a time per log.
    ///
    /// Only closed segments whose bytes are durable below a recovery point that is on the disk are
    /// taken: flush, and checkpoint the directory before.
    pub fn begin_compaction(&self, bounds: Bounds) -> Result<Option<Compaction<D>>, LogError> {
        self.shared.check()?;
        if !self.config.compact {
            return Ok(None);
        }
        let durable = self.synced.min(self.shared.recovery_point(&self.partition));
        let upto = bounds.upto.min(durable);
        let lag = self.config.min_compaction_lag_ms;
        // records of the future are compacted like others, unless they have to wait
        let old_enough = if lag > 0 { bounds.now.saturating_sub(lag) } else { i64::MAX };
        let mut segments = Vec::new();
        let (mut clean, mut dirty, mut overdue) = (0, 0, false);
        let first_dirty = self.first_dirty();
        for segment in self.closed.iter().take_while(|segment| segment.end <= upto) {
            let read = || {
                let newest = self.largest(segment)?.map_or(-1, |largest| largest.timestamp);
                Ok::<_, io::Error>((newest, segment.file(&self.shared, &self.dir)?))
            };
            let (newest, file) = read().map_err(|error| self.unreadable(&error))?;
            if segment.end > first_dirty && newest > old_enough {
                break;
            }
            if segment.end > first_dirty {
                dirty += segment.size;
                let waited = bounds.now.saturating_sub(newest);
                overdue |= waited > self.config.max_compaction_lag_ms;
            } else {
                clean += segment.size;
            }
            let mut copy = Segment::new(segment.id, segment.base, segment.end, segment.size);
            copy.pinned = Some(file);
            segments.push(copy);
        }
        if dirty == 0 || !(overdue || self.worth_it(clean, dirty)) {
            return Ok(None);
        }
        Ok(Some(Compaction {
            shared: Arc::clone(&self.shared),
            partition: self.partition.clone(),
            dir: Arc::clone(&self.dir),
            config: self.config.clone(),
            bounds,
            segments,
            first_dirty,
            generation: self.generation,
            written: Vec::new(),
            next_dirty: first_dirty,
        }))
    }

    #[expect(clippy::cast_precision_loss, reason = "a ratio needs no more than 52 bits")]
    fn worth_it(&self, clean: u64, dirty: u64) -> bool {
        dirty as f64 >= self.config.min_cleanable_dirty_ratio * (clean + dirty) as f64
    }

    /// The first offset that no compaction has seen.
    pub fn first_dirty(&self) -> Offset {
        let cleaned = self.shared.cleaned(&self.partition);
        let known = self.active.as_ref().map_or(self.end, |active| active.segment.base);
        if cleaned > known { self.start } else { cleaned.max(self.start) }
    }

    /// Puts what a compaction wrote in the place of what it read. False when the log changed under
    /// it (a truncation, or retention): what was written is then removed.
    pub fn swap_compacted(&mut self, compaction: &mut Compaction<D>) -> Result<bool, LogError> {
        self.shared.check()?;
        let fits = compaction.generation == self.generation
            && compaction.written.iter().all(|written| self.place_of(written).is_some());
        if !fits {
            compaction.written.clear();
            remove_swaps(&self.shared, &self.dir)?;
            return Ok(false);
        }
        for written in &compaction.written {
            let now = compaction.bounds.now;
            self.replace(written, now).map_err(|error| self.poison("swap segments of", &error))?;
        }
        Ok(true)
    }

    /// Where the segments are that `written` replaces, when they are all still there.
    fn place_of(&self, written: &Written<D>) -> Option<usize> {
        let at = self.closed.iter().position(|segment| segment.base == written.base)?;
        let there = self.closed.iter().skip(at).map(|segment| segment.id);
        there.take(written.replaces.len()).eq(written.replaces.iter().copied()).then_some(at)
    }

    fn replace(&mut self, written: &Written<D>, now: i64) -> io::Result<()> {
        let Some(at) = self.place_of(written) else { return Ok(()) };
        let replaced: Vec<_> = self.closed.drain(at..at + written.replaces.len()).collect();
        for segment in &replaced {
            self.set_aside(segment.base, now)?;
            self.shared.forget(segment.id);
        }
        let mut segment = Segment::new(self.shared.id(), written.base, written.end, written.size);
        segment.know_largest(written.index.largest);
        // its name comes last: until then it is reached through the open file only
        segment.pinned = Some(Arc::clone(&written.file));
        self.shared.keep_index(segment.id, &Arc::new(written.index.clone().close()));
        self.closed.insert(at, segment);
        Ok(())
    }

    /// Gives the new segments their names, and index files.
    pub fn finish_compaction(&mut self, compaction: Compaction<D>) -> Result<(), LogError> {
        self.shared.check()?;
        for written in compaction.written {
            let base = written.base;
            for kind in [Kind::Log, Kind::Index, Kind::TimeIndex] {
                let live = self.dir.join(kind.file(base));
                let swap = self.dir.join(kind.file(base) + Stage::Swap.suffix());
                let rename = self.shared.disk.rename(&swap, &live);
                rename.map_err(|error| self.poison("name a compacted segment of", &error))?;
            }
            self.changed(None);
            let synced = self.synced;
            let segment = self.closed.iter_mut().find(|segment| segment.base == base);
            if let Some(segment) = segment.filter(|segment| segment.end <= synced)
                && let Some(file) = segment.pinned.take()
            {
                self.shared.keep_file(segment.id, &file);
            }
        }
        Ok(())
    }

    /// All five steps at once, for callers that nobody waits for. True when something was
    /// compacted.
    pub fn compact(&mut self, bounds: Bounds) -> Result<bool, LogError> {
        self.flush()?;
        let (partition, synced) = (self.partition.clone(), self.synced);
        self.shared.change_recovery_points(|points| {
            points.insert(partition, synced);
        })?;
        let Some(mut compaction) = self.begin_compaction(bounds)? else { return Ok(false) };
        compaction.run()?;
        let swapped = self.swap_compacted(&mut compaction)?;
        if swapped {
            compaction.sync()?;
            self.finish_compaction(compaction)?;
        }
        Ok(swapped)
    }
}
