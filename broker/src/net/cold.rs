//! Keeps a worker from waiting for the disk: what is not in the page cache is read by another
//! thread.

use std::{io::IoSliceMut, os::unix::fs::FileExt};

use rustix::io::{Errno, ReadWriteFlags};

use super::response::FileRange;
use crate::partition::LogFile;

/// How far apart a range is probed; the kernel reads ahead in windows of this size.
const STRIDE: usize = 128 << 10;

/// Where a range is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// In the page cache, as far as a few reads can tell.
    Warm,
    /// On the disk.
    Cold,
}

/// Asks for single bytes of the first `count` of a range, without waiting for any of them.
pub(super) fn probe(range: &FileRange, count: usize) -> Probe {
    let last = range.position + count.saturating_sub(1) as u64;
    let strides = (0..count).step_by(STRIDE).map(|at| range.position + at as u64);
    let cold = strides.chain([last]).any(|position| is_cold(&range.file, position));
    if cold { Probe::Cold } else { Probe::Warm }
}

/// Whether the byte at `position` of a log's file would have to come from the disk.
pub(crate) fn is_cold(file: &LogFile, position: u64) -> bool {
    let mut byte = [0];
    let mut into = [IoSliceMut::new(&mut byte)];
    // A file system that cannot say is taken for a fast one; errors show when it is read.
    let flags = ReadWriteFlags::NOWAIT;
    rustix::io::preadv2(file.as_file(), &mut into, position, flags) == Err(Errno::AGAIN)
}

/// Fills `room` from the start of a range without waiting for the disk. False: not all of it was
/// there.
pub(super) fn read_warm(range: &FileRange, room: &mut [u8]) -> bool {
    let wanted = room.len();
    let mut into = [IoSliceMut::new(room)];
    let file = range.file.as_file();
    let read = rustix::io::preadv2(file, &mut into, range.position, ReadWriteFlags::NOWAIT);
    read == Ok(wanted)
}

/// Pulls the first `count` bytes of a range into the page cache. Blocks: not for a worker.
pub(super) fn warm(range: &FileRange, count: usize) {
    let mut scratch = vec![0; STRIDE.min(count)];
    let end = range.position + count.min(range.len) as u64;
    let mut at = range.position;
    while at < end {
        match range.file.as_file().read_at(&mut scratch, at) {
            Ok(0) | Err(_) => return,
            Ok(n) => at += n as u64,
        }
    }
}
