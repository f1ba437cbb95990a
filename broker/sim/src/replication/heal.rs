//! After the faults: everything works again, and has to come right.

use std::ops::ControlFlow;

use kastellan_core::{id::BrokerId, log::Log as _, machine::Millis};

use super::{
    history::hash,
    invariant::{Check, Invariant, complete, equal, heals},
    world::World,
};

/// Milliseconds without progress after which everything has to be well: with the smallest fetches
/// over the slowest network a backlog takes longer than that, but it never stands still.
const PATIENCE: u64 = 40_000;
/// Milliseconds after which somebody is made leader where nobody may lead.
const STALEMATE: u64 = 8_000;
/// Milliseconds that it is left alone, to see what that costs.
const QUIET: u64 = 4_000;

/// Heals the world, and judges it.
pub(super) fn run(world: &mut World) -> Check {
    world.mend();
    world.env.trace.note(format_args!("{} healed", world.env.now.monotonic.0));
    let begun = world.env.now.monotonic.0;
    world.run_until(Millis(begun + 2_000))?;
    world.more = false;
    let mut forced = false;
    let (mut furthest, mut since) = (0, begun);
    while let Some(wrong) = what_is_wrong(world) {
        let now = world.env.now.monotonic.0;
        let reached = reached(world);
        if reached > furthest {
            (furthest, since) = (reached, now);
        }
        if now > begun + STALEMATE && !forced {
            forced = true;
            world.controller.elect_uncleanly(&world.env);
        }
        if now > since + PATIENCE {
            let brokers = &world.controller.cluster().brokers;
            return Err(heals::failed(format!("{wrong}; brokers {brokers:?}")));
        }
        world.run_until(Millis(now + 100))?;
    }
    world.env.counters.compared(Invariant::ServesAgainOnceHealed);
    compare(world)?;
    be_quiet(world)
}

/// How many records all replicas hold together. Who drops what it has and fetches it again gets no
/// further.
fn reached(world: &World) -> i64 {
    let up = world.nodes.values().filter_map(|node| node.up.as_ref());
    up.flat_map(|node| node.replicas.values()).map(|held| held.machine.log().end()).sum()
}

fn what_is_wrong(world: &World) -> Option<String> {
    let cluster = world.controller.cluster();
    for (index, partition) in &cluster.partitions {
        let Some(leader) = partition.leader else { return Some(format!("{index} has no leader")) };
        if partition.isr.len() < partition.replicas.len() || !partition.adding.is_empty() {
            return Some(format!("{index} is not in sync: {partition:?}"));
        }
        let ends = |id: &BrokerId| {
            let held = world.nodes.get(id)?.up.as_ref()?.replicas.get(index)?;
            Some((held.machine.log().end(), held.machine.high_watermark()))
        };
        let Some((end, _)) = ends(&leader) else { return Some(format!("{index} is not led")) };
        for id in &partition.replicas {
            if ends(id) != Some((end, end)) {
                return Some(format!("{index} on {id:?} has {:?}, the leader {end}", ends(id)));
            }
        }
    }
    let waits = world.producers.iter().find(|producer| !producer.is_idle());
    waits.map(|producer| format!("{producer:?} waits"))
}

fn compare(world: &mut World) -> Check {
    let cluster = std::rc::Rc::clone(world.controller.cluster());
    for (index, partition) in &cluster.partitions {
        let held = |id: &BrokerId| world.nodes.get(id)?.up.as_ref()?.replicas.get(index);
        let all: Vec<_> =
            partition.replicas.iter().filter_map(|id| Some((id, held(id)?))).collect();
        let start = all.iter().map(|(_, held)| held.machine.log().start()).max().unwrap_or(0);
        let contents = |held: &super::node::Held| {
            let mut contents = Vec::new();
            let read = held.machine.log().for_each_batch(start, |header, bytes| {
                contents.push((header.base_offset, hash(bytes)));
                ControlFlow::<()>::Continue(())
            });
            let _broke = read.expect("the disk works");
            contents
        };
        let Some((_, first)) = all.first() else { continue };
        let expected = contents(first);
        for (_, other) in &all {
            equal::check(*index, &expected, &contents(other))?;
            world.env.counters.compared(Invariant::ReplicasAreEqualOnceHealed);
        }
        let Some(history) = world.env.history.get(index) else { continue };
        if !world.env.excused.contains(index) {
            for (id, held) in all {
                complete::check(*id, *index, history, held)?;
                complete::check_bytes(*id, *index, history, held, history.start)?;
                let known = held.machine.producers().last_offsets();
                let ignorant = world.nodes.get(id).and_then(|node| node.ignorant.get(index));
                let ignorant = ignorant.copied().unwrap_or(0);
                let known_of = history.committed.range(ignorant..);
                let newest = known_of.filter(|(_, batch)| batch.producer >= 0);
                for (base, batch) in newest {
                    equal::producer(*index, *id, known.get(&batch.producer).copied(), *base)?;
                }
            }
        }
    }
    Ok(())
}

/// An idle fleet asks no more than its sessions need.
fn be_quiet(world: &mut World) -> Check {
    let before = world.env.net.traffic().sent;
    let began = world.env.now.monotonic.0;
    world.consumers.clear();
    world.run_until(Millis(began + QUIET))?;
    let sent = world.env.net.traffic().sent - before;
    let brokers = world.nodes.len() as u64;
    let beat = u64::try_from(world.env.parameters.heartbeat.as_millis()).unwrap_or(1).max(1);
    // per second: five polls to each other broker, and heartbeats, each with its answer
    let most = QUIET / 1_000 * brokers * (2 * 6 * (brokers - 1) + 2 * (1_000 / beat + 1));
    if sent > most {
        return Err(heals::failed(format!(
            "{sent} messages while nothing happens, {most} will do"
        )));
    }
    Ok(())
}
