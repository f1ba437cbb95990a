//! One of the next writes fails half-way.

use super::fill_disk::arm;
use crate::{invariant::Check, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let after = world.env.faults.below(8) as u64;
    arm(world, |faults| faults.writes_until_failure = Some(after));
    Ok(())
}
