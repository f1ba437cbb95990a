//! Idempotence: what one partition remembers of its producers (KIP-98).
//!
//! Per producer id: its epoch and its last five batches, as many as a client keeps in flight. A
//! repeated batch is answered with the offsets it got the first time, a gap is refused. The number
//! of producers is capped, and those that have been silent for long are forgotten.

mod active;
mod entry;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};

use kastellan_protocol::{ErrorCode, batch::Header};

pub use self::active::Active;
use self::entry::Entry;
pub use self::entry::{Sequenced, increment};
pub use self::snapshot::BadSnapshot;
use crate::id::Offset;

/// The producers of one partition.
#[derive(Debug, Clone)]
pub struct Producers {
    limit: usize,
    entries: BTreeMap<i64, Entry>,
    /// (when it was last heard of, producer id), to find whom to forget.
    by_age: BTreeSet<(i64, i64)>,
}

/// What becomes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is new: append it, then [`Producers::record`] it.
    Append,
    /// It is in the log already.
    Duplicate(Duplicate),
}

/// Where a repeated batch went the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duplicate {
    /// The offset of its first record.
    pub first: Offset,
    /// The offset of its last record.
    pub last: Offset,
    /// Its largest timestamp.
    pub timestamp: i64,
}

impl Producers {
    /// No producers yet, and never more than `limit` (1 or more).
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), entries: BTreeMap::new(), by_age: BTreeSet::new() }
    }

    /// How many producers are remembered at most.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many producers are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no producer is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Says what to do with a client's batch. A batch without a producer id is always new.
    ///
    /// A producer that is not remembered may begin anywhere: its state may have expired, or its
    /// records may have been deleted. Errors: 47 `INVALID_PRODUCER_EPOCH` for an epoch that is
    /// over, 45 `OUT_OF_ORDER_SEQUENCE_NUMBER` for a gap, for a repetition that is older than the
    /// last five batches, and for a new epoch that does not begin at sequence 0.
    pub fn check(&self, batch: &Header) -> Result<Verdict, ErrorCode> {
        if batch.producer_id < 0 {
            return Ok(Verdict::Append);
        }
        let Some(entry) = self.entries.get(&batch.producer_id) else { return Ok(Verdict::Append) };
        if batch.producer_epoch < entry.epoch() {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        let begins_at = if batch.producer_epoch > entry.epoch() {
            0
        } else {
            let (first, last) = (batch.base_sequence, sequence_of_last(batch));
            if let Some(known) = entry.find(first, last) {
                let first = known.first_offset();
                let (last, timestamp) = (known.last_offset, known.timestamp);
                return Ok(Verdict::Duplicate(Duplicate { first, last, timestamp }));
            }
            match entry.last_sequence() {
                Some(last) => increment(last, 1),
                None => 0,
            }
        };
        if batch.base_sequence == begins_at {
            Ok(Verdict::Append)
        } else {
            Err(ErrorCode::OutOfOrderSequenceNumber)
        }
    }

    /// Takes in a batch that the log holds, `base_offset` being its place there. The leader calls
    /// it after its append, a replay for every batch: it never refuses.
    ///
    /// `seen`: when the producer was heard of, in milliseconds since 1970.
    pub fn record(&mut self, batch: &Header, seen: i64) {
        if batch.producer_id < 0 || batch.base_sequence < 0 {
            return;
        }
        let sequenced = Sequenced {
            last_sequence: sequence_of_last(batch),
            last_offset: batch.base_offset.saturating_add(i64::from(batch.last_offset_delta)),
            offset_delta: batch.last_offset_delta,
            timestamp: batch.max_timestamp,
        };
        self.insert(batch.producer_id, batch.producer_epoch, Some(sequenced), seen);
    }

    /// Forgets who has not been heard of for `expiration` milliseconds before `now`, both in
    /// milliseconds (Kafka's `producer.id.expiration.ms`). Returns how many.
    pub fn expire(&mut self, now: i64, expiration: i64) -> usize {
        let before = self.entries.len();
        let limit = now.saturating_sub(expiration);
        while let Some(&(seen, id)) = self.by_age.first()
            && seen <= limit
        {
            self.forget(seen, id);
        }
        before - self.entries.len()
    }

    /// The last offset of each producer: compaction keeps those batches, empty if need be, so that
    /// the sequence numbers can be rebuilt from the log.
    pub fn last_offsets(&self) -> BTreeMap<i64, Offset> {
        let newest = |(id, entry): (&i64, &Entry)| Some((*id, entry.newest()?.last_offset));
        self.entries.iter().filter_map(newest).collect()
    }

    /// When the producer that has been silent for longest was last heard of.
    pub fn oldest(&self) -> Option<i64> {
        self.by_age.first().map(|(seen, _)| *seen)
    }

    /// Forgets everybody, before a replay.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.by_age.clear();
    }

    fn insert(&mut self, id: i64, epoch: i16, batch: Option<Sequenced>, seen: i64) {
        if let Some(entry) = self.entries.get_mut(&id) {
            if entry.seen < seen {
                self.by_age.remove(&(entry.seen, id));
                self.by_age.insert((seen, id));
                entry.seen = seen;
            }
            entry.push(epoch, batch);
            return;
        }
        while self.entries.len() >= self.limit
            && let Some(&(oldest, other)) = self.by_age.first()
        {
            self.forget(oldest, other);
        }
        self.by_age.insert((seen, id));
        self.entries.insert(id, Entry::new(epoch, batch, seen));
    }

    fn forget(&mut self, seen: i64, id: i64) {
        self.by_age.remove(&(seen, id));
        self.entries.remove(&id);
    }
}

/// The sequence number of a batch's last record.
fn sequence_of_last(batch: &Header) -> i32 {
    increment(batch.base_sequence, batch.last_offset_delta.max(0))
}

#[cfg(test)]
mod tests;
