//! The disk is so slow that no sync comes to its end for a while.

use crate::{invariant::Check, world::World};

pub(super) fn run(world: &mut World) -> Check {
    world.slow_until = world.step + world.env.faults.below(40);
    Ok(())
}
