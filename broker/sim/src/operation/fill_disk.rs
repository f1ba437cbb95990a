//! The disk has room for little more.

use kastellan_log::disk::Faults;

use crate::{counter::Rare, invariant::Check, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let used = world.env.disk.memory().used();
    let room = world.env.faults.below(6_000) as u64;
    world.env.counters.note(Rare::DiskFilledUp);
    arm(world, |faults| faults.capacity = Some(used + room));
    Ok(())
}

/// Adds to what will go wrong.
pub(super) fn arm(world: &World, change: impl FnOnce(&mut Faults)) {
    let disk = world.env.disk.memory();
    let mut faults = disk.faults();
    change(&mut faults);
    disk.set_faults(faults);
}
