//! Recovery trusts only a clean shutdown: after anything else it reads what was not synced.
//!
//! KIP-966 (unclean shutdowns are told from clean ones) and section 6 of the design.

use kastellan_core::id::TopicPartition;
use kastellan_log::Recovery;

use super::{Check, Invariant, ensure};
use crate::model::Ending;

const INVARIANT: Invariant = Invariant::RecoveryTrustsOnlyACleanShutdown;

/// The directory was opened.
pub(crate) fn directory(was_clean: bool, ending: Ending) -> Check {
    ensure(was_clean == (ending == Ending::Clean), INVARIANT, || {
        format!("the directory was opened after {ending:?}, and says that clean is {was_clean}")
    })
}

/// A log was opened that has `bytes` in its newest segment.
pub(crate) fn log(of: &TopicPartition, recovery: Recovery, bytes: u64, ending: Ending) -> Check {
    let cut = recovery.dropped_bytes > 0 || recovery.dropped_segments > 0;
    ensure(!(cut && ending == Ending::Clean), INVARIANT, || {
        format!("{of}: {recovery:?} after a clean shutdown")
    })?;
    let read = recovery.scanned_bytes > 0 || bytes == 0;
    ensure(read || ending == Ending::Clean, INVARIANT, || {
        format!("{of}: {bytes} bytes were not read after {ending:?}")
    })
}
