//! Clocks that run fast or slow, and wall clocks that jump.

use crate::fleet::{invariant::Check, world::World};

pub(super) fn jump(world: &mut World) -> Check {
    let id = world.any();
    let by = world.env.time.between(-100_000, 100_000);
    world.with(id, |node, _| {
        node.clock.jump(by);
        Ok(())
    })
}

pub(super) fn skew(world: &mut World) -> Check {
    let id = world.any();
    let rate = world.env.time.pick(&[80, 95, 100, 105, 125], 100);
    world.with(id, |node, env| {
        node.clock.skew(env.now, rate);
        Ok(())
    })
}
