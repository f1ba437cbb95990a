//! A topic is deleted, with its logs and whatever was committed for it.

use kastellan_core::{
    group,
    metadata::{Input, Reply, TopicRef},
};

use super::{create_topic::follow, member};
use crate::{invariant::Check, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let topic = of.topic;
    let id = broker.metadata.machine.image().topic(&topic).map(|topic| topic.id);
    let poisoned = broker.directory.poisoned().is_some();
    let topics = vec![TopicRef::Name(topic.clone())];
    let ask = |ticket| Input::DeleteTopics { ticket, topics };
    if !matches!(broker.metadata.ask(env, poisoned, ask), Reply::Deleted(_)) {
        return Ok(());
    }
    env.model.deleted.insert(topic.clone());
    let of_topic = |of: &kastellan_core::id::TopicPartition| of.topic == topic;
    env.model.partitions.retain(|of, _| !of_topic(of));
    env.model.groups.offsets.retain(|(_, of, _), _| *of != topic);
    world.held.retain(|held| !of_topic(&held.of));
    follow(broker, env)?;
    let id = id.unwrap_or_default();
    broker.coordinate(env, group::Input::TopicDeleted { topic, id })?;
    member::hear(world)
}
