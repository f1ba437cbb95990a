//! One segment: a file of batches and the two indexes beside it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use kastellan_core::id::Offset;
use kastellan_protocol::batch::Header;

use crate::{
    disk::{Disk, File, Open, read_whole},
    index::{Index, Largest},
    name::{Kind, Stage},
    scan::{LOOKUP, SWEEP, Step, Walk},
    shared::Shared,
};

/// What memory has of a segment's largest timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recalled {
    /// Nobody has looked yet.
    Unknown,
    /// This; `None` where no record has a time.
    Known(Option<Largest>),
}

/// A segment that is written no more, or the part of the active one that readers need.
#[derive(Debug)]
pub(crate) struct Segment<D: Disk> {
    pub(crate) id: u64,
    pub(crate) base: Offset,
    /// One past the last offset.
    pub(crate) end: Offset,
    pub(crate) size: u64,
    /// Open for as long as it holds bytes that were not synced, so that a failed write-back is
    /// seen.
    pub(crate) pinned: Option<Arc<D::File>>,
    /// Shared with those who look into the segment without its log.
    largest: Arc<OnceLock<Option<Largest>>>,
    first: OnceLock<Option<i64>>,
}

impl<D: Disk> Segment<D> {
    pub(crate) fn new(id: u64, base: Offset, end: Offset, size: u64) -> Self {
        Self { id, base, end, size, pinned: None, largest: Arc::default(), first: OnceLock::new() }
    }

    /// What a reader needs of it that does without the log.
    pub(crate) fn view(&self) -> Self {
        let &Self { id, base, end, size, .. } = self;
        Self {
            id,
            base,
            end,
            size,
            pinned: None,
            largest: Arc::clone(&self.largest),
            first: OnceLock::new(),
        }
    }

    pub(crate) fn path(&self, dir: &Path, kind: Kind) -> PathBuf {
        dir.join(kind.file(self.base))
    }

    pub(crate) fn file(&self, shared: &Shared<D>, dir: &Path) -> io::Result<Arc<D::File>> {
        match &self.pinned {
            Some(file) => Ok(Arc::clone(file)),
            None => shared.file(self.id, || self.path(dir, Kind::Log)),
        }
    }

    /// Notes the largest timestamp, where it is known without looking.
    pub(crate) fn know_largest(&mut self, largest: Option<Largest>) {
        self.largest = Arc::new(OnceLock::from(largest));
    }

    /// The largest timestamp and where it is, once somebody has looked.
    pub(crate) fn known_largest(&self) -> Recalled {
        self.largest.get().map_or(Recalled::Unknown, |largest| Recalled::Known(*largest))
    }

    /// Notes what a look into the index of a closed segment has found.
    pub(crate) fn learn_largest(&self, largest: Option<Largest>) -> Option<Largest> {
        *self.largest.get_or_init(|| largest)
    }

    /// The largest timestamp and where it is; from the time index when asked for the first time.
    pub(crate) fn largest(&self, shared: &Shared<D>, dir: &Path) -> io::Result<Option<Largest>> {
        if let Recalled::Known(largest) = self.known_largest() {
            return Ok(largest);
        }
        Ok(self.learn_largest(self.index(shared, dir)?.largest()))
    }

    /// The largest timestamp of the first batch, in milliseconds since 1970; `None` where there is
    /// none. Looked up when asked for the first time.
    pub(crate) fn first_timestamp(
        &self,
        shared: &Shared<D>,
        dir: &Path,
    ) -> io::Result<Option<i64>> {
        if let Some(first) = self.first.get() {
            return Ok(*first);
        }
        let step = Walk::new(&*self.file(shared, dir)?, 0, self.size, LOOKUP).step()?;
        let first = match step {
            Step::Batch(_, header) => Some(header.max_timestamp).filter(|first| *first >= 0),
            Step::End | Step::Invalid => None,
        };
        Ok(*self.first.get_or_init(|| first))
    }

    /// The indexes of a closed segment: cached, from their files, or built again from the log.
    pub(crate) fn index(&self, shared: &Shared<D>, dir: &Path) -> io::Result<Arc<Index>> {
        if let Some(index) = shared.index(self.id) {
            return Ok(index);
        }
        self.load(shared, &*self.file(shared, dir)?, self.open_index(shared, dir)?)
    }

    /// Opens the index files, so that they can be read when compaction has replaced them.
    pub(crate) fn open_index(
        &self,
        shared: &Shared<D>,
        dir: &Path,
    ) -> io::Result<Option<[D::File; 2]>> {
        let open = |kind| match shared.disk.open(&self.path(dir, kind), Open::Read) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        let offsets = open(Kind::Index)?;
        Ok(offsets.zip(open(Kind::TimeIndex)?).map(|(offsets, times)| [offsets, times]))
    }

