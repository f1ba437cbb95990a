//! Reading: from offsets to a range of one file.
//!
//! In two halves, so that nobody waits for a disk while holding the log: [`Log::locate`] looks only
//! at memory, [`Located::resolve`] looks into index and file, without the log.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use kastellan_core::{id::Offset, log::LogError};
use kastellan_protocol::batch::Header;

use super::Log;
use crate::{
    disk::{Disk, File, read_full},
    index::Index,
    scan::{LOOKUP, SWEEP, Step, Walk},
    segment::Segment,
    shared::Shared,
};

/// A range of a segment's file: whole batches but for the last, which may be cut.
#[derive(Debug)]
pub struct Slice<F> {
    /// The file; `None` only where there is nothing to read.
    pub file: Option<Arc<F>>,
    /// Where the first batch begins.
    pub position: u64,
    /// How many bytes.
    pub len: usize,
}

impl<F> Clone for Slice<F> {
    fn clone(&self) -> Self {
        Self { file: self.file.clone(), position: self.position, len: self.len }
    }
}

impl<F: File> Slice<F> {
    /// Nothing to read.
    pub fn empty() -> Self {
        Self { file: None, position: 0, len: 0 }
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads the bytes into memory.
    pub fn to_vec(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.len];
        if let Some(file) = &self.file {
            let read = read_full(&**file, &mut bytes, self.position)?;
            bytes.truncate(read);
        }
        Ok(bytes)
    }
}

/// Where a read has to look; good for as long as anybody holds it.
#[derive(Debug)]
pub struct Located<D: Disk> {
    shared: Arc<Shared<D>>,
    segment: Segment<D>,
    file: Arc<D::File>,
    lookup: Lookup<D>,
    from: Offset,
    until: Offset,
    max_bytes: usize,
    at_least_one: bool,
}

#[derive(Debug)]
enum Lookup<D: Disk> {
    /// The batch begins here and is this long; the read ends at the segment's end.
    Exact(u64, usize),
    /// Where to start looking for `from` and for `until`.
    Floors(u64, u64),
    /// The indexes are not in memory; their files, where there are any.
    Unloaded(Mutex<Option<[D::File; 2]>>),
}

/// What became of a read.
#[derive(Debug)]
pub enum Resolved<F> {
    /// The range.
    Slice(Slice<F>),
    /// Compaction left nothing behind the offset in this segment: read from this one instead.
    Further(Offset),
}

