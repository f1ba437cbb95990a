//! Of each idempotent producer every batch is committed once, in the order in which it was sent.
//! Only what was deleted may come once more, by a leader whose replica is younger than that.

use kastellan_protocol::batch::Header;

use super::{Check, Invariant, ensure};
use crate::replication::history::Partition;

pub(in super::super) fn check(index: i32, history: &mut Partition, header: &Header) -> Check {
    if header.producer_id < 0 {
        return Ok(());
    }
    let (producer, sequence) = (header.producer_id, header.base_sequence);
    if history.repeatable.contains(&(producer, sequence)) {
        return Ok(());
    }
    let before = history.sequences.insert(producer, sequence);
    let expected = before.map_or(0, |before| before + 1);
    ensure(sequence == expected, Invariant::RetriesAreNotDuplicated, || {
        format!(
            "partition {index} at {}: producer {producer} has sequence {sequence}, {expected} \
             follows",
            header.base_offset
        )
    })
}