    /// Reads index files, or builds the indexes from the log where they are missing or damaged.
    pub(crate) fn load(
        &self,
        shared: &Shared<D>,
        log: &D::File,
        files: Option<[D::File; 2]>,
    ) -> io::Result<Arc<Index>> {
        let mut parsed = None;
        if let Some([offsets, times]) = files {
            let (offsets, times) = (read_whole(&offsets)?, read_whole(&times)?);
            parsed = Index::parse(self.base, self.end, self.size, &offsets, &times);
        }
        let index = match parsed {
            Some(index) => index,
            None => self.rebuild(log)?,
        };
        let index = Arc::new(index);
        shared.keep_index(self.id, &index);
        Ok(index)
    }

    fn rebuild(&self, file: &D::File) -> io::Result<Index> {
        let mut builder = Builder::new(self.base, 4096);
        let mut walk = Walk::new(file, 0, self.size, SWEEP);
        while let Step::Batch(position, header) = walk.step()? {
            builder.batch(position, &header);
        }
        Ok(builder.close())
    }
}

/// Writes both index files anew and returns them, for their sync.
pub(crate) fn write_index<D: Disk>(
    disk: &D,
    dir: &Path,
    base: Offset,
    index: &Index,
) -> io::Result<[D::File; 2]> {
    let write = |kind: Kind, bytes: Vec<u8>| {
        let path = dir.join(kind.file(base));
        let temporary = dir.join(kind.file(base) + ".tmp");
        let file = disk.open(&temporary, Open::Truncate)?;
        file_write(&file, &bytes)?;
        disk.rename(&temporary, &path)?;
        Ok::<_, io::Error>(file)
    };
    Ok([write(Kind::Index, index.offset_bytes())?, write(Kind::TimeIndex, index.time_bytes())?])
}

/// Writes both index files of a segment that is to wait as `.swap`, under that suffix, and returns
/// them, for their sync.
pub(crate) fn stage_index<D: Disk>(
    disk: &D,
    dir: &Path,
    base: Offset,
    index: &Builder,
) -> io::Result<[D::File; 2]> {
    let index = index.clone().close();
    let stage = |kind: Kind, bytes: Vec<u8>| {
        let file = disk.open(&dir.join(kind.file(base) + Stage::Swap.suffix()), Open::Truncate)?;
        file_write(&file, &bytes)?;
        Ok::<_, io::Error>(file)
    };
    Ok([stage(Kind::Index, index.offset_bytes())?, stage(Kind::TimeIndex, index.time_bytes())?])
}

fn file_write<F: File>(file: &F, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() { Ok(()) } else { file.write_at(bytes, 0) }
}

/// Notes index entries while batches pass by.
#[derive(Debug, Clone)]
pub(crate) struct Builder {
    pub(crate) index: Index,
    interval: u64,
    since: u64,
    pub(crate) largest: Option<Largest>,
}

/// Where a [`Builder`] stood.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    entries: (usize, usize),
    since: u64,
    largest: Option<Largest>,
}

impl Builder {
    pub(crate) fn new(base: Offset, interval: u64) -> Self {
        Self { index: Index::new(base), interval, since: 0, largest: None }
    }

    /// Goes on with a loaded index, `since` bytes behind its last entry.
    pub(crate) fn resume(index: Index, interval: u64, since: u64) -> Self {
        let largest = index.largest();
        Self { index, interval, since, largest }
    }

    /// Notes a batch at `position`. One that compaction emptied has no time.
    pub(crate) fn batch(&mut self, position: u64, header: &Header) {
        let last = header.last_offset();
        let max_timestamp = if header.count > 0 { header.max_timestamp } else { -1 };
        if max_timestamp >= 0 && self.largest.is_none_or(|so_far| max_timestamp > so_far.timestamp)
        {
            self.largest = Some(Largest { timestamp: max_timestamp, offset: last });
        }
        if self.since > self.interval {
            self.index.note_offset(last, position);
            self.note_time();
            self.since = 0;
        }
        self.since += header.size() as u64;
    }

    /// Where it stands, for [`Builder::rewind`].
    pub(crate) fn mark(&self) -> Mark {
        Mark { entries: self.index.entries(), since: self.since, largest: self.largest }
    }

    /// Forgets the batches since `mark`.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.index.cut(mark.entries);
        (self.since, self.largest) = (mark.since, mark.largest);
    }

    fn note_time(&mut self) {
        if let Some(largest) = self.largest {
            self.index.note_time(largest);
        }
    }

    /// Says how many bytes stand behind the last entry's position.
    pub(crate) fn set_since(&mut self, since: u64) {
        self.since = since;
    }

    pub(crate) fn set_interval(&mut self, interval: u64) {
        self.interval = interval;
    }

    /// The indexes of a segment that grows no more: the largest timestamp is always noted.
    pub(crate) fn close(mut self) -> Index {
        self.note_time();
        self.index
    }
}
