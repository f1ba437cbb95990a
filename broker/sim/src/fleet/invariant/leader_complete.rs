//! Whoever is elected has everything that was committed in earlier epochs (Raft: leader
//! completeness).

use super::{Check, Invariant, ensure};
use crate::fleet::{env::Env, life::Life, model::Committed};
use kastellan_core::{id::BrokerId, log::Log as _};

pub(crate) fn check(env: &mut Env, node: BrokerId, life: &Life) -> Check {
    env.counters.compared(Invariant::LeadersHaveAllThatIsCommitted);
    let (start, end) = (life.log.start(), env.model.committed_before(life.quorum.epoch()));
    let mut missing = None;
    let mut has = start;
    let read = life.log.for_each_header(start, |header| {
        let batch = Committed::of(header);
        let known = env.model.committed.get(&header.base_offset);
        if header.base_offset < end && known != Some(&batch) {
            missing.get_or_insert(header.base_offset);
        }
        has = batch.next;
    });
    let broken = read.err().map(|error| error.to_string());
    let complete = missing.is_none() && has >= end && broken.is_none();
    ensure(complete, Invariant::LeadersHaveAllThatIsCommitted, || {
        format!(
            "{node:?} was elected with {start}..{has}, committed is {end}, other at {missing:?} \
             {broken:?}"
        )
    })
}
