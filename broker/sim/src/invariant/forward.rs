//! Start offset and high watermark only move forward, and stay in order.
//!
//! Kafka's replication design, `MonotonicHighWatermark` among the KRaft invariants, and C11 of
//! `reliability.md` 5.3. In fsync mode that holds across every crash, since readers have seen it.

use kastellan_core::{
    id::{Offset, TopicPartition},
    partition::Durability,
};

use super::{Check, Invariant, ensure};
use crate::model::{Ending, Partition};

const INVARIANT: Invariant = Invariant::EndsMoveForward;

/// Where a partition begins and ends now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) start: Offset,
    pub(crate) high_watermark: Offset,
    pub(crate) end: Offset,
}

/// After each step.
pub(crate) fn check(of: &TopicPartition, model: &Partition, ends: Ends) -> Check {
    let Ends { start, high_watermark, end } = ends;
    ensure(start <= high_watermark && high_watermark <= end, INVARIANT, || {
        format!("{of}: start, high watermark and end are out of order: {ends:?}")
    })?;
    ensure(start == model.start, INVARIANT, || {
        format!("{of} starts at {start}, and should at {}", model.start)
    })?;
    ensure(high_watermark >= model.high_watermark, INVARIANT, || {
        let before = model.high_watermark;
        format!("{of}: the high watermark went from {before} to {high_watermark}")
    })?;
    let refused = model.refused.as_ref().map(|batch| batch.header.next_offset());
    let known = end == model.end || Some(end) == refused || model.half_truncated.is_some();
    ensure(known, INVARIANT, || format!("{of} ends at {end}, and should at {}", model.end))
}

/// After recovery, which found `ends`.
pub(crate) fn recovered(
    of: &TopicPartition,
    model: &Partition,
    ends: Ends,
    ending: Ending,
) -> Check {
    let least = if ending == Ending::Clean { model.start } else { model.durable_start };
    ensure(ends.start >= least && ends.start <= model.start, INVARIANT, || {
        let most = model.start;
        format!("{of} starts at {} after {ending:?}, not in {least}..={most}", ends.start)
    })?;
    let seen = model.boundary(model.high_watermark);
    let fsync = model.durability == Durability::Fsync && model.half_truncated.is_none();
    ensure(!fsync || ends.high_watermark >= seen, INVARIANT, || {
        let now = ends.high_watermark;
        format!("{of}: readers had seen everything up to {seen}, after {ending:?} up to {now}")
    })
}
