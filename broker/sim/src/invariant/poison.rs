//! After the first failed write or sync nothing is acknowledged, until the next start.
//!
//! "fsyncgate": trying again proves nothing (`reliability.md` 3.3, D2 of 7.2).

use kastellan_core::id::TopicPartition;

use super::{Check, Invariant, ensure};

/// A batch that is new was acknowledged while the disk had failed `failures` times in this life.
pub(crate) fn acknowledged(of: &TopicPartition, failures: u64) -> Check {
    ensure(failures == 0, Invariant::PoisonIsFinal, || {
        format!("{of}: a batch was acknowledged after {failures} failures of the disk")
    })
}

/// The disk has failed; does the directory know?
pub(crate) fn noticed(failures: u64, poisoned: bool) -> Check {
    ensure(failures == 0 || poisoned, Invariant::PoisonIsFinal, || {
        format!("the disk failed {failures} times, and the directory takes writes")
    })
}
