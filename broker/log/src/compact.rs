//! Rewriting closed segments so that only the last record of each key stays.
//!
//! The work between [`Log::begin_compaction`](crate::Log::begin_compaction) and
//! [`Log::swap_compacted`](crate::Log::swap_compacted): it reads files that no longer change and
//! writes others, without the log. A record stays while no later one has its key; a tombstone stays
//! until the delete horizon that its first compaction wrote into its batch (KIP-534) has passed;
//! records without a key go; control batches stay. The last batch of every segment written stays,
//! empty if need be, so that the file itself says up to where it replaces others.

mod keys;
mod write;

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use kastellan_core::{
    id::{Offset, TopicPartition},
    log::LogError,
};
use kastellan_protocol::batch::{Malformed, Scratch};

use self::{keys::Keys, write::Writer};
use crate::{
    config::Config,
    disk::{Disk, Open},
    name::{self, Kind, Stage},
    scan::{SWEEP, Step, Walk},
    segment::{Builder, Segment, stage_index},
    shared::Shared,
};

/// What a compaction may assume and use.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The time, in milliseconds since 1970.
    pub now: i64,
    /// Records at or behind this offset stay untouched: the high watermark, or the last stable
    /// offset where there are transactions.
    pub upto: Offset,
    /// The last offset of each producer that is still known: its batch stays, empty if need be, so
    /// that its sequence numbers can be rebuilt from the log.
    pub producers: BTreeMap<i64, Offset>,
    /// Bytes for keys in memory, about; what does not fit waits for the next round.
    pub key_bytes: usize,
}

/// A compaction under way; see the module.
#[derive(Debug)]
pub struct Compaction<D: Disk> {
    pub(crate) shared: Arc<Shared<D>>,
    pub(crate) partition: TopicPartition,
    pub(crate) dir: Arc<Path>,
    pub(crate) config: Config,
    pub(crate) bounds: Bounds,
    /// The segments that may be rewritten, with their files open.
    pub(crate) segments: Vec<Segment<D>>,
    pub(crate) first_dirty: Offset,
    pub(crate) generation: u64,
    pub(crate) written: Vec<Written<D>>,
    pub(crate) next_dirty: Offset,
}

/// One segment written, and those it replaces.
#[derive(Debug)]
pub(crate) struct Written<D: Disk> {
    pub(crate) replaces: Vec<u64>,
    pub(crate) base: Offset,
    pub(crate) end: Offset,
    pub(crate) size: u64,
    pub(crate) index: Builder,
    pub(crate) file: Arc<D::File>,
}

fn malformed(malformed: Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, malformed)
}

fn file_of<D: Disk>(segment: &Segment<D>) -> io::Result<&Arc<D::File>> {
    segment.pinned.as_ref().ok_or_else(|| io::Error::other("the segment is not open"))
}

impl<D: Disk> Compaction<D> {
    /// Does the reading and writing. Without the log: call it where waiting hurts nobody.
    ///
    /// A failed read ends this compaction only; a failed write poisons the directory.
    pub fn run(&mut self) -> Result<(), LogError> {
        let mut scratch = Scratch::default();
        remove_swaps(&self.shared, &self.dir)?;
        let keys = self.gather(&mut scratch).map_err(|error| self.unreadable(&error))?;
        self.next_dirty = keys.end;
        let segments = std::mem::take(&mut self.segments);
        let wanted = segments.partition_point(|segment| segment.base < keys.end);
        let mut rest = segments.get(..wanted).unwrap_or_default();
        while !rest.is_empty() {
            let (group, after) = self.group(rest);
            match self.rewrite(group, &keys, &mut scratch) {
                Ok(written) => self.written.push(written),
                Err(error) => {
                    remove_swaps(&self.shared, &self.dir)?;
                    return Err(error);
                }
            }
            rest = after;
        }
        Ok(())
    }

    fn unreadable(&self, error: &io::Error) -> LogError {
        LogError::Unreadable(format!("compact {}: {error}", self.dir.display()))
    }

    fn poison(&self, error: &io::Error) -> LogError {
        self.shared.poison("compact", &self.dir.display(), error)
    }

