//! Whoever asks a leader for the newest offset is told none from before what somebody was told
//! earlier, or that it is not known yet (KIP-207).

use kastellan_core::id::Offset;

use super::{Check, Invariant, ensure};

pub(in super::super) fn check(index: i32, earlier: Offset, latest: Offset) -> Check {
    ensure(latest >= earlier, Invariant::TheNewestOffsetIsRecent, || {
        format!("partition {index}: {latest} is the newest, and earlier {earlier} was")
    })
}
