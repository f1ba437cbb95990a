//! Voters that come and go.

use kastellan_core::{
    id::BrokerId,
    quorum::{Request, Voters},
};

use crate::fleet::{
    counter::Rare,
    invariant::Check,
    node::{Packet, voter},
    world::World,
};

/// Where answers to an operator go; nobody listens there.
const OPERATOR: BrokerId = BrokerId(-1);

pub(super) fn add(world: &mut World) -> Check {
    let Some((leader, voters)) = leader_and_voters(world) else { return Ok(()) };
    let missing: Vec<_> = world.ids().into_iter().filter(|id| voters.get(*id).is_none()).collect();
    let Some(id) = world.env.workload.choose(&missing).copied() else { return Ok(()) };
    ask(world, leader, Request::AddRaftVoter(voter(id.0)))
}

pub(super) fn remove(world: &mut World) -> Check {
    let Some((leader, voters)) = leader_and_voters(world) else { return Ok(()) };
    let keys: Vec<_> = voters.iter().map(|voter| voter.key).collect();
    let Some(key) = world.env.workload.choose(&keys).copied() else { return Ok(()) };
    if keys.len() > 1 {
        world.env.counters.note_if(key.id == leader, Rare::LeaderRemoved);
    }
    ask(world, leader, Request::RemoveRaftVoter(key))
}

fn leader_and_voters(world: &World) -> Option<(BrokerId, Voters)> {
    let (leader, _) = world.leader()?;
    let life = world.nodes.get(&leader)?.life.as_ref()?;
    Some((leader, life.quorum.voters().clone()))
}

fn ask(world: &mut World, leader: BrokerId, request: Request) -> Check {
    world.env.note(leader, format_args!("is asked for {request:?}"));
    let packet = Packet::Request { correlation: 0, request };
    world.with(leader, |node, env| node.receive(env, OPERATOR, packet))
}
