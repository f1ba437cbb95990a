//! The power will be cut in the middle of whatever changes the disk next.

use super::{Operation, fill_disk::arm};
use crate::{counter::Rare, invariant::Check, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let after = world.env.faults.below(12) as u64;
    arm(world, |faults| faults.operations_until_power_cut = Some(1 + after));
    // often in the middle of something that takes many steps
    let victims = [
        (Operation::Truncate, Some(Rare::CrashDuringTruncation)),
        (Operation::Compact, Some(Rare::CrashDuringCompaction)),
        (Operation::ShutDown, None),
        (Operation::Retain, None),
        (Operation::CreateTopic, None),
        (Operation::DeleteTopic, None),
    ];
    let Some((victim, rare)) = world.env.faults.choose(&victims).copied() else { return Ok(()) };
    if world.env.faults.chance(50) {
        victim.run(world)?;
        if let Some(rare) = rare {
            let cut = world.power_is_cut();
            world.env.counters.note_if(cut, rare);
        }
    }
    Ok(())
}
