//! The second phase: nothing breaks any more, and everything has to work.

use kastellan_core::{
    group::{CommitOffsets, GroupId, Input, MemberId, OffsetToCommit, Reply},
    id::TopicPartition,
    log::Log as _,
    partition::Outcome,
};

use crate::{
    broker::Sender,
    invariant::{Check, Invariant, heals},
    model::Ending,
    operation::{Operation, fetch, sync},
    producer::{Origin, batch},
    world::World,
};

/// How often a topic is asked for; names may be taken or collide.
const TRIES: usize = 50;

pub(crate) fn run(world: &mut World) -> Check {
    world.mend_disk();
    world.slow_until = 0;
    if world.broker.as_ref().is_none_or(|broker| broker.directory.poisoned().is_some()) {
        let killed = world.env.faults.chance(50);
        world.crash(if killed { Ending::Killed } else { Ending::PowerCut })?;
        world.look()?;
    }
    for _ in 0..TRIES {
        if world.any_partition().is_none() {
            Operation::CreateTopic.run(world)?;
        }
    }
    if world.any_partition().is_none() {
        return Err(heals::failed("creating a topic", TRIES));
    }
    serve(world)?;
    for _ in 0..TRIES {
        Operation::FinishRead.run(world)?;
    }
    // whatever was acknowledged by now was synced, too
    world.crash(Ending::PowerCut)?;
    world.look()?;
    serve(world)?;
    world.shut_down()?;
    world.look()
}

/// Produces to every partition, reads everything, commits an offset.
fn serve(world: &mut World) -> Check {
    let names: Vec<_> = world.env.model.partitions.keys().cloned().collect();
    for of in names.iter().filter(|of| of.topic != crate::broker::OFFSETS) {
        produce(world, of)?;
    }
    sync_all(world)?;
    for of in &names {
        let World { broker: Some(broker), env, .. } = &mut *world else { continue };
        let Some(served) = broker.partitions.get(of) else {
            return Err(heals::failed("serving a partition", of));
        };
        let (mut from, end) = (served.machine.log().start(), served.machine.log().end());
        if served.machine.high_watermark() != end {
            return Err(heals::failed("committing", (of, served.ends())));
        }
        while from < end {
            let next = fetch::read(broker, env, of, from, 1 << 20)?;
            // compaction may have left nothing there, but never at the end
            from = if next > from { next } else { end };
        }
        env.counters.compared(Invariant::ServesAgainOnceHealed);
    }
    commit(world, names.first())
}

fn produce(world: &mut World, of: &TopicPartition) -> Check {
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let compacted = env.model.partitions.get(of).is_some_and(|it| it.config.compact);
    let origin = Origin { of, producer: None, wall: env.now.wall, compacted };
    let bytes = batch(&mut env.workload, &env.parameters, origin).finish();
    match broker.append(env, of, &bytes)? {
        Ok(outcome @ Outcome::Appended { .. }) => {
            let sender = Sender { producer: usize::MAX, sequence: -1 };
            broker.answer(env, of, sender, outcome);
            Ok(())
        }
        other => Err(heals::failed("producing", (of, other))),
    }
}

fn sync_all(world: &mut World) -> Check {
    if let Some(broker) = &mut world.broker {
        broker.hand_over_all();
        let names: Vec<_> = broker.partitions.keys().cloned().collect();
        for of in names {
            broker.tell(&mut world.env, &of);
            broker.sync(&mut world.env, &of, false)?;
        }
    }
    sync::settle(world)
}

fn commit(world: &mut World, of: Option<&TopicPartition>) -> Check {
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let Some(of) = of else { return Ok(()) };
    let ticket = env.model.groups.ticket();
    let offset = OffsetToCommit {
        topic: of.topic.clone(),
        topic_id: uuid::Uuid::nil(),
        partition: of.partition,
        offset: 42,
        leader_epoch: -1,
        metadata: String::new(),
    };
    let commit = CommitOffsets {
        ticket,
        group: GroupId::from("healed"),
        generation: -1,
        member: MemberId::default(),
        instance: None,
        retention_ms: -1,
        tells_missing_group: true,
        offsets: vec![offset],
    };
    broker.coordinate(env, Input::CommitOffsets(Box::new(commit)))?;
    broker.hand_over_all();
    let groups = crate::broker::offsets_partition();
    broker.sync(env, &groups, false)?;
    let answers = &broker.groups.answers;
    let answer = answers.iter().find(|(answered, _)| *answered == ticket).map(|(_, reply)| reply);
    match answer {
        Some(Reply::CommitOffsets(Ok(_))) => Ok(()),
        other => Err(heals::failed("committing an offset", other)),
    }
}
