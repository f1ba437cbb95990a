//! An admin deletes records before an offset, which may lie in the middle of a batch.

use kastellan_core::log::Log as _;

use super::retain::{moved, remove};
use crate::{counter::Rare, invariant::Check, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    if env.model.partitions.get(&of).is_none_or(|model| model.config.compact) {
        return Ok(());
    }
    let Some(served) = broker.partitions.get_mut(&of) else { return Ok(()) };
    let (start, until) = (served.machine.log().start(), served.machine.high_watermark());
    let to = env.workload.between(start, until + 1);
    let outcome = served.machine.log_mut().advance_start(to);
    env.trace.note(format_args!("  {of} to {to} {outcome:?}"));
    moved(broker, env, &of)?;
    if outcome.is_ok() && to > start {
        env.counters.note(Rare::RecordsDeletedInsideASegment);
        if env.workload.chance(50) {
            return remove(broker, env, &of);
        }
    }
    Ok(())
}
