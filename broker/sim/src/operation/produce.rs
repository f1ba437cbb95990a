//! A producer sends a batch: a new one, one that it has to repeat, or one that the network repeats.

use kastellan_core::{
    id::TopicPartition,
    partition::{Durability, Outcome},
};
use kastellan_protocol::ErrorCode;

use super::sync::settle;
use crate::{
    broker::Sender,
    counter::Rare,
    invariant::Check,
    mutant::Mutant,
    producer::{Fate, Origin, Sent, batch},
    world::World,
};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    if world.env.workload.chance(10) {
        return anonymous(world, &of);
    }
    let producer = world.env.workload.below(world.producers.len());
    let Some(sent) = next(world, &of, producer) else { return Ok(()) };
    send(world, &of, producer, &sent)
}

/// Chooses what a producer sends next; gets it an id where it has none.
fn next(world: &mut World, of: &TopicPartition, index: usize) -> Option<Sent> {
    let World { broker: Some(broker), env, producers, .. } = world else { return None };
    let producer = producers.get_mut(index)?;
    let id = if let Some(id) = producer.id { id } else { broker.producer_ids(env)? };
    producer.id = Some(id);
    let model_topic = env.model.partitions.get(of).map(|it| (it.topic, it.config.compact));
    let (topic, compacted) = model_topic?;
    let epoch = producer.epoch;
    let lane = producer.lane(of, topic);
    if env.workload.chance(15) {
        let at = env.workload.below(lane.sent.len());
        if let Some(sent) = lane.sent.get(at) {
            return Some(sent.clone());
        }
    }
    if let Some(sent) = lane.to_retry() {
        return Some(sent.clone());
    }
    if !lane.has_room() {
        return None;
    }
    let origin =
        Origin { of, producer: Some((id, epoch, lane.next)), wall: env.now.wall, compacted };
    let batch = batch(&mut env.workload, &env.parameters, origin);
    Some(lane.push(batch.finish(), batch.count()))
}

/// Sends a batch and takes in the answer.
pub(crate) fn send(world: &mut World, of: &TopicPartition, index: usize, sent: &Sent) -> Check {
    let World { broker: Some(broker), env, producers, .. } = world else { return Ok(()) };
    let outcome = broker.append(env, of, &sent.bytes)?;
    let sender = Sender { producer: index, sequence: sent.sequence };
    let Some(producer) = producers.get_mut(index) else { return Ok(()) };
    match outcome {
        Ok(outcome) => {
            if sent.fate != Fate::Acknowledged
                && let Some(lane) = producer.lanes.get_mut(of)
            {
                lane.settle(sent.sequence, Fate::Waiting);
            }
            let replicated = broker
                .partitions
                .get(of)
                .is_some_and(|it| it.machine.durability() == Durability::Replicated);
            let duplicate = matches!(outcome, Outcome::Duplicate(_));
            // what was in the page cache before the disk failed may be told again
            if duplicate && replicated && broker.directory.poisoned().is_some() {
                return Ok(());
            }
            broker.answer(env, of, sender, outcome);
        }
        Err(ErrorCode::KafkaStorageError) if env.is(Mutant::IgnorePoison) => {
            broker.settled.push(crate::broker::Settled {
                of: of.clone(),
                sender,
                acknowledged: true,
                failures: env.failures(),
            });
        }
        Err(ErrorCode::OutOfOrderSequenceNumber | ErrorCode::InvalidProducerEpoch) => {
            env.counters.note(Rare::SequenceGapRefused);
            let lane = producer.lanes.get(of);
            let expected =
                lane.and_then(|lane| lane.sent.iter().find(|it| it.fate != Fate::Acknowledged));
            // what the network repeats too late is refused, and nobody minds
            if expected.is_some_and(|expected| expected.sequence == sent.sequence) {
                producer.start_over();
            }
        }
        Err(_) => {
            if let Some(lane) = producer.lanes.get_mut(of) {
                lane.settle(sent.sequence, Fate::Unknown);
            }
        }
    }
    settle(world)
}

/// A producer without idempotence sends a batch and forgets it.
fn anonymous(world: &mut World, of: &TopicPartition) -> Check {
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let compacted = env.model.partitions.get(of).is_some_and(|it| it.config.compact);
    let origin = Origin { of, producer: None, wall: env.now.wall, compacted };
    let bytes = batch(&mut env.workload, &env.parameters, origin).finish();
    if let Ok(outcome) = broker.append(env, of, &bytes)? {
        let sender = Sender { producer: usize::MAX, sequence: -1 };
        broker.answer(env, of, sender, outcome);
    }
    settle(world)
}
