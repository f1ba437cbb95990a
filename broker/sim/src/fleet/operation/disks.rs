//! Disks that fail, are slow, or lose their power in the middle of something.

use kastellan_core::machine::Millis;
use kastellan_log::disk::Faults;

use crate::fleet::{invariant::Check, world::World};

/// After some more changes of the disk nothing works until the node dies.
pub(super) fn cut_power_soon(world: &mut World) -> Check {
    let id = world.any();
    world.with(id, |node, env| {
        let after = env.faults.below(20) as u64;
        let block = Some(env.parameters.block);
        let operations_until_power_cut = Some(after);
        let faults = Faults { operations_until_power_cut, block, ..Faults::default() };
        node.disk.memory().set_faults(faults);
        Ok(())
    })
}

pub(super) fn fail(world: &mut World) -> Check {
    let id = world.any();
    world.with(id, |node, env| {
        let after = Some(env.faults.below(5) as u64);
        let block = Some(env.parameters.block);
        let faults = if env.faults.chance(50) {
            Faults { syncs_until_failure: after, block, ..Faults::default() }
        } else {
            Faults { writes_until_failure: after, block, ..Faults::default() }
        };
        node.disk.memory().set_faults(faults);
        Ok(())
    })
}

pub(super) fn slow(world: &mut World) -> Check {
    let id = world.any();
    world.with(id, |node, env| {
        node.slow_until = Millis(env.now.0 + 500 + env.time.below(4_000) as u64);
        Ok(())
    })
}

pub(super) fn mend(world: &mut World) -> Check {
    for id in world.ids() {
        world.with(id, |node, env| {
            if node.disk.memory().faults().operations_until_power_cut != Some(0) {
                node.mend(env);
            }
            node.slow_until = Millis::ZERO;
            Ok(())
        })?;
    }
    Ok(())
}
