//! What a client was told is done is committed, and stays so.

use super::{Check, Invariant, ensure};
use crate::fleet::{env::Env, life::Life};
use kastellan_core::{id::BrokerId, log::Log as _};
use kastellan_protocol::batch::{Malformed, Scratch, for_each_record};

/// Holds a whole committed log against the answers.
pub(crate) fn check(env: &mut Env, node: BrokerId, life: &Life) -> Check {
    let mut found = std::collections::BTreeMap::new();
    let start = life.log.start();
    let read = life.log.for_each_batch(start, |header, batch| {
        if !header.is_control() {
            let read = for_each_record(batch, &mut Scratch::default(), |record| {
                let id = record.value.and_then(|value| value.first_chunk::<8>());
                found.insert(record.offset, id.map(|id| u64::from_le_bytes(*id)));
                Ok::<_, Malformed>(())
            });
            drop(read);
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
    drop(read);
    for (proposal, at) in &env.model.acknowledged {
        env.counters.compared(Invariant::AcknowledgedIsCommitted);
        let there = found.get(at).copied().flatten();
        ensure(
            *at < start || there == Some(*proposal),
            Invariant::AcknowledgedIsCommitted,
            || format!("{node:?} has {there:?} at {at}, where {proposal} was acknowledged"),
        )?;
    }
    Ok(())
}
