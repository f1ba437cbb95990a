//! Once committed, an offset holds the same bytes for ever, on every replica that shows it, and
//! none is left out.

use kastellan_core::id::{BrokerId, Offset};

use super::{Check, Invariant, ensure};
use crate::replication::history::{Batch, Partition};

pub(in super::super) fn check(
    (id, index): (BrokerId, i32),
    history: &Partition,
    (base, batch): (Offset, Batch),
    leads: bool,
) -> Check {
    let what = || format!("partition {index} on broker {} at {base}: ", id.0);
    if let Some(known) = history.committed.get(&base) {
        return ensure(known.hash == batch.hash, Invariant::CommittedNeverChanges, || {
            what() + &format!("{known:?} was committed, {batch:?} is shown")
        });
    }
    let end = history.end();
    ensure(base == end, Invariant::CommittedNeverChanges, || {
        what() + &format!("committed is everything up to {end}")
    })?;
    ensure(leads, Invariant::CommittedNeverChanges, || {
        what() + "a follower shows what no leader has committed"
    })
}
