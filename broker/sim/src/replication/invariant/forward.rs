//! While a broker runs, no high watermark falls: what a reader was shown stays shown.

use kastellan_core::id::{BrokerId, Offset};

use super::{Check, Invariant, ensure};

pub(in super::super) fn check(id: BrokerId, index: i32, before: Offset, now: Offset) -> Check {
    ensure(before <= now, Invariant::HighWatermarksMoveForward, || {
        format!("partition {index} on broker {}: from {before} back to {now}", id.0)
    })
}
