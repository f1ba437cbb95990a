//! A topic's segments get another size; a smaller one makes the next append roll.

use crate::{invariant::Check, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    let segment_bytes = world.env.workload.pick(&[1, 500, 3_000, 50_000], 500);
    let World { broker: Some(broker), .. } = world else { return Ok(()) };
    if let Some(served) = broker.partitions.get_mut(&of) {
        let config = served.machine.log().config().clone();
        let config = kastellan_log::Config { segment_bytes, ..config };
        served.machine.log_mut().set_config(config);
    }
    Ok(())
}
