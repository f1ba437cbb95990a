//! A repeated batch of an idempotent producer is never written twice, and one that goes on where
//! the log ends is never refused.
//!
//! KIP-98; the window of five batches is Kafka's. What was lost, deleted or truncated in between
//! may be written again.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::id::{Offset, TopicPartition};
use kastellan_protocol::{
    ErrorCode,
    batch::{Header, batches},
};

use super::{Check, Invariant, ensure};
use crate::model::Partition;

const INVARIANT: Invariant = Invariant::RetriesAreNotDuplicated;

/// `header` is about to be noted as appended.
pub(crate) fn appended(of: &TopicPartition, model: &Partition, header: &Header) -> Check {
    if header.producer_id < 0 {
        return Ok(());
    }
    let same = model.same(header);
    ensure(same.is_none(), INVARIANT, || {
        let (producer, sequence) = (header.producer_id, header.base_sequence);
        let first = same.map_or(-1, |batch| batch.header.base_offset);
        format!(
            "{of}: sequence {sequence} of producer {producer} was appended at {first} and at {}",
            header.base_offset
        )
    })
}

/// `header` was answered as a duplicate of the batch at `first`.
pub(crate) fn answered(
    of: &TopicPartition,
    model: &Partition,
    header: &Header,
    first: Offset,
) -> Check {
    if first < model.start || model.has_gaps() {
        return Ok(());
    }
    let at = model.same(header).map(|batch| batch.header.base_offset);
    ensure(at == Some(first), INVARIANT, || {
        let (producer, sequence) = (header.producer_id, header.base_sequence);
        format!(
            "{of}: sequence {sequence} of producer {producer} was answered as a duplicate of \
             {first}; it is at {at:?}"
        )
    })
}

/// `header` was refused.
pub(crate) fn refused(
    of: &TopicPartition,
    model: &Partition,
    header: &Header,
    code: ErrorCode,
) -> Check {
    if code != ErrorCode::OutOfOrderSequenceNumber || header.producer_id < 0 {
        return Ok(());
    }
    let newest = model.newest_of(header.producer_id);
    let goes_on = newest.is_some_and(|newest| {
        newest.producer_epoch == header.producer_epoch
            && newest.last_sequence().wrapping_add(1) == header.base_sequence
    });
    ensure(!goes_on, INVARIANT, || {
        let (producer, sequence) = (header.producer_id, header.base_sequence);
        format!("{of}: sequence {sequence} of producer {producer} goes on and was refused")
    })
}

/// `bytes` is all of a log behind `start` that was compacted: the last batch of every producer that
/// is known must be there, or the next start forgets what it has sent.
pub(crate) fn remembered(
    of: &TopicPartition,
    bytes: &[u8],
    start: Offset,
    newest: &BTreeMap<i64, Offset>,
) -> Check {
    let there: BTreeSet<_> = batches(bytes)
        .flatten()
        .map(|(header, _)| (header.producer_id, header.last_offset()))
        .collect();
    for (producer, last) in newest.iter().filter(|(_, last)| **last >= start) {
        ensure(there.contains(&(*producer, *last)), INVARIANT, || {
            format!("{of}: compaction took the last batch of producer {producer}, at {last}")
        })?;
    }
    Ok(())
}
