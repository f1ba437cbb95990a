//! One of the next syncs fails, and what it should have written is gone.

use super::fill_disk::arm;
use crate::{invariant::Check, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let after = world.env.faults.below(6) as u64;
    world.env.trace.note(format_args!("  after {after}"));
    arm(world, |faults| faults.syncs_until_failure = Some(after));
    Ok(())
}
