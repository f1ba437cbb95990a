//! The log's side of a compaction: what may be compacted, and putting the result in place.
//!
//! [`Log::begin_compaction`] chooses; [`Compaction::work`] then does, without the log, what takes
//! time, and calls for [`Log::take_up`] twice per segment written: to replace what it covers (the
//! `.swap` file is durable by then), and to give it its name (once the removal of the old ones is
//! durable). A crash before the first leaves the old segments, a crash later the new ones: opening
//! finishes what the names tell.

use std::{collections::VecDeque, io, sync::Arc};

use kastellan_core::{id::Offset, log::LogError};

use super::Log;
use crate::{
    compact::{Bounds, Compaction, Keeper, Phase, Source, Turn, Written, remove_swaps},
    disk::Disk,
    name::{Kind, Stage},
    segment::Segment,
};

/// How much a log has to gain from compaction, and how urgently.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dirtiness {
    /// The part of its compactable bytes that no compaction has seen, above 0, at most 1.
    pub ratio: f64,
    /// For how many milliseconds a record has waited beyond `max.compaction.lag.ms`; 0: none has.
    pub overdue_ms: i64,
}

/// The closed segments that may be rewritten.
#[derive(Debug, Default)]
struct Cleanable {
    segments: usize,
    clean: u64,
    dirty: u64,
    overdue_ms: i64,
}

impl<D: Disk> Log<D> {
    /// Whether there is enough to gain from a compaction now (milliseconds since 1970) of what lies
    /// below `upto`: Kafka's rule, which is a part of dirty bytes above `min.cleanable.dirty.ratio`
    /// or a record that waits longer than `max.compaction.lag.ms` (KIP-354).
    pub fn dirtiness(&self, now: i64, upto: Offset) -> Result<Option<Dirtiness>, LogError> {
        self.shared.check()?;
        let cleanable = self.cleanable(now, upto).map_err(|error| self.unreadable(&error))?;
        Ok(self.judge(&cleanable))
    }

    #[expect(clippy::cast_precision_loss, reason = "a ratio needs no more than 52 bits")]
    fn judge(&self, cleanable: &Cleanable) -> Option<Dirtiness> {
        let Cleanable { clean, dirty, overdue_ms, .. } = *cleanable;
        if !self.config.compact || dirty == 0 {
            return None;
        }
        let ratio = dirty as f64 / (clean + dirty) as f64;
        let due = overdue_ms > 0 || ratio > self.config.min_cleanable_dirty_ratio;
        due.then_some(Dirtiness { ratio, overdue_ms })
    }

    fn cleanable(&self, now: i64, upto: Offset) -> io::Result<Cleanable> {
        let mut cleanable = Cleanable::default();
        if !self.config.compact {
            return Ok(cleanable);
        }
        let lag = self.config.min_compaction_lag_ms;
        // records of the future are compacted like others, unless they have to wait
        let old_enough = if lag > 0 { now.saturating_sub(lag) } else { i64::MAX };
        let longest = self.config.max_compaction_lag_ms;
        let first_dirty = self.first_dirty();
        for segment in self.closed.iter().take_while(|segment| segment.end <= upto) {
            if segment.end <= first_dirty {
                cleanable.clean += segment.size;
                cleanable.segments += 1;
                continue;
            }
            let newest = self.largest(segment)?.map_or(-1, |largest| largest.timestamp);
            if newest > old_enough {
                break;
            }
            cleanable.dirty += segment.size;
            cleanable.segments += 1;
            if longest < i64::MAX
                && let Some(first) = segment.first_timestamp(&self.shared, &self.dir)?
            {
                let waited = now.saturating_sub(first).saturating_sub(longest);
                cleanable.overdue_ms = cleanable.overdue_ms.max(waited);
            }
        }
        Ok(cleanable)
    }

    /// Begins a compaction when there is enough to gain; `None` when not. One at a time per log: an
    /// earlier one goes no further.
    ///
    /// Only closed segments whose bytes are durable below a recovery point that is on the disk are
    /// taken: flush, and checkpoint the directory before.
    pub fn begin_compaction(&mut self, bounds: Bounds) -> Result<Option<Compaction<D>>, LogError> {
        self.shared.check()?;
        let durable = self.synced.min(self.shared.recovery_point(&self.partition));
        let cleanable = self.cleanable(bounds.now, bounds.upto.min(durable));
        let cleanable = cleanable.map_err(|error| self.unreadable(&error))?;
        if self.judge(&cleanable).is_none() {
            return Ok(None);
        }
        self.stop_compaction()?;
        self.gate = Keeper::default();
        let sources: VecDeque<_> = self.closed.iter().take(cleanable.segments).collect();
        let sources = sources.into_iter().map(|segment| Source {
            id: segment.id,
            base: segment.base,
            end: segment.end,
            size: segment.size,
            cold: None,
        });
        Ok(Some(Compaction::new(
            (Arc::clone(&self.shared), self.partition.clone(), Arc::clone(&self.dir)),
            self.config.clone(),
            bounds,
            Arc::clone(&self.gate.0),
            (sources.collect(), self.first_dirty()),
        )))
    }

