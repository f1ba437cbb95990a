//! A leader that a majority follows stays, whatever a replica does that is cut off from it, or
//! comes back (KIP-996).

use super::{Check, Invariant, ensure};
use crate::fleet::env::Env;
use kastellan_core::id::LeaderEpoch;

pub(crate) fn check(env: &mut Env, before: LeaderEpoch, after: LeaderEpoch, what: &str) -> Check {
    env.counters.compared(Invariant::NobodyDisturbsALeader);
    ensure(before == after, Invariant::NobodyDisturbsALeader, || {
        format!("epoch {before} became {after} while {what}")
    })
}
