//! A `Metadata` response out of an image.

use std::sync::Arc;

use kastellan_core::{
    id::{BrokerId, Uuid},
    metadata::{Image, Partition, Topic, is_internal, validate_name},
};
use kastellan_protocol::{
    ErrorCode,
    messages::{
        self, MetadataResponse, TopicName,
        metadata_response::{
            MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
        },
    },
    protocol::StrBytes,
};

use super::request::{self, Wanted};
use crate::api::operations;

/// What a response needs to know besides the image.
#[derive(Debug)]
pub(super) struct Options {
    /// By which listener the client came: it gets the addresses of that one.
    pub(super) listener: Arc<str>,
    pub(super) cluster_id: String,
    pub(super) controller: i32,
    /// Say what the client may do with each topic.
    pub(super) topic_operations: bool,
    /// Say what the client may do with the cluster.
    pub(super) cluster_operations: bool,
}

/// A topic that could not be created.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) error: ErrorCode,
}

/// The answer to `wanted`.
pub(super) fn response(
    image: &Image,
    options: &Options,
    wanted: &Wanted,
    outcomes: &[Outcome],
) -> MetadataResponse {
    let topics = match wanted {
        Wanted::All => image.topics().map(|topic| found(image, options, topic)).collect(),
        Wanted::These(topics) => {
            topics.iter().map(|topic| one(image, options, topic, outcomes)).collect()
        }
    };
    head(image, options).with_topics(topics)
}

/// The answer to a request that asks for what its version does not have.
pub(super) fn refused(
    image: &Image,
    options: &Options,
    topics: impl Iterator<Item = (request::Topic, ErrorCode)>,
) -> MetadataResponse {
    let topics = topics.map(|(topic, error)| match topic {
        request::Topic::Name(name) => unknown(Some(name), Uuid::nil(), error),
        request::Topic::Id(id) => unknown(Some(String::new()), id, error),
    });
    head(image, options).with_topics(topics.collect())
}

fn head(image: &Image, options: &Options) -> MetadataResponse {
    let brokers = image
        .brokers()
        .filter(|broker| !broker.fenced)
        .filter_map(|broker| {
            let endpoint = broker.endpoint(&options.listener)?;
            Some(
                MetadataResponseBroker::default()
                    .with_node_id(broker.id.0.into())
                    .with_host(StrBytes::from_string(endpoint.host.clone()))
                    .with_port(i32::from(endpoint.port))
                    .with_rack(broker.rack.clone().map(StrBytes::from_string)),
            )
        })
        .collect();
    let operations = if options.cluster_operations { operations::CLUSTER } else { i32::MIN };
    MetadataResponse::default()
        .with_brokers(brokers)
        .with_cluster_id(Some(StrBytes::from_string(options.cluster_id.clone())))
        .with_controller_id(options.controller.into())
        .with_cluster_authorized_operations(operations)
}

fn one(
    image: &Image,
    options: &Options,
    topic: &request::Topic,
    outcomes: &[Outcome],
) -> MetadataResponseTopic {
    match topic {
        request::Topic::Name(name) => image.topic(name).map_or_else(
            || unknown(Some(name.clone()), Uuid::nil(), why_missing(name, outcomes)),
            |topic| found(image, options, topic),
        ),
        request::Topic::Id(id) => image.topic_by_id(id).map_or_else(
            || unknown(None, *id, ErrorCode::UnknownTopicId),
            |topic| found(image, options, topic),
        ),
    }
}

fn why_missing(name: &str, outcomes: &[Outcome]) -> ErrorCode {
    if validate_name(name).is_err() {
        return ErrorCode::InvalidTopicException;
    }
    let failed = outcomes.iter().find(|outcome| outcome.name == name);
    failed.map_or(ErrorCode::UnknownTopicOrPartition, |outcome| outcome.error)
}

fn unknown(name: Option<String>, id: Uuid, error: ErrorCode) -> MetadataResponseTopic {
    let internal = name.as_deref().is_some_and(is_internal);
    MetadataResponseTopic::default()
        .with_error_code(error.code())
        .with_name(name.map(|name| TopicName(StrBytes::from_string(name))))
        .with_topic_id(id)
        .with_is_internal(internal)
}

fn found(image: &Image, options: &Options, topic: &Topic) -> MetadataResponseTopic {
    let name = StrBytes::from_string(topic.name.as_ref().to_owned());
    let partitions =
        topic.partitions.iter().map(|(index, state)| partition(image, options, *index, state));
    let operations = if options.topic_operations { operations::TOPIC } else { i32::MIN };
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(name)))
        .with_topic_id(topic.id)
        .with_is_internal(is_internal(&topic.name))
        .with_partitions(partitions.collect())
        .with_topic_authorized_operations(operations)
}

fn partition(
    image: &Image,
    options: &Options,
    index: i32,
    state: &Partition,
) -> MetadataResponsePartition {
    let ids = |brokers: &[BrokerId]| brokers.iter().map(|id| messages::BrokerId(id.0)).collect();
    let online = |id: &BrokerId| image.is_online(state, *id);
    let offline: Vec<_> = state.replicas.iter().copied().filter(|id| !online(id)).collect();
    let reachable = |id: &BrokerId| {
        image.broker(*id).is_some_and(|it| it.endpoint(&options.listener).is_some())
    };
    let error = match state.leader {
        None => ErrorCode::LeaderNotAvailable.code(),
        Some(leader) if !reachable(&leader) => ErrorCode::ListenerNotFound.code(),
        Some(_) => 0,
    };
    MetadataResponsePartition::default()
        .with_error_code(error)
        .with_partition_index(index)
        .with_leader_id(messages::BrokerId(state.leader.map_or(-1, |leader| leader.0)))
        .with_leader_epoch(state.leader_epoch)
        .with_replica_nodes(ids(&state.replicas))
        .with_isr_nodes(ids(&state.isr))
        .with_offline_replicas(ids(&offline))
}
