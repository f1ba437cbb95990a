//! The segment that is written to.

use kastellan_core::id::Offset;
use kastellan_protocol::batch::Header;

use crate::{
    disk::Disk,
    segment::{Builder, Mark, Segment},
};

/// The last segment, and what is known about it besides its bytes.
#[derive(Debug)]
pub(super) struct Active<D: Disk> {
    pub(super) segment: Segment<D>,
    pub(super) index: Builder,
    /// The largest timestamp of its first batch: what `segment.ms` counts from.
    pub(super) first_timestamp: Option<i64>,
    pub(super) recent: Recent,
    /// Up to which position write-back was asked for.
    pub(super) written_back: u64,
    /// The size that the index files on the disk belong to, where they are there.
    pub(super) indexed: Option<u64>,
}

/// The last few batches, so that a reader at the tail needs no look into the file.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Recent {
    batches: [(Offset, u64, usize); 8],
    next: usize,
}

/// What was known before batches were noted that are not written yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    index: Mark,
    first_timestamp: Option<i64>,
    recent: Recent,
}

impl Recent {
    fn note(&mut self, base: Offset, position: u64, size: usize) {
        if let Some(slot) = self.batches.get_mut(self.next) {
            *slot = (base, position, size);
        }
        self.next = (self.next + 1) % self.batches.len();
    }

    /// Position and size of the batch that begins at `base`.
    pub(super) fn find(&self, base: Offset) -> Option<(u64, usize)> {
        let found = self.batches.iter().find(|(noted, _, size)| *noted == base && *size > 0);
        found.map(|(_, position, size)| (*position, *size))
    }
}

impl<D: Disk> Active<D> {
    /// Goes on with `segment`, about which `index` and the first batch's largest timestamp are
    /// known; no index files are on the disk.
    pub(super) fn new(segment: Segment<D>, index: Builder, first_timestamp: Option<i64>) -> Self {
        let recent = Recent::default();
        Self { segment, index, first_timestamp, recent, written_back: 0, indexed: None }
    }

    /// What is known now, for [`Active::forget`].
    pub(super) fn before(&self) -> Before {
        let &Self { first_timestamp, recent, .. } = self;
        Before { index: self.index.mark(), first_timestamp, recent }
    }

    /// Notes a batch at `position` that is about to be written there.
    pub(super) fn note(&mut self, position: u64, header: &Header) {
        self.first_timestamp.get_or_insert(header.max_timestamp);
        self.recent.note(header.base_offset, position, header.size());
        self.index.batch(position, header);
    }

    /// Forgets what was noted since, as it could not be written: lookups go on when a write has
    /// failed, and must not find what is not there.
    pub(super) fn forget(&mut self, before: &Before) {
        self.index.rewind(before.index);
        (self.first_timestamp, self.recent) = (before.first_timestamp, before.recent);
    }
}
