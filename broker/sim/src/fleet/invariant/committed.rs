//! What one replica knows to be committed is what every other one ever knows at that offset (Raft:
//! state machine safety; KRaft: `ConsistentCommittedData`).

use kastellan_core::id::{BrokerId, LeaderEpoch, Offset};

use super::{Check, Invariant, ensure};
use crate::fleet::{
    env::Env,
    model::{Committed, digest},
};

/// Holds a batch below a high watermark, as it is known in `epoch`, against what is known.
pub(crate) fn check(
    env: &mut Env,
    node: BrokerId,
    base: Offset,
    (batch, epoch): (Committed, LeaderEpoch),
) -> Check {
    env.counters.compared(Invariant::CommittedNeverChanges);
    let end = env.model.committed_end();
    if base == end {
        let before = env.model.digests.get(&end).copied().unwrap_or(0);
        env.model.committed.insert(base, batch);
        env.model.committed_in.insert(base, epoch);
        env.model.digests.insert(batch.next, digest(before, base, batch));
        return Ok(());
    }
    let known = env.model.committed.get(&base).copied();
    ensure(known == Some(batch), Invariant::CommittedNeverChanges, || {
        format!("{node:?} has {batch:?} at {base}, committed is {known:?}, up to {end}")
    })
}
