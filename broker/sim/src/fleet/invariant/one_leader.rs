//! Nobody leads in an epoch in which somebody else was elected (Raft: election safety).

use kastellan_core::id::{BrokerId, LeaderEpoch};

use super::{Check, Invariant, ensure};
use crate::fleet::env::Env;

pub(crate) fn check(env: &mut Env, epoch: LeaderEpoch, leader: BrokerId) -> Check {
    env.counters.compared(Invariant::OneLeaderPerEpoch);
    let first = *env.model.leaders.entry(epoch).or_insert(leader);
    ensure(first == leader, Invariant::OneLeaderPerEpoch, || {
        format!("{first:?} and {leader:?} were elected in epoch {epoch}")
    })
}
