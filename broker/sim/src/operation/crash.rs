//! The process dies, or the power fails.

use crate::{invariant::Check, model::Ending, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let killed = world.env.faults.chance(world.env.parameters.kill);
    let ending = if killed { Ending::Killed } else { Ending::PowerCut };
    world.env.trace.note(format_args!("  {ending:?}"));
    world.crash(ending)
}
