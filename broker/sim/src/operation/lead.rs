//! The partition is led in a newer epoch, which may end before anything is written in it.

use crate::{invariant::Check, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let Some(served) = broker.partitions.get_mut(&of) else { return Ok(()) };
    let further = i32::try_from(env.workload.between(1, 3)).unwrap_or(1);
    let epoch = served.machine.epoch() + further;
    served.lead(env.now.monotonic, epoch);
    env.trace.note(format_args!("  {of} in epoch {}", served.machine.epoch()));
    Ok(())
}
