//! Whoever follows somebody in an epoch follows the one that was elected in it.

use kastellan_core::quorum::Part;

use super::{Check, Invariant, ensure};
use crate::fleet::env::Env;

pub(crate) fn check(env: &mut Env, node: kastellan_core::id::BrokerId, part: Part) -> Check {
    let Some(leader) = part.leader else { return Ok(()) };
    env.counters.compared(Invariant::FollowersFollowWhoWasElected);
    let elected = env.model.leaders.get(&part.epoch).copied();
    ensure(elected == Some(leader), Invariant::FollowersFollowWhoWasElected, || {
        format!("{node:?} follows {leader:?} in epoch {}, elected was {elected:?}", part.epoch)
    })
}
