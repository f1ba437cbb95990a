//! Compaction keeps the last record of every key, and tombstones for as long as it was told.
//!
//! C19 of `reliability.md` 5.3; `delete.retention.ms` and KIP-534 for tombstones.

use std::collections::BTreeMap;

use kastellan_core::id::{Offset, TopicPartition};

use kastellan_protocol::batch::Header;

use super::{Check, Invariant, ensure, served::Range};
use crate::model::{Partition, Record};

/// `there` is what was read of `range`; is everything there that has to be?
pub(crate) fn complete(
    of: &TopicPartition,
    model: &Partition,
    there: &BTreeMap<Offset, Record>,
    range: Range,
) -> Check {
    let bound = model.compactions.iter().map(|(bound, ..)| *bound).max().unwrap_or(0);
    let mut last = BTreeMap::new();
    for (offset, record) in model.records.range(..bound) {
        last.insert(record.key.as_deref(), *offset);
    }
    for (offset, record) in model.records.range(range.from..range.until) {
        if there.contains_key(offset) {
            continue;
        }
        let key = record.key.as_deref();
        let keyless = key.is_none() && *offset < bound;
        let superseded = last.get(&key).is_some_and(|newest| newest > offset);
        let forgotten = record.value.is_none() && may_forget(model, *offset);
        ensure(superseded || forgotten || keyless, Invariant::CompactionKeepsTheLast, || {
            format!("{of}: record {offset} is gone, nothing below {bound} has its key {key:?}")
        })?;
        // what has no key deletes nothing
        if keyless {
            continue;
        }
        let older = there.range(..*offset).find(|(_, it)| it.key.as_deref() == key);
        ensure(
            record.value.is_some() || older.is_none(),
            Invariant::CompactionKeepsTheLast,
            || {
                let older = older.map_or(-1, |(offset, _)| *offset);
                format!("{of}: the tombstone {offset} is gone, and {older} with its key is not")
            },
        )?;
    }
    Ok(())
}

/// Whether no record of a batch is the last one of its key below the compactions' bound.
pub(crate) fn may_be_gone(model: &Partition, batch: &Header) -> bool {
    let bound = model.compactions.iter().map(|(bound, ..)| *bound).max().unwrap_or(0);
    if batch.next_offset() > bound {
        return false;
    }
    let mut records = model.records.range(batch.base_offset..batch.next_offset());
    records.all(|(offset, record)| {
        let mut later = model.records.range(offset + 1..bound);
        record.key.is_none()
            || later.any(|(_, later)| later.key == record.key)
            || (record.value.is_none() && may_forget(model, *offset))
    })
}

/// Whether the tombstone at `offset` was seen by a compaction long enough ago for a later one.
fn may_forget(model: &Partition, offset: Offset) -> bool {
    let seen = model.compactions.iter().filter(|(_, end, _)| *end > offset).map(|(.., wall)| *wall);
    let (first, last) = (seen.clone().min(), seen.max());
    let waited = first.zip(last).map(|(first, last)| last.saturating_sub(first));
    waited >= Some(model.config.delete_retention_ms)
}
