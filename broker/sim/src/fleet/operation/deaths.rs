//! Processes that die, one that is stopped for a while, and one that only seems to be dead.

use kastellan_core::machine::Millis;

use crate::fleet::{counter::Rare, invariant::Check, node::End, world::World};

pub(super) fn crash(world: &mut World) -> Check {
    end_one(world, End::PowerCut)
}

pub(super) fn kill(world: &mut World) -> Check {
    end_one(world, End::Killed)
}

fn end_one(world: &mut World, end: End) -> Check {
    let id = match world.leader() {
        Some((leader, _)) if world.env.faults.chance(40) => leader,
        _ => world.any(),
    };
    world.with(id, |node, env| {
        if node.life.is_some() {
            node.die(env, end);
        }
        Ok(())
    })?;
    let down = world.nodes.values().filter(|node| node.life.is_none()).count();
    world.env.counters.note_if(down * 2 > world.nodes.len(), Rare::MajorityWasDown);
    Ok(())
}

/// The power of all nodes fails at once.
pub(super) fn crash_all(world: &mut World) -> Check {
    for id in world.ids() {
        world.with(id, |node, env| {
            if node.life.is_some() {
                node.die(env, End::PowerCut);
            }
            Ok(())
        })?;
    }
    world.env.counters.note(Rare::MajorityWasDown);
    Ok(())
}

pub(super) fn pause(world: &mut World) -> Check {
    let id = world.any();
    world.with(id, |node, env| {
        let most = usize::try_from(env.parameters.timeouts.fetch.as_millis()).unwrap_or(1) * 4;
        node.paused_until = Millis(env.now.0 + env.time.below(most) as u64);
        env.counters.note(Rare::NodePaused);
        Ok(())
    })
}

/// The leader refuses the next request that reaches it, as if its process were gone.
pub(super) fn refuse(world: &mut World) {
    world.refusing = world.leader().map(|(leader, _)| leader);
}