    /// The last offset of every key from the first dirty offset on, as far as memory allows.
    fn gather(&self, scratch: &mut Scratch) -> io::Result<Keys> {
        let mut keys = Keys::new(self.bounds.key_bytes, self.first_dirty);
        let mut buffer = Vec::new();
        for segment in self.segments.iter().filter(|segment| segment.end > self.first_dirty) {
            let mut walk = Walk::new(&**file_of(segment)?, 0, segment.size, SWEEP);
            while let Step::Batch(position, header) = walk.step()? {
                if header.last_offset() < self.first_dirty {
                    continue;
                }
                if keys.is_full() {
                    return Ok(keys);
                }
                if !header.is_control() {
                    let batch = walk.batch(position, &header, &mut buffer)?;
                    keys.note_all(batch, scratch).map_err(malformed)?;
                }
                keys.end = header.next_offset();
            }
            if walk.position() < segment.size {
                return Err(super::log::invalid(&walk));
            }
            keys.end = segment.end;
        }
        Ok(keys)
    }

    /// As many segments as fit into one.
    fn group<'s>(&self, segments: &'s [Segment<D>]) -> (&'s [Segment<D>], &'s [Segment<D>]) {
        let base = segments.first().map_or(0, |first| first.base);
        let mut size = 0;
        let fits = segments.iter().take_while(|segment| {
            size += segment.size;
            size <= self.config.segment_bytes && segment.end - base <= i64::from(i32::MAX)
        });
        segments.split_at(fits.count().max(1).min(segments.len()))
    }

    fn rewrite(
        &self,
        group: &[Segment<D>],
        keys: &Keys,
        scratch: &mut Scratch,
    ) -> Result<Written<D>, LogError> {
        let (base, end) = match (group.first(), group.last()) {
            (Some(first), Some(last)) => (first.base, last.end),
            _ => return Err(LogError::Unreadable("an empty group of segments".to_owned())),
        };
        let cleaned = self.dir.join(Kind::Log.file(base) + Stage::Cleaned.suffix());
        let file = self.shared.disk.open(&cleaned, Open::Truncate);
        let file = Arc::new(file.map_err(|error| self.poison(&error))?);
        let index = Builder::new(base, self.config.index_interval_bytes);
        let mut writer = Writer::new(self, keys, scratch, Arc::clone(&file), index);
        for (at, segment) in group.iter().enumerate() {
            writer.copy(segment, at + 1 == group.len())?;
        }
        let (size, index) = writer.finish()?;
        let swap = self.dir.join(Kind::Log.file(base) + Stage::Swap.suffix());
        self.shared.disk.rename(&cleaned, &swap).map_err(|error| self.poison(&error))?;
        // a later segment must not lose a tombstone before an earlier one loses what it deletes
        self.shared.sync_dir(&self.dir)?;
        let replaces = group.iter().map(|segment| segment.id).collect();
        Ok(Written { replaces, base, end, size, index, file })
    }

    /// Makes the removal of what was replaced durable, writes the indexes, and notes how far the
    /// log is clean. Without
    /// the log; between [`Log::swap_compacted`](crate::Log::swap_compacted) and
    /// [`Log::finish_compaction`](crate::Log::finish_compaction).
    pub fn sync(&self) -> Result<(), LogError> {
        for written in &self.written {
            let index = written.index.clone().close();
            stage_index(&self.shared.disk, &self.dir, written.base, &index)
                .map_err(|error| self.poison(&error))?;
        }
        self.shared.sync_dir(&self.dir)?;
        let partition = self.partition.clone();
        self.shared.change_cleaned(|cleaned| {
            cleaned.insert(partition, self.next_dirty);
        })
    }
}

/// Removes what compactions wrote that never took its place; the last first, so that what is left
/// after a crash is what a shorter compaction would have left.
pub(crate) fn remove_swaps<D: Disk>(shared: &Shared<D>, dir: &Path) -> Result<(), LogError> {
    let poison = |error: io::Error| shared.poison("clean up", &dir.display(), &error);
    for entry in shared.disk.list(dir).map_err(poison)?.into_iter().rev() {
        let stage = name::parse(&entry.name).map(|(_, _, stage)| stage);
        if matches!(stage, Some(Stage::Swap | Stage::Cleaned)) {
            shared.disk.remove(&dir.join(&entry.name)).map_err(poison)?;
            shared.sync_dir(dir)?;
        }
    }
    Ok(())
}
