//! Walks the batches of a file by their headers, through one buffer.

use std::io;

use kastellan_protocol::batch::{HEADER_LEN, Header};

use crate::disk::{File, read_full};

/// Where the CRC-checked part of a batch starts.
const CHECKED: usize = 21;
/// Enough for a lookup between two index entries.
pub(crate) const LOOKUP: usize = 8 << 10;
/// For whole files.
pub(crate) const SWEEP: usize = 1 << 20;

/// What stands at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A batch that fits into the file, as far as its header tells.
    Batch(u64, Header),
    /// The end.
    End,
    /// Bytes that are no batch, or not a whole one.
    Invalid,
}

/// Walks a file from a position to `end`.
#[derive(Debug)]
pub(crate) struct Walk<'a, F> {
    file: &'a F,
    end: u64,
    position: u64,
    buffer: Vec<u8>,
    start: u64,
    filled: usize,
}

impl<'a, F: File> Walk<'a, F> {
    pub(crate) fn new(file: &'a F, position: u64, end: u64, buffer: usize) -> Self {
        let wanted = usize::try_from(end.saturating_sub(position)).unwrap_or(usize::MAX);
        let buffer = vec![0; buffer.min(wanted)];
        Self { file, end, position, buffer, start: position, filled: 0 }
    }

    /// Where the next step looks.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The bytes in the buffer at `position`, as many as there are.
    fn buffered(&self, position: u64) -> &[u8] {
        let skip = position.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        let filled = self.buffer.get(..self.filled).unwrap_or_default();
        skip.and_then(|skip| filled.get(skip..)).unwrap_or_default()
    }

    fn fill(&mut self, position: u64) -> io::Result<()> {
        let wanted = usize::try_from(self.end - position).unwrap_or(usize::MAX);
        let wanted = wanted.min(self.buffer.len());
        let target = self.buffer.get_mut(..wanted).unwrap_or_default();
        self.filled = read_full(self.file, target, position)?;
        self.start = position;
        Ok(())
    }

    /// The batch here; the walk moves behind it.
    pub(crate) fn step(&mut self) -> io::Result<Step> {
        let position = self.position;
        if position >= self.end {
            return Ok(Step::End);
        }
        if self.end - position < HEADER_LEN as u64 {
            return Ok(Step::Invalid);
        }
        if self.buffered(position).len() < HEADER_LEN {
            self.fill(position)?;
        }
        let Ok(header) = Header::parse(self.buffered(position)) else { return Ok(Step::Invalid) };
        if header.size() as u64 > self.end - position {
            return Ok(Step::Invalid);
        }
        self.position = position + header.size() as u64;
        Ok(Step::Batch(position, header))
    }

    /// Whether the CRC of the batch at `position` is right; memory stays that of the buffer.
    pub(crate) fn crc_holds(&mut self, position: u64, header: &Header) -> io::Result<bool> {
        if self.buffered(position).len() < header.size() {
            self.fill(position)?;
        }
        let mut crc = 0;
        let mut from = position + CHECKED as u64;
        let end = position + header.size() as u64;
        while from < end {
            if self.buffered(from).is_empty() {
                self.fill(from)?;
            }
            let left = usize::try_from(end - from).unwrap_or(usize::MAX);
            let here = self.buffered(from);
            let here = here.get(..left.min(here.len())).unwrap_or_default();
            if here.is_empty() {
                return Ok(false);
            }
            crc = crc32c::crc32c_append(crc, here);
            from += here.len() as u64;
        }
        Ok(crc == header.crc)
    }

    /// The bytes of the batch at `position`, read into `batch` unless they are in the buffer.
    pub(crate) fn batch<'b>(
        &'b mut self,
        position: u64,
        header: &Header,
        batch: &'b mut Vec<u8>,
    ) -> io::Result<&'b [u8]> {
        let size = header.size();
        if self.buffered(position).len() < size && size <= self.buffer.len() {
            self.fill(position)?;
        }
        if self.buffered(position).len() >= size {
            return Ok(self.buffered(position).get(..size).unwrap_or_default());
        }
        batch.resize(size, 0);
        let read = read_full(self.file, batch, position)?;
        if read < size {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        Ok(batch)
    }
}
