//! Compaction keeps the last record of every key, and tombstones for as long as it was told.
//!
//! C19 of `reliability.md` 5.3; `delete.retention.ms` and KIP-534 for tombstones.

use std::collections::BTreeMap;

use kastellan_core::id::{Offset, TopicPartition};

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
        let superseded = last.get(&key).is_some_and(|newest| newest > offset);
        let forgotten = record.value.is_none() && may_forget(model, *offset);
        ensure(superseded || forgotten, Invariant::CompactionKeepsTheLast, || {
            format!("{of}: record {offset} is gone, nothing below {bound} has its key {key:?}")
        })?;
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

/// Whether the tombstone at `offset` was seen by a compaction long enough ago for a later one.
fn may_forget(model: &Partition, offset: Offset) -> bool {
    let seen = model.compactions.iter().filter(|(_, end, _)| *end > offset).map(|(.., wall)| *wall);
    let (first, last) = (seen.clone().min(), seen.max());
    let waited = first.zip(last).map(|(first, last)| last.saturating_sub(first));
    waited >= Some(model.config.delete_retention_ms)
}
