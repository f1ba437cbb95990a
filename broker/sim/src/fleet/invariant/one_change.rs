//! Committed sets of voters differ by one voter from the one before (KIP-853): so their majorities
//! overlap.

use std::collections::BTreeSet;

use kastellan_core::{
    id::Offset,
    quorum::{ReplicaKey, Voters},
};

use super::{Check, Invariant, ensure};
use crate::fleet::env::Env;

pub(crate) fn check(env: &mut Env, at: Offset, voters: &Voters) -> Check {
    if env.model.voters.contains_key(&at) {
        return Ok(());
    }
    if let Some((before_at, before)) = env.model.voters.last_key_value() {
        env.counters.compared(Invariant::VotersChangeOneAtATime);
        let ids = |voters: &Voters| {
            voters.iter().map(|voter| voter.key).collect::<BTreeSet<ReplicaKey>>()
        };
        let (old, new) = (ids(before), ids(voters));
        let nodes =
            |keys: &BTreeSet<ReplicaKey>| keys.iter().map(|key| key.id).collect::<BTreeSet<_>>();
        let differ = nodes(&old).symmetric_difference(&nodes(&new)).count();
        ensure(differ <= 1, Invariant::VotersChangeOneAtATime, || {
            format!("from {old:?} at {before_at} to {new:?} at {at}")
        })?;
    }
    env.model.voters.insert(at, voters.clone());
    Ok(())
}