impl<D: Disk> Log<D> {
    pub(super) fn read_range(
        &self,
        mut from: Offset,
        until: Offset,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Slice<D::File>, LogError> {
        while let Some(located) = self.locate(from, until, max_bytes, at_least_one)? {
            match located.resolve().map_err(|error| self.unreadable(&error))? {
                Resolved::Slice(slice) => return Ok(slice),
                Resolved::Further(next) => from = next,
            }
        }
        Ok(Slice::empty())
    }

    /// Finds the segment for a read, in memory only; `None` when there is nothing to read.
    ///
    /// The arguments are those of `Log::read`. Fails when `from` is not in the log, its end
    /// included.
    pub fn locate(
        &self,
        from: Offset,
        until: Offset,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Option<Located<D>>, LogError> {
        if from < self.start || from > self.end {
            return Err(self.out_of_range(from));
        }
        let until = until.min(self.end);
        if from >= until || (max_bytes == 0 && !at_least_one) {
            return Ok(None);
        }
        let opened = self.lookup(from, until).and_then(|(segment, lookup)| {
            Ok((segment, lookup, segment.file(&self.shared, &self.dir)?))
        });
        let (segment, lookup, file) = opened.map_err(|error| self.unreadable(&error))?;
        Ok(Some(Located {
            shared: Arc::clone(&self.shared),
            segment: segment.view(),
            file,
            lookup,
            from,
            until,
            max_bytes,
            at_least_one,
        }))
    }

    fn lookup(&self, from: Offset, until: Offset) -> io::Result<(&Segment<D>, Lookup<D>)> {
        if let Some(active) = self.active.as_ref().filter(|active| active.segment.base <= from) {
            let index = &active.index.index;
            let lookup = match active.recent.find(from) {
                Some((position, size)) if until == self.end => Lookup::Exact(position, size),
                _ => Lookup::Floors(index.position(from), index.position(until)),
            };
            return Ok((&active.segment, lookup));
        }
        let next = self.closed.partition_point(|segment| segment.base <= from);
        let segment = self.closed.get(next.saturating_sub(1)).or(self.segments().next());
        let segment = segment.ok_or_else(|| io::Error::other("the log has lost its segments"))?;
        let lookup = match self.shared.index(segment.id) {
            Some(index) => Lookup::Floors(index.position(from), index.position(until)),
            None => Lookup::Unloaded(Mutex::new(segment.open_index(&self.shared, &self.dir)?)),
        };
        Ok((segment, lookup))
    }
}

/// Where [`Located::resolve`] begins to look.
#[derive(Debug)]
pub enum Look<'a, F> {
    /// Nowhere: everything is known.
    Memory,
    /// Into the segment's file, at this position.
    File(&'a F, u64),
    /// Into the index files, which are not in memory.
    Index,
}

impl<D: Disk> Located<D> {
    /// Where [`Located::resolve`] begins to look, so that a caller who must not wait for a disk can
    /// ask first whether it would.
    pub fn look(&self) -> Look<'_, D::File> {
        match &self.lookup {
            Lookup::Exact(..) => Look::Memory,
            Lookup::Floors(from, _) => Look::File(&self.file, *from),
            Lookup::Unloaded(_) => Look::Index,
        }
    }

    /// The file range; looks at the index file and at a few headers.
    pub fn resolve(&self) -> io::Result<Resolved<D::File>> {
        let file = Arc::clone(&self.file);
        let (floor, until_floor) = match &self.lookup {
            &Lookup::Exact(position, size) => {
                let left = self.segment.size - position;
                return Ok(Resolved::Slice(self.slice(file, position, size, left)));
            }
            &Lookup::Floors(from, until) => (from, until),
            Lookup::Unloaded(files) => {
                let files = files.lock().unwrap_or_else(PoisonError::into_inner).take();
                let index: Arc<Index> = self.segment.load(&self.shared, &file, files)?;
                (index.position(self.from), index.position(self.until))
            }
        };
        let Some((position, first)) = self.find(&file, floor, self.from)? else {
            return Ok(Resolved::Further(self.segment.end.max(self.from + 1)));
        };
        if first.next_offset() > self.until {
            return Ok(Resolved::Slice(Slice::empty()));
        }
        let reach = position.saturating_add(self.max_bytes.max(first.size()) as u64);
        let end = if self.until >= self.segment.end || reach <= until_floor {
            self.segment.size
        } else {
            self.find(&file, until_floor.max(position), self.until)?
                .map_or(self.segment.size, |(position, _)| position)
        };
        Ok(Resolved::Slice(self.slice(file, position, first.size(), end - position)))
    }

    fn slice(&self, file: Arc<D::File>, position: u64, first: usize, left: u64) -> Slice<D::File> {
        let wanted = if self.at_least_one { self.max_bytes.max(first) } else { self.max_bytes };
        let len = usize::try_from(left).map_or(wanted, |left| wanted.min(left));
        Slice { file: Some(file), position, len }
    }

    /// The first batch at or behind `floor` whose last offset is at or behind `offset`.
    fn find(
        &self,
        file: &D::File,
        floor: u64,
        offset: Offset,
    ) -> io::Result<Option<(u64, Header)>> {
        let mut walk = Walk::new(file, floor, self.segment.size, LOOKUP);
        loop {
            match walk.step()? {
                Step::Batch(position, header) if header.last_offset() >= offset => {
                    return Ok(Some((position, header)));
                }
                Step::Batch(..) => {}
                Step::End => return Ok(None),
                Step::Invalid => return Err(invalid(&walk)),
            }
        }
    }
}

/// Bytes inside the valid part that are no batch: the disk changed them, or somebody did.
pub(crate) fn invalid<F: File>(walk: &Walk<'_, F>) -> io::Error {
    let why = format!("no batch at position {}", walk.position());
    io::Error::new(io::ErrorKind::InvalidData, why)
}

impl<D: Disk> Log<D> {
    /// Shows every batch that ends behind `from`, in order: header and bytes. Ends early when
    /// `each` says so by breaking.
    pub fn for_each_batch<B>(
        &self,
        from: Offset,
        mut each: impl FnMut(&Header, &[u8]) -> std::ops::ControlFlow<B>,
    ) -> Result<Option<B>, LogError> {
        let mut buffer = Vec::new();
        self.sweep(from, |walk, position, header| {
            let batch = walk.batch(position, header, &mut buffer)?;
            Ok(each(header, batch))
        })
    }

    /// Shows the header of every batch that ends behind `from`, in order: what producer state is
    /// rebuilt from.
    pub fn for_each_header(
        &self,
        from: Offset,
        mut each: impl FnMut(&Header),
    ) -> Result<(), LogError> {
        self.sweep(from, |_, _, header| {
            each(header);
            Ok(std::ops::ControlFlow::<()>::Continue(()))
        })
        .map(drop)
    }

    pub(super) fn sweep<B>(
        &self,
        from: Offset,
        mut each: impl FnMut(
            &mut Walk<'_, D::File>,
            u64,
            &Header,
        ) -> io::Result<std::ops::ControlFlow<B>>,
    ) -> Result<Option<B>, LogError> {
        for segment in self.segments().filter(|segment| segment.end > from && segment.size > 0) {
            let broke =
                self.sweep_segment(segment, from, &mut each).map_err(|e| self.unreadable(&e))?;
            if broke.is_some() {
                return Ok(broke);
            }
        }
        Ok(None)
    }

    fn sweep_segment<B>(
        &self,
        segment: &Segment<D>,
        from: Offset,
        each: &mut impl FnMut(
            &mut Walk<'_, D::File>,
            u64,
            &Header,
        ) -> io::Result<std::ops::ControlFlow<B>>,
    ) -> io::Result<Option<B>> {
        let file = segment.file(&self.shared, &self.dir)?;
        let active = self.active.as_ref().filter(|active| active.segment.id == segment.id);
        let floor = match active {
            _ if from <= segment.base => 0,
            Some(active) => active.index.index.position(from),
            None => segment.index(&self.shared, &self.dir)?.position(from),
        };
        let mut walk = Walk::new(&*file, floor, segment.size, SWEEP);
        loop {
            match walk.step()? {
                Step::Batch(position, header) if header.last_offset() >= from => {
                    if let std::ops::ControlFlow::Break(found) = each(&mut walk, position, &header)?
                    {
                        return Ok(Some(found));
                    }
                }
                Step::Batch(..) => {}
                Step::End => return Ok(None),
                Step::Invalid => return Err(invalid(&walk)),
            }
        }
    }
}
