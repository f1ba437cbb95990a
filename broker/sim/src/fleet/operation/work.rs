//! What a quorum is there for: records, snapshots, and handing over.

use kastellan_core::quorum::Event;

use crate::fleet::{
    counter::Rare,
    invariant::Check,
    node::{End, Node},
    world::World,
};

/// A client's records go to whoever believes to lead.
pub(super) fn propose(world: &mut World) -> Check {
    let leading: Vec<_> = world
        .lives()
        .filter(|(node, life)| life.quorum.leads().is_some() && node.paused_until <= world.env.now)
        .map(|(node, _)| node.key.id)
        .collect();
    let Some(id) = world.env.workload.choose(&leading).copied() else { return Ok(()) };
    let records = 1 + world.env.workload.below(3);
    world.with(id, |node, env| node.propose(env, records))
}

pub(super) fn snapshot(world: &mut World) -> Check {
    let id = match world.leader() {
        Some((leader, _)) if world.env.workload.chance(50) => leader,
        _ => world.any(),
    };
    world.with(id, Node::take_snapshot)
}

/// A leader that is about to stop hands over; then it does stop.
pub(super) fn resign(world: &mut World) -> Check {
    let Some((leader, _)) = world.leader() else { return Ok(()) };
    world.env.counters.note(Rare::LeaderHandedOver);
    world.with(leader, |node, env| {
        node.handle(env, Event::Resign)?;
        if node.life.is_some() {
            node.die(env, End::Killed);
        }
        Ok(())
    })
}
