//! Everything that is not on the disk is handed to the committer.

use crate::{invariant::Check, world::World};

pub(super) fn run(world: &mut World) -> Check {
    if let Some(broker) = &mut world.broker {
        broker.hand_over_all();
    }
    Ok(())
}
