//! The topic `__consumer_offsets`: where groups live, and who coordinates them.

use std::sync::Arc;

use kastellan_core::{
    id::{BrokerId, Uuid},
    metadata::{CONSUMER_OFFSETS, Image},
};
use kastellan_protocol::ErrorCode;

use super::hash::partition_of;
use crate::{broker::Broker, partition::Partition};

/// A broker that coordinates a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coordinator {
    /// Its node id.
    pub(crate) node: i32,
    /// Its host on the caller's listener.
    pub(crate) host: String,
    /// Its port there.
    pub(crate) port: u16,
}

/// How many partitions the topic has; `None` before the first group.
pub(super) fn partition_count(broker: &Broker) -> Option<usize> {
    Some(broker.controller.image().topic(CONSUMER_OFFSETS)?.partitions.len())
}

/// One of the topic's partitions and its leader epoch, if it is led here. Errors: 6
/// `NOT_LEADER_OR_FOLLOWER` and those of [`crate::partitions::Topic::partition`].
pub(super) fn partition(broker: &Broker, index: usize) -> Result<(Arc<Partition>, i32), ErrorCode> {
    let index = i32::try_from(index).map_err(|_too_large| ErrorCode::UnknownTopicOrPartition)?;
    let partition = broker.partitions.get(CONSUMER_OFFSETS, index)?;
    let epoch = partition.leads().ok_or(ErrorCode::NotLeaderOrFollower)?;
    Ok((partition, epoch))
}

/// The id of a topic that exists.
pub(crate) fn id(broker: &Broker, topic: &str) -> Option<Uuid> {
    broker.controller.image().topic(topic).map(|topic| topic.id)
}

/// The id and the partition count of a topic that exists.
pub(crate) fn shape(broker: &Broker, topic: &str) -> Option<(Uuid, usize)> {
    broker.controller.image().topic(topic).map(|topic| (topic.id, topic.partitions.len()))
}

/// Finds who coordinates each of `groups`, for a client that came by `listener`; the first time it
/// creates the topic, and answers when that is done.
pub(crate) fn find(
    broker: &Arc<Broker>,
    listener: &str,
    groups: Vec<String>,
    then: impl FnOnce(Vec<Result<Coordinator, ErrorCode>>) + Send + 'static,
) {
    if partition_count(broker).is_some() {
        let image = broker.controller.image();
        let found = groups.iter().map(|group| leader(&image, group, listener)).collect();
        drop(image);
        return then(found);
    }
    let listener = listener.to_owned();
    let asker = Arc::clone(broker);
    // nobody in particular wants groups to be possible
    let topic = (vec![CONSUMER_OFFSETS.to_owned()], None);
    broker.controller.create_by_default(
        &broker.peers,
        topic,
        &broker.settings.load(),
        move |created| {
            for failure in created.into_iter().filter_map(|topic| topic.result.err()) {
                // somebody else was first: just as good
                if failure.code != ErrorCode::TopicAlreadyExists {
                    tracing::error!(why = failure.message, "cannot create __consumer_offsets");
                }
            }
            let image = asker.controller.image();
            let found = groups.iter().map(|group| leader(&image, group, &listener)).collect();
            drop(image);
            then(found);
        },
    );
}

fn leader(image: &Image, group: &str, listener: &str) -> Result<Coordinator, ErrorCode> {
    let topic = image.topic(CONSUMER_OFFSETS).ok_or(ErrorCode::CoordinatorNotAvailable)?;
    let index = partition_of(group, topic.partitions.len());
    let leader: Option<BrokerId> = i32::try_from(index)
        .ok()
        .and_then(|index| topic.partitions.get(&index))
        .and_then(|partition| partition.leader);
    let broker = leader.and_then(|leader| image.broker(leader)).filter(|broker| !broker.fenced);
    let found = broker.and_then(|broker| Some((broker.id.0, broker.endpoint(listener)?)));
    let (node, endpoint) = found.ok_or(ErrorCode::CoordinatorNotAvailable)?;
    Ok(Coordinator { node, host: endpoint.host.clone(), port: endpoint.port })
}
