//! Offsets are dense and grow: every record has the offset behind the one before it.
//!
//! Kafka's protocol guide: offsets are assigned to records one by one. Compaction may leave gaps
//! for readers, never for writers. C10 of `reliability.md` 5.3 (real-time order) follows.

use kastellan_core::id::{Offset, TopicPartition};
use kastellan_protocol::batch::Header;

use super::{Check, Invariant, ensure};
use crate::model::Partition;

/// An append went where it should.
pub(crate) fn appended(of: &TopicPartition, model: &Partition, first: Offset) -> Check {
    let end = model.end;
    ensure(first == end, Invariant::OffsetsAreDense, || {
        format!("{of}: a batch was put at {first}, the log ended at {end}")
    })
}

/// A batch was served where the reader was.
pub(crate) fn served(
    of: &TopicPartition,
    model: &Partition,
    header: &Header,
    expected: Offset,
    is_first: bool,
) -> Check {
    let (base, last) = (header.base_offset, header.last_offset());
    let fits = match (model.has_gaps(), is_first) {
        (true, true) => last >= expected,
        (true, false) => base >= expected,
        (false, true) => base <= expected && last >= expected,
        (false, false) => base == expected,
    };
    ensure(fits, Invariant::OffsetsAreDense, || {
        format!("{of}: the batch {base}..={last} was served, {expected} was next")
    })
}
