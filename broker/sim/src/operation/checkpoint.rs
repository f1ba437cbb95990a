//! Recovery points and start offsets are written down, now and then the producers as well.

use kastellan_core::log::Log as _;

use crate::{invariant::Check, mutant::Mutant, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let snapshots = world.env.workload.chance(30);
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let mut checkpoints = Vec::new();
    for served in broker.partitions.values_mut() {
        let end = served.machine.log().end();
        if snapshots {
            let bytes = served.machine.producers().to_snapshot();
            drop(served.machine.log_mut().store_snapshot(end, &bytes));
        }
        let mut checkpoint = served.machine.log().checkpoints();
        if env.is(Mutant::CheckpointAhead) {
            checkpoint.durable_end = end;
        }
        if env.is(Mutant::ForgetLogStart) {
            checkpoint.start = 0;
        }
        checkpoints.push(checkpoint);
    }
    if broker.directory.write_checkpoints(&checkpoints).is_ok() {
        for model in env.model.partitions.values_mut() {
            model.durable_start = model.start;
        }
    }
    Ok(())
}
