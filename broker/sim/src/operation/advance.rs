//! Time passes; whoever waits for it is woken.

use kastellan_core::{group::Input, machine::Machine as _};

use super::member;
use crate::{invariant::Check, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let most = world.env.time.pick(&[10, 1_000, 30_000, 400_000], 10);
    let ms = world.env.time.between(0, most);
    world.env.pass(ms.unsigned_abs(), ms);
    tick(world)
}

/// Steps the coordinator when its time has come.
pub(super) fn tick(world: &mut World) -> Check {
    let Some(broker) = &mut world.broker else { return Ok(()) };
    let due = broker.groups.coordinator.deadline();
    if due.is_some_and(|due| due <= world.env.now.monotonic) {
        broker.coordinate(&mut world.env, Input::Tick)?;
    }
    member::hear(world)
}
