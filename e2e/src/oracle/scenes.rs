//! What both brokers are asked, scene by scene. Each scene makes its own topics and groups.

mod cluster;
mod configs;
mod demands;
mod fetch;
mod forgetting;
mod groups;
mod log_dirs;
mod malformed;
mod members;
mod moving;
mod offsets;
mod partitions;
mod produce;
mod producers;
mod quotas;
mod recode;
mod tokens;
mod topics;

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    BrokerId, CreateTopicsRequest, FindCoordinatorRequest, GroupId, ListOffsetsRequest,
    MetadataRequest, ProduceRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::side::Side;
use crate::process::pause;

/// Plays every scene through `side`.
pub fn play(side: &mut Side) {
    cluster::play(side);
    configs::play(side);
    log_dirs::play(side);
    quotas::play(side);
    tokens::play(side);
    topics::play(side);
    produce::play(side);
    recode::play(side);
    demands::play(side);
    producers::play(side);
    fetch::play(side);
    offsets::play(side);
    groups::play(side);
    members::play(side);
    moving::play(side);
    forgetting::play(side);
    partitions::play(side);
    malformed::play(side);
}

fn s(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn t(name: &str) -> TopicName {
    s(name).into()
}

fn g(name: &str) -> GroupId {
    s(name).into()
}

fn new_topic(name: &str, partitions: i32) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(t(name))
        .with_num_partitions(partitions)
        .with_replication_factor(1)
}

fn config(name: &str, value: &str) -> CreatableTopicConfig {
    CreatableTopicConfig::default().with_name(s(name)).with_value(Some(s(value)))
}

fn wanted(name: &str) -> MetadataRequestTopic {
    MetadataRequestTopic::default().with_name(Some(t(name)))
}

/// Makes a topic without a note, waits until it can be used, and gives its id.
fn make(side: &mut Side, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Uuid {
    let configs = configs.iter().map(|(name, value)| config(name, value)).collect();
    let request = CreateTopicsRequest::default()
        .with_topics(vec![new_topic(name, partitions).with_configs(configs)])
        .with_timeout_ms(30_000);
    side.quiet(side.newest::<CreateTopicsRequest>(), &request);
    ready(side, name, partitions)
}

/// Waits until a topic has a leader for so many partitions, and gives its id.
fn ready(side: &mut Side, name: &str, partitions: i32) -> Uuid {
    let request = MetadataRequest::default()
        .with_topics(Some(vec![wanted(name)]))
        .with_allow_auto_topic_creation(false);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = side.quiet(side.newest::<MetadataRequest>(), &request);
        let topic = answer.topics.first().cloned().unwrap_or_default();
        let led = topic.partitions.iter().filter(|partition| partition.error_code == 0).count();
        let all_led = led >= usize::try_from(partitions).unwrap_or(0);
        if (all_led && opened(side, name, partitions)) || Instant::now() > deadline {
            return topic.topic_id;
        }
        pause();
    }
}

/// Whether every partition can be read: Kafka tells of a leader before that leader knows.
fn opened(side: &mut Side, name: &str, partitions: i32) -> bool {
    let part = |index: i32| {
        ListOffsetsPartition::default()
            .with_partition_index(index)
            .with_current_leader_epoch(-1)
            .with_timestamp(-1)
    };
    let topic = ListOffsetsTopic::default()
        .with_name(t(name))
        .with_partitions((0..partitions).map(part).collect());
    let request =
        ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
    let answer = side.quiet(side.newest::<ListOffsetsRequest>(), &request);
    let mut parts = answer.topics.iter().flat_map(|topic| &topic.partitions);
    !answer.topics.is_empty() && parts.all(|part| part.error_code == 0)
}

/// Waits until the coordinator of a group can be asked.
fn coordinated(side: &mut Side, group: &str) {
    let version = side.newest::<FindCoordinatorRequest>();
    let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![s(group)]);
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        let found = side.quiet(version, &request);
        if found.coordinators.first().is_some_and(|found| found.error_code == 0) {
            return;
        }
        pause();
    }
}

/// One partition of one topic, by name up to version 12 and by id after it.
fn produce(
    version: i16,
    topic: (&str, Uuid),
    index: i32,
    records: Option<Vec<u8>>,
) -> ProduceRequest {
    let data =
        PartitionProduceData::default().with_index(index).with_records(records.map(Bytes::from));
    let topic = if version >= 13 {
        TopicProduceData::default().with_topic_id(topic.1)
    } else {
        TopicProduceData::default().with_name(t(topic.0))
    };
    ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic.with_partition_data(vec![data])])
}

/// Writes batches without a note.
fn fill(side: &mut Side, topic: (&str, Uuid), index: i32, batches: Vec<Vec<u8>>) {
    let version = side.newest::<ProduceRequest>();
    for batch in batches {
        side.quiet(version, &produce(version, topic, index, Some(batch)));
    }
}
