//! In fsync mode every acknowledged record survives any crash, of all nodes at once if need be.
//!
//! The claim of `durability: fsync` in `reliability.md` 1.8 and section 6 of the design. Told by
//! the answers that producers got, not by what the broker believes to have synced.

use kastellan_core::{
    id::{Offset, TopicPartition},
    partition::Durability,
};

use super::{Check, Invariant, ensure};
use crate::model::Partition;

/// Holds the end that recovery found against the acknowledgements.
pub(crate) fn check(of: &TopicPartition, model: &Partition, recovered: Offset) -> Check {
    if model.durability != Durability::Fsync {
        return Ok(());
    }
    let lost = model.batches.values().find(|batch| {
        let header = &batch.header;
        batch.acknowledged
            && header.next_offset() > recovered
            && header.last_offset() >= model.start
    });
    ensure(lost.is_none(), Invariant::FsyncSurvivesEveryCrash, || {
        let at = lost.map_or(-1, |batch| batch.header.base_offset);
        format!("{of} ends at {recovered}, and the batch at {at} was acknowledged")
    })
}
