//! A `Metadata` response out of an image.

use std::sync::Arc;

use kastellan_core::{
    id::{BrokerId, Uuid},
    metadata::{Image, Partition, Topic, is_internal, validate_name},
    security::{CLUSTER_NAME, ResourceType},
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
use crate::{
    access::{
        Judge,
        needs::{METADATA, METADATA_CLUSTER},
    },
    broker::Broker,
    call::ClientInfo,
    standing::Said,
};

/// What a response needs to know besides the image.
#[derive(Debug)]
pub(super) struct Options {
    /// Who asks. It gets the addresses of the listener that it came by, and hears of topics that
    /// it may see.
    pub(super) client: Arc<ClientInfo>,
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
    broker: &Broker,
    options: &Options,
    wanted: &Wanted,
    outcomes: &[Outcome],
) -> MetadataResponse {
    let (image, judge) = (broker.controller.image(), broker.judge(&options.client));
    let view = View { image: &image, judge: &judge, options };
    let mut topics: Vec<_> = match wanted {
        Wanted::All => {
            let visible = image.topics().filter(|topic| judge.sees(METADATA, &topic.name));
            visible.map(|topic| view.found(topic)).collect()
        }
        Wanted::These(topics) => topics.iter().map(|topic| view.one(topic, outcomes)).collect(),
    };
    if broker.partitions.standing().now() != Said::Sure {
        let partitions = topics.iter_mut().filter(|topic| topic.error_code == 0);
        partitions.for_each(|topic| doubt(broker, topic));
    }
    view.head().with_topics(topics)
}

/// Names no leader of partitions that this broker leads as far as it knows, and of which it cannot
/// know whether another one does by now: clients ask again, or somebody else.
fn doubt(broker: &Broker, topic: &mut MetadataResponseTopic) {
    let name = topic.name.as_ref().map_or("", |name| name.as_str());
    for partition in &mut topic.partitions {
        let mine = partition.leader_id.0 == broker.config.node_id;
        let led = || broker.partitions.get(name, partition.partition_index);
        if mine && led().and_then(|led| led.check_standing()).is_err() {
            partition.leader_id = messages::BrokerId(-1);
            partition.error_code = ErrorCode::LeaderNotAvailable.code();
        }
    }
}

/// The answer to a request that asks for what its version does not have.
pub(super) fn refused(
    broker: &Broker,
    options: &Options,
    topics: impl Iterator<Item = (request::Topic, ErrorCode)>,
) -> MetadataResponse {
    let topics = topics.map(|(topic, error)| match topic {
        request::Topic::Name(name) => unknown(Some(name), Uuid::nil(), error),
        request::Topic::Id(id) => unknown(Some(String::new()), id, error),
    });
    let (image, judge) = (broker.controller.image(), broker.judge(&options.client));
    View { image: &image, judge: &judge, options }.head().with_topics(topics.collect())
}

/// What one client sees of an image.
struct View<'a> {
    image: &'a Image,
    judge: &'a Judge<'a>,
    options: &'a Options,
}

impl View<'_> {
    fn head(&self) -> MetadataResponse {
        let brokers = self.image.brokers().filter(|broker| !broker.fenced);
        let brokers = brokers.filter_map(|broker| {
            let endpoint = broker.endpoint(&self.options.client.listener)?;
            Some(
                MetadataResponseBroker::default()
                    .with_node_id(broker.id.0.into())
                    .with_host(StrBytes::from_string(endpoint.host.clone()))
                    .with_port(i32::from(endpoint.port))
                    .with_rack(broker.rack.clone().map(StrBytes::from_string)),
            )
        });
        let operations = if !self.options.cluster_operations {
            i32::MIN
        } else if self.judge.may_cluster(METADATA_CLUSTER) {
            self.judge.operations(ResourceType::Cluster, CLUSTER_NAME)
        } else {
            0
        };
        MetadataResponse::default()
            .with_brokers(brokers.collect())
            .with_cluster_id(Some(StrBytes::from_string(self.options.cluster_id.clone())))
            .with_controller_id(self.options.controller.into())
            .with_cluster_authorized_operations(operations)
    }

    /// A topic that was asked for. Whether there is one of some name is told only to who may see
    /// it; an id is no secret.
    fn one(&self, topic: &request::Topic, outcomes: &[Outcome]) -> MetadataResponseTopic {
        let denied = ErrorCode::TopicAuthorizationFailed;
        match topic {
            request::Topic::Name(name) if !self.judge.may(METADATA, name) => {
                let hidden = unknown(Some(name.clone()), Uuid::nil(), denied);
                hidden.with_is_internal(false)
            }
            request::Topic::Name(name) => match self.image.topic(name) {
                Some(topic) => self.found(topic),
                None => unknown(Some(name.clone()), Uuid::nil(), why_missing(name, outcomes)),
            },
            request::Topic::Id(id) => match self.image.topic_by_id(id) {
                None => unknown(None, *id, ErrorCode::UnknownTopicId),
                Some(topic) if !self.judge.may(METADATA, &topic.name) => unknown(None, *id, denied),
                Some(topic) => self.found(topic),
            },
        }
    }

    fn found(&self, topic: &Topic) -> MetadataResponseTopic {
        let name = StrBytes::from_string(topic.name.as_ref().to_owned());
        let partitions = topic
            .partitions
            .iter()
            .map(|(index, state)| partition(self.image, self.options, *index, state));
        let operations = if self.options.topic_operations {
            self.judge.operations(ResourceType::Topic, &topic.name)
        } else {
            i32::MIN
        };
        MetadataResponseTopic::default()
            .with_name(Some(TopicName(name)))
            .with_topic_id(topic.id)
            .with_is_internal(is_internal(&topic.name))
            .with_partitions(partitions.collect())
            .with_topic_authorized_operations(operations)
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
        image.broker(*id).is_some_and(|it| it.endpoint(&options.client.listener).is_some())
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
