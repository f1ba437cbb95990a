//! What a reader got, held against all that concerns it: validity, order, content, completeness.

use std::collections::BTreeMap;

use kastellan_core::id::{Offset, TopicPartition};
use kastellan_protocol::batch::batches;

use super::{Check, Invariant, Violation, compaction, content, dense, ensure, valid};
use crate::{
    model::{Record, partition::records_of},
    world::Env,
};

/// A range that was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) from: Offset,
    /// Nothing at or behind this offset may be in it.
    pub(crate) until: Offset,
}

/// Checks the whole batches in `bytes`; returns where the reader goes on.
pub(crate) fn check(
    env: &mut Env,
    of: &TopicPartition,
    bytes: &[u8],
    range: Range,
) -> Result<Offset, Violation> {
    let Some(model) = env.model.partitions.get(of) else { return Ok(range.from) };
    let mut next = range.from;
    let mut records: BTreeMap<Offset, Record> = BTreeMap::new();
    let mut count = 0_u64;
    for batch in batches(bytes) {
        let (header, raw) = batch.map_err(|why| valid::malformed(of, &why))?;
        valid::check(of, &header, raw)?;
        dense::served(of, model, &header, next, count == 0)?;
        ensure(header.next_offset() <= range.until, Invariant::ReadsReturnWhatWasAppended, || {
            let (at, until) = (header.base_offset, range.until);
            format!("{of}: the batch at {at} was served, readers may see up to {until}")
        })?;
        content::check(of, model, &header, raw, &mut env.scratch)?;
        if model.has_gaps() {
            records.extend(records_of(raw, &mut env.scratch).unwrap_or_default());
        }
        next = header.next_offset();
        count += 1;
    }
    if model.has_gaps() && count > 0 {
        compaction::complete(of, model, &records, Range { from: range.from, until: next })?;
        env.counters.compared(Invariant::CompactionKeepsTheLast);
    }
    for _ in 0..count {
        env.counters.compared(Invariant::NothingInvalidIsServed);
        env.counters.compared(Invariant::OffsetsAreDense);
        env.counters.compared(Invariant::ReadsReturnWhatWasAppended);
    }
    Ok(next)
}

/// Fails when a reader that should get something got nothing.
pub(crate) fn not_empty(of: &TopicPartition, got: usize, from: Offset, until: Offset) -> Check {
    ensure(got > 0, Invariant::ReadsReturnWhatWasAppended, || {
        format!("{of}: nothing was served from {from}, although readers may see up to {until}")
    })
}
