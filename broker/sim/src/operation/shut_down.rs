//! The broker is asked to end, and started again.

use crate::{invariant::Check, world::World};

pub(super) fn run(world: &mut World) -> Check {
    world.shut_down()
}
