//! What was acknowledged with `acks=all` is committed at the offset that was told, and stays.

use kastellan_core::id::Offset;

use super::{Check, Invariant, ensure};
use crate::replication::history::Partition;

pub(in super::super) fn check(index: i32, history: &Partition, base: Offset) -> Check {
    ensure(history.committed.contains_key(&base), Invariant::AcknowledgedIsNotLost, || {
        let end = history.end();
        format!("partition {index} at {base} was acknowledged; committed is up to {end}")
    })
}
