//! Opening a log: settle what a crash left, trust or scan the segments, find the end.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use kastellan_core::{
    id::{Offset, TopicPartition},
    log::LogError,
};

use super::{Active, Log, Recovery, recover::Scan};
use crate::{
    checkpoint,
    compact::Keeper,
    config::Config,
    disk::{Disk, File, Open, read_file, remove_if_there},
    epochs::Epochs,
    error::{Doing, Error},
    index::Index,
    name::{self, Kind, Stage},
    scan::{LOOKUP, Step, Walk},
    segment::{Builder, Segment},
    shared::{Shared, Stamp},
};

/// What the directory knows about a log before it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// The directory was left by a clean shutdown.
    pub(crate) clean: bool,
    /// The first readable offset, as checkpointed.
    pub(crate) start: Offset,
    /// Its directory was made just now: there is nothing in it.
    pub(crate) new: bool,
}

impl<D: Disk> Log<D> {
    pub(crate) fn open(
        shared: Arc<Shared<D>>,
        partition: TopicPartition,
        config: Config,
        known: Known,
    ) -> Result<Self, Error> {
        let dir: Arc<Path> = shared.root.join(partition.to_string()).into();
        let id = shared.id();
        shared.stamp(&partition, Stamp { log: id, generation: 0 });
        let pins = shared.pins();
        let mut log = Self {
            shared,
            partition,
            dir: Arc::clone(&dir),
            config,
            start: known.start,
            end: known.start,
            closed: std::collections::VecDeque::new(),
            active: None,
            epochs: Epochs::default(),
            epochs_kept: false,
            synced: 0,
            id,
            generation: 0,
            unsynced_bytes: 0,
            changes: 0,
            changes_synced: 0,
            unsynced_files: Vec::new(),
            loose: 0,
            pins,
            created: None,
            snapshots: BTreeSet::new(),
            doomed: Vec::new(),
            gate: Keeper::default(),
            unnamed: None,
            recovery: Recovery::default(),
        };
        if known.new {
            return Ok(log);
        }
        let bases = log.settle().doing("settle what a crash left in", &dir)?;
        log.load(&bases, known)?;
        Ok(log)
    }

    /// Removes half-done files, finishes a compaction that was written whole; returns the bases of
    /// the segments.
    fn settle(&mut self) -> std::io::Result<Vec<Offset>> {
        let disk = self.shared.disk.clone();
        let mut changed = false;
        let mut swaps = Vec::new();
        let mut bases = BTreeSet::new();
        for entry in disk.list(&self.dir)? {
            let path = self.dir.join(&entry.name);
            match name::parse(&entry.name) {
                Some((base, Kind::Log, Stage::Swap)) => swaps.push(base),
                Some((base, Kind::Log, Stage::Live)) => drop(bases.insert(base)),
                Some((base, Kind::Snapshot, Stage::Live)) => drop(self.snapshots.insert(base)),
                Some((_, _, Stage::Live)) => {}
                None if entry.name.strip_suffix(".tmp").is_none() => {}
                _ => {
                    disk.remove(&path)?;
                    changed = true;
                }
            }
        }
        for base in swaps {
            self.finish_swap(base, &mut bases)?;
            changed = true;
        }
        if changed {
            disk.sync_dir(&self.dir)?;
        }
        Ok(bases.into_iter().collect())
    }

    /// A whole compacted segment waits: what it covers goes, then it takes its place.
    fn finish_swap(&self, base: Offset, bases: &mut BTreeSet<Offset>) -> std::io::Result<()> {
        let disk = &self.shared.disk;
        let swap = self.dir.join(Kind::Log.file(base) + Stage::Swap.suffix());
        let file = disk.open(&swap, Open::Read)?;
        let mut walk = Walk::new(&file, 0, file.len()?, crate::scan::SWEEP);
        let mut end = base + 1;
        while let Step::Batch(_, header) = walk.step()? {
            end = header.next_offset();
        }
        let covered: Vec<_> = bases.range(base..end).copied().collect();
        for old in covered {
            self.remove_segment_files(old)?;
            bases.remove(&old);
        }
        // one that lost its own name already may have left its indexes: they say where batches were
        self.remove_segment_files(base)?;
        disk.sync_dir(&self.dir)?;
        disk.rename(&swap, &self.dir.join(Kind::Log.file(base)))?;
        bases.insert(base);
        Ok(())
    }

