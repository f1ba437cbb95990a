//! One file of the faulty disk: what programs see, and what a power cut would leave.

use std::{collections::BTreeSet, io};

/// A small, good enough generator (splitmix64): the same seed gives the same numbers.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is 1 or more.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    /// True in `percent` of a hundred cases.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Inode {
    /// What programs see.
    pub(super) seen: Vec<u8>,
    /// What a power cut leaves for certain.
    durable: Vec<u8>,
    /// Blocks written since the last sync, whether that succeeded or not.
    dirty: BTreeSet<usize>,
    /// When the file was last changed.
    pub(super) modified: i64,
}

/// The bytes of block `index`, padded with zeros behind the end.
fn block(bytes: &[u8], index: usize, size: usize) -> Vec<u8> {
    let start = (index * size).min(bytes.len());
    let end = (start + size).min(bytes.len());
    let mut block = bytes.get(start..end).unwrap_or_default().to_vec();
    block.resize(size, 0);
    block
}

/// Puts a block back, cut at the end of `bytes`.
fn put(bytes: &mut [u8], index: usize, block: &[u8]) {
    let start = (index * block.len()).min(bytes.len());
    let end = (start + block.len()).min(bytes.len());
    if let Some(part) = bytes.get_mut(start..end) {
        part.copy_from_slice(block.get(..end - start).unwrap_or_default());
    }
}

impl Inode {
    pub(super) fn read(&self, into: &mut [u8], position: u64) -> io::Result<usize> {
        let start = usize::try_from(position).map_err(io::Error::other)?.min(self.seen.len());
        let end = start.saturating_add(into.len()).min(self.seen.len());
        let bytes = self.seen.get(start..end).unwrap_or_default();
        if let Some(target) = into.get_mut(..bytes.len()) {
            target.copy_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    pub(super) fn write(&mut self, bytes: &[u8], start: usize, size: usize) {
        if bytes.is_empty() {
            return;
        }
        let end = start + bytes.len();
        if self.seen.len() < end {
            self.seen.resize(end, 0);
        }
        if let Some(target) = self.seen.get_mut(start..end) {
            target.copy_from_slice(bytes);
        }
        self.dirty.extend(start / size..=(end - 1) / size);
    }

    pub(super) fn set_len(&mut self, len: usize, size: usize) {
        let touched = len.min(self.seen.len())..len.max(self.seen.len());
        self.seen.resize(len, 0);
        if !touched.is_empty() {
            self.dirty.extend(touched.start / size..=(touched.end - 1) / size);
        }
    }

    /// Everything seen is durable now, but for what a failed sync dropped earlier.
    pub(super) fn sync(&mut self, size: usize) {
        let dirty = std::mem::take(&mut self.dirty);
        self.durable.resize(self.seen.len(), 0);
        for index in dirty {
            put(&mut self.durable, index, &block(&self.seen, index, size));
        }
    }

    /// The kernel marks the pages clean although they never reached the disk.
    pub(super) fn fail_sync(&mut self) {
        self.dirty.clear();
    }

    /// One block reaches the disk on its own, as write-back does whenever it likes.
    pub(super) fn write_back_one(&mut self, random: &mut Random, size: usize) {
        let Some(index) = self.dirty.iter().copied().nth(random.below(self.dirty.len())) else {
            return;
        };
        let needed = ((index + 1) * size).min(self.seen.len());
        if self.durable.len() < needed {
            self.durable.resize(needed, 0);
        }
        put(&mut self.durable, index, &block(&self.seen, index, size));
    }

    /// What is left after the power was cut: `keep` percent of the unsynced blocks.
    pub(super) fn crash(&mut self, random: &mut Random, keep: usize, size: usize) {
        let (short, long) =
            (self.durable.len().min(self.seen.len()), self.durable.len().max(self.seen.len()));
        let len = match random.below(3) {
            0 => self.durable.len(),
            1 => self.seen.len(),
            _ => short + random.below(long - short + 1),
        };
        let len = if keep == 100 { self.seen.len() } else { len };
        let mut left = self.durable.clone();
        left.resize(len, 0);
        for index in std::mem::take(&mut self.dirty) {
            if random.chance(keep) {
                put(&mut left, index, &block(&self.seen, index, size));
            }
        }
        self.seen.clone_from(&left);
        self.durable = left;
    }

    pub(super) fn replace(&mut self, bytes: Vec<u8>) {
        self.seen.clone_from(&bytes);
        self.durable = bytes;
        self.dirty.clear();
    }
}
