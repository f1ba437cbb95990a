//! A snapshot holds what is committed before its end, all of it and nothing else.

use super::{Check, Invariant, ensure};
use crate::fleet::env::Env;
use kastellan_core::{id::BrokerId, quorum::SnapshotId};

pub(crate) fn check(env: &mut Env, node: BrokerId, snapshot: SnapshotId, digest: u64) -> Check {
    env.counters.compared(Invariant::SnapshotsHoldWhatIsCommitted);
    let known = env.model.digests.get(&snapshot.end).copied();
    ensure(known == Some(digest), Invariant::SnapshotsHoldWhatIsCommitted, || {
        format!(
            "{node:?} has {digest:x} in {snapshot:?}, committed is {known:x?} up to {}",
            env.model.committed_end()
        )
    })
}
