//! What has been promised and shown, by partition: the truth that replicas are held against.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::id::Offset;
use kastellan_protocol::batch::{Header, batches};

/// A batch that was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    /// Over all its bytes, offset and leader epoch included.
    pub(super) hash: u64,
    pub(super) next: Offset,
    pub(super) producer: i64,
    pub(super) sequence: i32,
}

/// One partition.
#[derive(Debug, Clone, Default)]
pub(super) struct Partition {
    /// By base offset: everything that was below some high watermark.
    pub(super) committed: BTreeMap<Offset, Batch>,
    /// The largest offset that a reader was told to be the newest.
    pub(super) told: Offset,
    /// Records before it were deleted.
    pub(super) start: Offset,
    /// Where each producer has got to.
    pub(super) sequences: BTreeMap<i64, i32>,
    /// Batches that may be there once more: (producer, sequence). A leader took them that could not
    /// know of the first time, as that was deleted.
    pub(super) repeatable: BTreeSet<(i64, i32)>,
}

/// All partitions.
pub(super) type History = BTreeMap<i32, Partition>;

impl Partition {
    /// One past the last committed offset.
    pub(super) fn end(&self) -> Offset {
        self.committed.last_key_value().map_or(0, |(_, batch)| batch.next)
    }

    /// Where the last committed batch of `producer` is.
    pub(super) fn newest_of(&self, producer: i64) -> Option<Offset> {
        let newest = self.committed.iter().rev().find(|(_, batch)| batch.producer == producer);
        newest.map(|(base, _)| *base)
    }
}

/// What a batch is remembered by.
pub(super) fn summary(header: &Header, bytes: &[u8]) -> Batch {
    Batch {
        hash: hash(bytes),
        next: header.next_offset(),
        producer: header.producer_id,
        sequence: header.base_sequence,
    }
}

/// The batches in `bytes`, each with its header.
pub(super) fn each(bytes: &[u8]) -> impl Iterator<Item = (Header, &[u8])> {
    batches(bytes).flatten()
}

/// FNV-1a.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let offset = 0xcbf2_9ce4_8422_2325_u64;
    bytes.iter().fold(offset, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
