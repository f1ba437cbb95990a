//! The second phase: nothing breaks any more, and the fleet has to serve.

use std::collections::BTreeMap;

use kastellan_core::{id::BrokerId, machine::Millis};

use super::{
    invariant::{Check, Invariant, acknowledged, heals, stable_leader},
    net::NetFaults,
    world::World,
};

/// How many election timeouts the fleet has until it serves.
const PATIENCE: u64 = 40;
/// How many elections it may need.
const ELECTIONS: u64 = 12;
/// Records that have to be committed.
const RECORDS: usize = 5;

pub(super) fn run(world: &mut World) -> Check {
    mend(world)?;
    let election = millis(world.env.parameters.timeouts.election);
    let begun = world.env.now;
    let elections = world.env.counters.elections;
    let until = Millis(begun.0 + election * PATIENCE);
    settle(world, until)?;
    let held = world.env.counters.elections - elections;
    if held > ELECTIONS {
        return Err(heals::failed("electing", format!("{held} elections")));
    }
    serve(world, until)?;
    disturb(world)?;
    let until = Millis(world.env.now.0 + election * PATIENCE);
    serve(world, until)?;
    world.compare()?;
    for id in world.ids() {
        world.with(id, |node, env| match &node.life {
            Some(life) => acknowledged::check(env, node.key.id, life),
            None => Ok(()),
        })?;
    }
    Ok(())
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Ends every fault.
fn mend(world: &mut World) -> Check {
    world.refusing = None;
    world.env.net.heal();
    world.env.net.set_faults(NetFaults::NONE);
    // who is far behind is not to need a round trip for every batch
    (world.env.parameters.fetch, world.env.parameters.part) = (1 << 20, 1 << 20);
    for id in world.ids() {
        world.with(id, |node, env| {
            node.slow_until = Millis::ZERO;
            node.paused_until = Millis::ZERO;
            node.clock.skew(env.now, 100);
            if node.disk.memory().faults().operations_until_power_cut == Some(0) {
                node.die(env, super::node::End::PowerCut);
            }
            node.mend(env);
            if node.life.is_none() {
                node.start(env)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Waits until somebody leads with all that was committed before.
fn settle(world: &mut World, until: Millis) -> Check {
    while !is_settled(world) {
        if world.env.now >= until {
            return Err(heals::failed("electing a leader", state(world)));
        }
        world.run_until(Millis(world.env.now.0 + 10))?;
    }
    Ok(())
}

fn is_settled(world: &World) -> bool {
    let leader = world.leader().and_then(|(id, _)| world.nodes.get(&id)?.life.as_ref());
    leader.is_some_and(|life| life.quorum.settled().is_some())
}

/// Proposes, and waits until all have it and know that it is committed.
fn serve(world: &mut World, until: Millis) -> Check {
    for _ in 0..RECORDS {
        settle(world, until)?;
        let Some((leader, _)) = world.leader() else { continue };
        world.with(leader, |node, env| node.propose(env, 1))?;
        world.run_until(Millis(world.env.now.0 + 10))?;
    }
    while !agree(world) {
        if world.env.now >= until {
            return Err(heals::failed("committing everywhere", state(world)));
        }
        world.run_until(Millis(world.env.now.0 + 10))?;
    }
    world.env.counters.compared(Invariant::ServesAgainOnceHealed);
    Ok(())
}

/// Whether everybody has the whole log and knows all of it to be committed.
fn agree(world: &World) -> bool {
    let ends = world.lives().map(|(_, life)| {
        let log = life.quorum.log();
        (log.end, log.synced, life.quorum.high_watermark())
    });
    let ends: Vec<_> = ends.collect();
    let (all, first) = (ends.len() == world.nodes.len(), ends.first().copied());
    let whole = first.is_some_and(|(end, synced, committed)| end == synced && end == committed);
    all && whole && ends.iter().all(|one| Some(*one) == first)
}

/// Cuts one follower off, in one way or another, and lets it come back: the leader stays.
fn disturb(world: &mut World) -> Check {
    let Some((leader, epoch)) = world.leader() else { return Ok(()) };
    let others: Vec<BrokerId> = world.ids().into_iter().filter(|id| *id != leader).collect();
    let Some(victim) = world.env.faults.choose(&others).copied() else { return Ok(()) };
    let voters = world.nodes.get(&leader).and_then(|node| node.life.as_ref());
    let voters = voters.map_or(0, |life| life.quorum.voters().len());
    let all = world.ids();
    let fetch = millis(world.env.parameters.timeouts.fetch);
    let ways = [("a follower did not hear its leader", true), ("a follower was alone", false)];
    for (what, one_way) in ways {
        // without this follower there has to be a majority
        if voters == 2 {
            continue;
        }
        if one_way {
            world.env.net.cut(leader, victim);
        } else {
            world.env.net.isolate(victim, &all);
        }
        world.run_until(Millis(world.env.now.0 + fetch * 6))?;
        world.env.net.heal();
        world.run_until(Millis(world.env.now.0 + fetch * 3))?;
        let after = world.leader().map_or(-1, |(_, epoch)| epoch);
        stable_leader::check(&mut world.env, epoch, after, what)?;
    }
    world.refusing = Some(leader);
    world.run_until(Millis(world.env.now.0 + fetch * 3))?;
    let after = world.leader().map_or(-1, |(_, epoch)| epoch);
    stable_leader::check(&mut world.env, epoch, after, "a follower was refused")
}

fn state(world: &World) -> BTreeMap<i32, String> {
    let state = world.nodes.values().map(|node| {
        let life = node.life.as_ref().map(|life| {
            let log = life.quorum.log();
            let voters: Vec<_> = life.quorum.voters().iter().map(|it| it.key.id.0).collect();
            format!(
                "{:?}, log {}..{} synced {} epoch {}, committed {}, voters {voters:?}",
                life.quorum.part(),
                log.start,
                log.end,
                log.synced,
                log.last_epoch(),
                life.quorum.high_watermark()
            )
        });
        (node.key.id.0, life.unwrap_or_else(|| "down".to_owned()))
    });
    state.collect()
}
