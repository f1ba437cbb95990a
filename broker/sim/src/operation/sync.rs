//! The committer gets round to a partition.

use crate::{
    counter::Rare,
    invariant::{Check, poison},
    producer::Fate,
    world::World,
};

pub(super) fn run(world: &mut World) -> Check {
    if world.step < world.slow_until {
        return Ok(());
    }
    let Some(broker) = &mut world.broker else { return Ok(()) };
    let told = broker.partitions.iter().filter(|(_, served)| served.done.is_some());
    let told: Vec<_> = told.map(|(of, _)| of.clone()).collect();
    for of in told {
        world.env.counters.note(Rare::SyncToldLate);
        broker.tell(&mut world.env, &of);
    }
    let waiting = broker.partitions.iter().filter(|(_, served)| served.handed.is_some());
    let waiting: Vec<_> = waiting.map(|(of, _)| of.clone()).collect();
    if let Some(of) = world.env.workload.choose(&waiting) {
        let late = world.env.workload.chance(world.env.parameters.tell_late);
        broker.sync(&mut world.env, of, late)?;
    }
    settle(world)
}

/// Tells producers what became of their batches.
pub(crate) fn settle(world: &mut World) -> Check {
    let Some(broker) = &mut world.broker else { return Ok(()) };
    for settled in std::mem::take(&mut broker.settled) {
        if settled.acknowledged {
            poison::acknowledged(&settled.of, settled.failures)?;
        }
        let fate = if settled.acknowledged { Fate::Acknowledged } else { Fate::Unknown };
        let producer = world.producers.get_mut(settled.sender.producer);
        let lane = producer.and_then(|producer| producer.lanes.get_mut(&settled.of));
        if let Some(lane) = lane {
            lane.settle(settled.sender.sequence, fate);
        }
    }
    super::member::hear(world)
}
