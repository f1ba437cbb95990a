//! The wall clock jumps; the monotonic one does not notice.

use crate::{counter::Rare, invariant::Check, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let by = world.env.time.between(-3_600_000, 3_600_000);
    world.env.counters.note_if(by < 0, Rare::WallClockWentBack);
    world.env.pass(1, by);
    world.env.trace.note(format_args!("  by {by} ms"));
    Ok(())
}