    /// Removes a segment's files, the indexes first.
    pub(super) fn remove_segment_files(&self, base: Offset) -> std::io::Result<()> {
        for kind in [Kind::Index, Kind::TimeIndex, Kind::TxnIndex, Kind::Log] {
            remove_if_there(&self.shared.disk, &self.dir.join(kind.file(base)))?;
        }
        Ok(())
    }

    fn load(&mut self, bases: &[Offset], known: Known) -> Result<(), Error> {
        let dir = Arc::clone(&self.dir);
        let durable = self.shared.recovery_point(&self.partition);
        let checkpointed = self.load_epochs()?;
        // a sync beyond the next segment's first offset has taken this one's indexes along
        let trusted =
            |next: Option<&Offset>| known.clean || next.is_some_and(|next| *next < durable);
        let lenient = durable.max(self.shared.cleaned(&self.partition));
        let mut scan = Scan { expected: known.start, lenient, durable, gaps: self.config.compact };
        let mut discarded = false;
        // below the start nothing is needed, and removing it may have been cut short anywhere
        let below = bases.iter().skip(1).filter(|next| **next <= known.start).count();
        let (below, bases) = bases.split_at_checked(below).unwrap_or((&[], bases));
        for base in below {
            self.remove_segment_files(*base).doing("remove an expired segment of", &dir)?;
        }
        for (at, base) in bases.iter().enumerate() {
            let next = bases.get(at + 1);
            let follows = *base == scan.expected || at == 0 && *base <= known.start;
            let hole = !known.clean && *base > lenient && !follows;
            if discarded || hole {
                discarded = true;
                self.remove_segment_files(*base)
                    .doing("remove a segment behind a hole in", &dir)?;
                self.recovery.dropped_segments += 1;
                continue;
            }
            self.close_active().doing("close a recovered segment in", &dir)?;
            let path = dir.join(Kind::Log.file(*base));
            let file = Arc::new(self.shared.disk.open(&path, Open::Write).doing("open", &path)?);
            let size = file.len().doing("measure", &path)?;
            let id = self.shared.id();
            if trusted(next) {
                let segment = Segment::new(id, *base, next.copied().unwrap_or(*base), size);
                if next.is_some() {
                    scan.expected = segment.end;
                    self.closed.push_back(segment);
                    continue;
                }
                if self.resume(segment, &file).doing("read", &path)? {
                    continue;
                }
            }
            self.epochs.truncate_end(*base);
            self.shared.keep_file(id, &file);
            let segment = Segment::new(id, *base, *base, size);
            self.scan(segment, &file, next.copied(), &mut scan).doing("recover", &path)?;
        }
        self.settle_ends(known)?;
        self.settle_epochs(checkpointed.as_ref())?;
        self.settle_snapshots().doing("remove a producer snapshot from", &dir)?;
        self.synced = if known.clean { self.end } else { durable.min(self.end) };
        if discarded || self.recovery.dropped_bytes > 0 {
            // what was dropped must not come back beside what is appended next
            self.shared.disk.sync_dir(&dir).doing("sync", &dir)?;
        }
        if !known.clean {
            // what is served after a restart may have been acknowledged: it must not be lost later,
            // nor may the names that the last life has left unsynced
            if self.shared.defers_syncs() {
                self.loosen();
                return Ok(());
            }
            if self.segment_count() > 0 {
                self.changed(None);
            }
            self.flush()?;
        }
        Ok(())
    }

