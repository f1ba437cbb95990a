//! A segment that is being compacted, read from front to end.

use std::{io, path::Path};

use kastellan_core::id::Offset;
use kastellan_protocol::batch::{Header, Malformed, check_crc};

use crate::{
    disk::{Advice, Disk, File, Open},
    log::invalid,
    name::Kind,
    scan::{SWEEP, Step, Walk},
};

/// How many places of a file are looked at to learn whether it is in the page cache.
const PROBES: u64 = 8;

/// A closed, durable segment.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) id: u64,
    pub(crate) base: Offset,
    pub(crate) end: Offset,
    pub(crate) size: u64,
    /// Whether it was not in the page cache before the compaction came; `None`: not yet looked.
    pub(crate) cold: Option<bool>,
}

impl Source {
    /// Opens a file of its own, so that reading it through does not change how far the kernel reads
    /// ahead for consumers.
    pub(super) fn open<D: Disk>(&mut self, disk: &D, dir: &Path) -> io::Result<D::File> {
        let file = disk.open(&dir.join(Kind::Log.file(self.base)), Open::Read)?;
        if self.cold.is_none() {
            let step = self.size / PROBES;
            let missing = (0..PROBES).filter(|at| !file.is_cached(at * step)).count();
            self.cold = Some(missing as u64 > PROBES / 2);
        }
        file.advise(Advice::Sequential, self.size);
        Ok(file)
    }

    pub(super) fn read<'f, F: File>(&self, file: &'f F) -> Reading<'f, F> {
        let walk = Walk::new(file, 0, self.size, SWEEP);
        Reading { walk, size: self.size, buffer: Vec::new() }
    }
}

/// Reads the batches of a segment in order.
#[derive(Debug)]
pub(super) struct Reading<'f, F> {
    walk: Walk<'f, F>,
    size: u64,
    buffer: Vec<u8>,
}

impl<F: File> Reading<'_, F> {
    /// Where the next batch begins.
    pub(super) fn position(&self) -> u64 {
        self.walk.position()
    }

    /// The next batch, its CRC checked: what is compacted gets a new one, and damage must not be
    /// covered up. Bytes that are no batch, and batches that belong to a transaction (whose outcome
    /// nothing here knows), are errors.
    pub(super) fn next(&mut self) -> io::Result<Option<(Header, &[u8])>> {
        match self.walk.step()? {
            Step::Batch(position, header) => {
                let batch = self.walk.batch(position, &header, &mut self.buffer)?;
                if !check_crc(batch) {
                    let why = format!("the batch at position {position} has a wrong CRC");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, why));
                }
                if header.is_transactional() && !header.is_control() {
                    let why = "it holds transactions, which this version cannot compact";
                    return Err(io::Error::new(io::ErrorKind::Unsupported, why));
                }
                Ok(Some((header, batch)))
            }
            Step::End if self.walk.position() >= self.size => Ok(None),
            Step::End | Step::Invalid => Err(invalid(&self.walk)),
        }
    }
}

pub(super) fn malformed(malformed: Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, malformed)
}
