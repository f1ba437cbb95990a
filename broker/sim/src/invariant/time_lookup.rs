//! A lookup by time finds the first record that is not older, and the first of the newest.
//!
//! KIP-79 and KIP-734, held against a naive scan.

use kastellan_core::id::{Offset, TopicPartition};

use super::{Check, Invariant, ensure};
use crate::model::{Partition, Record};

fn readable(model: &Partition) -> impl Iterator<Item = (Offset, &Record)> {
    let until = model.high_watermark.max(model.start);
    model.records.range(model.start..until).map(|(offset, record)| (*offset, record))
}

/// `found` is the answer to "at or after `timestamp`".
pub(crate) fn at(
    of: &TopicPartition,
    model: &Partition,
    timestamp: i64,
    found: Option<Offset>,
) -> Check {
    let first = readable(model).find(|(_, record)| record.timestamp >= timestamp);
    let expected = first.map(|(offset, _)| offset);
    ensure(found == expected, Invariant::TimeLookupFindsTheFirst, || {
        let there: Vec<_> = readable(model).map(|(at, it)| (at, it.timestamp)).take(20).collect();
        format!("{of}: {found:?} was found for time {timestamp}, it is {expected:?}: {there:?}")
    })
}

/// `found` is the answer to "the newest".
pub(crate) fn newest(of: &TopicPartition, model: &Partition, found: Option<Offset>) -> Check {
    let newest = readable(model).map(|(_, record)| record.timestamp).max();
    let first = readable(model).find(|(_, record)| Some(record.timestamp) == newest);
    let expected = first.map(|(offset, _)| offset);
    ensure(found == expected, Invariant::TimeLookupFindsTheFirst, || {
        format!("{of}: {found:?} was found for the newest record, it is {expected:?}")
    })
}