    /// The first offset that no compaction has seen.
    pub fn first_dirty(&self) -> Offset {
        let cleaned = self.shared.cleaned(&self.partition);
        let known = self.active.as_ref().map_or(self.end, |active| active.segment.base);
        if cleaned > known { self.start } else { cleaned.max(self.start) }
    }

    /// The log's turn in a compaction: puts what it wrote in the place of what it read, or names
    /// it. Where the log has changed under it (retention), the compaction gives up.
    pub fn take_up(&mut self, compaction: &mut Compaction<D>) -> Result<(), LogError> {
        self.shared.check()?;
        if compaction.gate.is_shut() {
            compaction.give_up();
            return Ok(());
        }
        match (compaction.phase, &compaction.written) {
            (Phase::Swap, Some(written)) => {
                if let Some(at) = self.place_of(written) {
                    self.replace(at, written, compaction.bounds.now)
                        .map_err(|error| self.poison("put a compacted segment into", &error))?;
                    compaction.phase = Phase::Sync;
                } else {
                    compaction.give_up();
                }
            }
            (Phase::Name, Some(_)) => {
                self.name_swapped()?;
                compaction.written = None;
                compaction.phase = Phase::Rewrite;
            }
            _ => compaction.give_up(),
        }
        Ok(())
    }

    /// Where the segments that it replaces lie, all of them side by side.
    fn place_of(&self, written: &Written<D>) -> Option<usize> {
        let first = *written.replaces.first()?;
        let at = self.closed.iter().position(|segment| segment.id == first)?;
        let there = self.closed.iter().skip(at).take(written.replaces.len()).map(|it| it.id);
        there.eq(written.replaces.iter().copied()).then_some(at)
    }

    fn replace(&mut self, at: usize, written: &Written<D>, now: i64) -> io::Result<()> {
        let replaced: Vec<_> = self.closed.drain(at..at + written.replaces.len()).collect();
        let mut segment = Segment::new(self.shared.id(), written.base, written.end, written.size);
        segment.know_largest(written.index.largest);
        // its name comes last: until then it is reached through the open file only
        segment.pinned = Some(Arc::clone(&written.file));
        self.shared.keep_index(segment.id, &Arc::new(written.index.clone().close()));
        self.closed.insert(at, segment);
        self.unnamed = Some(written.base);
        // what fails from here on leaves readers with all that there is
        for segment in &replaced {
            self.shared.forget(segment.id);
        }
        replaced.iter().try_for_each(|segment| self.set_aside(segment.base, now))
    }

    /// Gives the segment that a compaction has put in place its name, and its index files theirs.
    pub(super) fn name_swapped(&mut self) -> Result<(), LogError> {
        let Some(base) = self.unnamed else { return Ok(()) };
        for kind in [Kind::Log, Kind::Index, Kind::TimeIndex] {
            let live = self.dir.join(kind.file(base));
            let swap = self.dir.join(kind.file(base) + Stage::Swap.suffix());
            let named = self.shared.disk.rename(&swap, &live);
            named.map_err(|error| self.poison("name a compacted segment of", &error))?;
        }
        self.unnamed = None;
        self.changed(None);
        let synced = self.synced;
        let segment = self.closed.iter_mut().find(|segment| segment.base == base);
        if let Some(segment) = segment.filter(|segment| segment.end <= synced)
            && let Some(file) = segment.pinned.take()
        {
            self.shared.keep_file(segment.id, &file);
        }
        Ok(())
    }

    /// Has a compaction that may be under way stop, for good: once this returns it touches no name
    /// in the log's directory any more. Waits for what it is doing there just now, a sync of small
    /// files at most. Before whatever changes the log but appends, and before its directory gets
    /// another name.
    pub fn abandon_compaction(&self) {
        self.gate.0.shut();
    }

    /// [`Log::abandon_compaction`], and what it had put in place is finished, what it had not goes.
    pub(super) fn stop_compaction(&mut self) -> Result<(), LogError> {
        self.gate.0.shut();
        if self.unnamed.is_some() {
            // no name may be given twice: what is replaced goes for good first
            self.shared.sync_dir(&self.dir)?;
            self.name_swapped()?;
        }
        remove_swaps(&self.shared, &self.dir)
    }

    /// A whole compaction at once, for callers that nobody waits for. True when it saw all that was
    /// dirty, or as much as memory allows.
    pub fn compact(&mut self, bounds: Bounds) -> Result<bool, LogError> {
        self.flush()?;
        let (partition, synced) = (self.partition.clone(), self.synced);
        self.shared.change_recovery_points(|points| {
            points.insert(partition, synced);
        })?;
        let Some(mut compaction) = self.begin_compaction(bounds)? else { return Ok(false) };
        while compaction.work()? == Turn::Log {
            self.take_up(&mut compaction)?;
        }
        Ok(compaction.outcome().complete)
    }
}
