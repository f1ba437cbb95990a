//! What is remembered of one producer.

use crate::id::Offset;

/// How many batches back a repetition is recognised: what clients have in flight at most.
const WINDOW: usize = 5;

/// One batch of a producer, as far as it is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequenced {
    /// The sequence number of its last record.
    pub last_sequence: i32,
    /// The offset of its last record.
    pub last_offset: Offset,
    /// How many offsets lie between its first and its last record.
    pub offset_delta: i32,
    /// Its largest timestamp, in milliseconds since 1970.
    pub timestamp: i64,
}

impl Sequenced {
    /// The offset of its first record.
    pub fn first_offset(&self) -> Offset {
        self.last_offset.saturating_sub(i64::from(self.offset_delta))
    }

    /// The sequence number of its first record.
    pub fn first_sequence(&self) -> i32 {
        decrement(self.last_sequence, self.offset_delta.max(0))
    }
}

/// A producer's epoch and its last batches, the newest last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    epoch: i16,
    batches: [Option<Sequenced>; WINDOW],
    /// When it was last heard of, in milliseconds since 1970.
    pub(super) seen: i64,
}

impl Entry {
    pub(super) fn new(epoch: i16, batch: Option<Sequenced>, seen: i64) -> Self {
        let mut entry = Self { epoch, batches: [None; WINDOW], seen };
        entry.push(epoch, batch);
        entry
    }

    pub(super) fn epoch(&self) -> i16 {
        self.epoch
    }

    /// Takes in a batch; one of another epoch ends the memory of those before.
    pub(super) fn push(&mut self, epoch: i16, batch: Option<Sequenced>) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.batches = [None; WINDOW];
        }
        if let Some(batch) = batch {
            self.batches.rotate_left(1);
            if let Some(newest) = self.batches.last_mut() {
                *newest = Some(batch);
            }
        }
    }

    /// The remembered batch with exactly these sequence numbers.
    pub(super) fn find(&self, first: i32, last: i32) -> Option<&Sequenced> {
        let same =
            |batch: &&Sequenced| batch.last_sequence == last && batch.first_sequence() == first;
        self.batches.iter().flatten().find(same)
    }

    pub(super) fn newest(&self) -> Option<&Sequenced> {
        self.batches.last()?.as_ref()
    }

    pub(super) fn last_sequence(&self) -> Option<i32> {
        self.newest().map(|batch| batch.last_sequence)
    }
}

/// `sequence` and `by` more; what follows `i32::MAX` is 0. Neither is negative.
pub fn increment(sequence: i32, by: i32) -> i32 {
    let sum = i64::from(sequence) + i64::from(by);
    let wrapped = if sum > i64::from(i32::MAX) { sum - i64::from(i32::MAX) - 1 } else { sum };
    i32::try_from(wrapped).unwrap_or(0)
}

/// `sequence` and `by` less; what precedes 0 is `i32::MAX`.
fn decrement(sequence: i32, by: i32) -> i32 {
    let difference = i64::from(sequence) - i64::from(by);
    let wrapped = if difference < 0 { difference + i64::from(i32::MAX) + 1 } else { difference };
    i32::try_from(wrapped).unwrap_or(0)
}
