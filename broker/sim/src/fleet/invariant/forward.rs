//! A high watermark never falls while its process lives, nor an epoch ever (KRaft:
//! `MonotonicHighWatermark`, `MonotonicEpoch`).

use kastellan_core::id::{BrokerId, LeaderEpoch, Offset};

use super::{Check, Invariant, ensure};
use crate::fleet::env::Env;

pub(crate) fn check(
    env: &mut Env,
    node: BrokerId,
    before: (LeaderEpoch, Offset),
    after: (LeaderEpoch, Offset),
) -> Check {
    env.counters.compared(Invariant::EndsMoveForward);
    let forward = after.0 >= before.0 && after.1 >= before.1;
    ensure(forward, Invariant::EndsMoveForward, || {
        format!("{node:?} went from (epoch, high watermark) {before:?} to {after:?}")
    })
}
