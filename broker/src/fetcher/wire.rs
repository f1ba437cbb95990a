//! A fetcher's request as Kafka's message.

use kastellan_core::{config::FleetConfig, id::BrokerId, partition::Position, replica::Request};
use kastellan_protocol::messages::{
    self, FetchRequest,
    fetch_request::{FetchPartition, FetchTopic, ForgottenTopic, ReplicaState},
};

/// `me`: this broker and the epoch of its registration.
pub(super) fn request(
    (me, epoch): (BrokerId, i64),
    fleet: &FleetConfig,
    request: &Request,
) -> FetchRequest {
    let mut topics: Vec<FetchTopic> = Vec::new();
    // partitions come in the order of their topics
    for (key, position) in &request.wanted {
        if topics.last().is_none_or(|topic| topic.topic_id != key.topic) {
            topics.push(FetchTopic::default().with_topic_id(key.topic));
        }
        if let Some(topic) = topics.last_mut() {
            topic.partitions.push(partition(key.index, position, fleet));
        }
    }
    let mut forgotten: Vec<ForgottenTopic> = Vec::new();
    for key in &request.forgotten {
        if forgotten.last().is_none_or(|topic| topic.topic_id != key.topic) {
            forgotten.push(ForgottenTopic::default().with_topic_id(key.topic));
        }
        if let Some(topic) = forgotten.last_mut() {
            topic.partitions.push(key.index);
        }
    }
    let replica =
        ReplicaState::default().with_replica_id(messages::BrokerId(me.0)).with_replica_epoch(epoch);
    let wait = i32::try_from(fleet.replica_fetch_wait_max.as_millis()).unwrap_or(i32::MAX);
    FetchRequest::default()
        .with_replica_state(replica)
        .with_max_wait_ms(wait)
        .with_min_bytes(fleet.replica_fetch_min_bytes)
        .with_max_bytes(fleet.replica_fetch_response_max_bytes)
        .with_session_id(request.session_id)
        .with_session_epoch(request.session_epoch)
        .with_topics(topics)
        .with_forgotten_topics_data(forgotten)
}

fn partition(index: i32, position: &Position, fleet: &FleetConfig) -> FetchPartition {
    FetchPartition::default()
        .with_partition(index)
        .with_current_leader_epoch(position.leader_epoch)
        .with_fetch_offset(position.offset)
        .with_last_fetched_epoch(position.last_epoch)
        .with_log_start_offset(position.log_start)
        .with_partition_max_bytes(fleet.replica_fetch_max_bytes)
}