    /// Takes up an active segment that was closed cleanly; false when its indexes do not fit.
    fn resume(&mut self, mut segment: Segment<D>, file: &Arc<D::File>) -> std::io::Result<bool> {
        let disk = &self.shared.disk;
        let offsets = read_file(disk, &segment.path(&self.dir, Kind::Index))?;
        let times = read_file(disk, &segment.path(&self.dir, Kind::TimeIndex))?;
        let (base, size) = (segment.base, segment.size);
        let index = if size == 0 {
            // index files beside it are of what a crash took away: none are written when it is
            // closed empty
            Some(Index::new(base))
        } else {
            let files = offsets.zip(times);
            files.and_then(|(offsets, times)| Index::parse(base, i64::MAX, size, &offsets, &times))
        };
        let Some(index) = index else { return Ok(false) };
        let noted = index.largest();
        let from = index.last_position();
        let mut builder = Builder::resume(index, self.config.index_interval_bytes, 0);
        let mut walk = Walk::new(&**file, from, size, LOOKUP);
        let mut next = base;
        let mut since = 0;
        loop {
            match walk.step()? {
                Step::Batch(position, header) if header.base_offset >= next => {
                    if position > from {
                        builder.batch(position, &header);
                    }
                    since += header.size() as u64;
                    next = header.next_offset();
                }
                Step::End => break,
                Step::Batch(..) | Step::Invalid => return Ok(false),
            }
        }
        if noted.is_some_and(|largest| largest.offset >= next) {
            return Ok(false);
        }
        builder.set_since(since);
        let first = Walk::new(&**file, 0, size, LOOKUP).step()?;
        let first_timestamp = match first {
            Step::Batch(_, header) => Some(header.max_timestamp),
            Step::End | Step::Invalid => None,
        };
        segment.end = next;
        self.end = next;
        self.shared.keep_file(segment.id, file);
        let mut active = Active::new(segment, builder, first_timestamp);
        active.indexed = Some(size);
        self.active = Some(active);
        Ok(true)
    }

    fn settle_ends(&mut self, known: Known) -> Result<(), Error> {
        let last = self.segments().next_back().map(|last| last.end);
        self.end = last.unwrap_or(known.start);
        let first = self.segments().next().map_or(known.start, |segment| segment.base);
        self.start = known.start.max(first);
        if self.start > self.end {
            // deleted up to an offset that the crash then took back: offsets are not given twice
            self.restart_empty(self.start)?;
        }
        Ok(())
    }

    /// Takes up the checkpoint of the leader epochs; returns what it said, where there is one.
    fn load_epochs(&mut self) -> Result<Option<Epochs>, Error> {
        let path = self.dir.join(name::EPOCHS);
        let bytes = read_file(&self.shared.disk, &path).doing("read", &path)?;
        self.epochs_kept = bytes.is_some();
        let entries = bytes.and_then(|bytes| checkpoint::epochs_from_bytes(&bytes));
        let epochs = entries.and_then(Epochs::from_entries);
        self.epochs = epochs.clone().unwrap_or_default();
        Ok(epochs)
    }

    fn settle_epochs(&mut self, checkpointed: Option<&Epochs>) -> Result<(), LogError> {
        // a checkpoint that begins behind the start was written when the log was to start later,
        // and the crash took that back
        let reaches_back = self.start >= self.end || self.epochs.reaches_back_to(self.start);
        if (checkpointed.is_none() || !reaches_back) && self.segment_count() > 0 {
            let mut epochs = Epochs::default();
            // what lies before the start counts: no batch may follow one of a higher epoch
            let first = self.segments().next().map_or(self.start, |segment| segment.base);
            self.for_each_header(first, |header| {
                epochs.note(header.leader_epoch, header.base_offset);
            })?;
            self.epochs = epochs;
        }
        self.epochs.truncate_start(self.start);
        self.end_epochs();
        if checkpointed.unwrap_or(&Epochs::default()) != &self.epochs {
            // a later open that has no need to scan trusts the file, and an epoch that it did not
            // know would be given to batches behind those of a higher one
            self.write_epochs()?;
        }
        Ok(())
    }

    fn settle_snapshots(&mut self) -> std::io::Result<()> {
        let stale = self.snapshots.split_off(&(self.end + 1));
        for offset in &stale {
            remove_if_there(&self.shared.disk, &self.dir.join(Kind::Snapshot.file(*offset)))?;
        }
        // a snapshot of records that are gone must not come back once others have their offsets
        if stale.is_empty() { Ok(()) } else { self.shared.disk.sync_dir(&self.dir) }
    }
}
