//! Fetch and `FetchSnapshot`, of the metadata log.

use kastellan_core::{
    id::{BrokerId, Uuid},
    metadata::CLUSTER_METADATA,
    quorum::{
        FetchRequest, FetchResponse, FetchSnapshotRequest, FetchSnapshotResponse, ReplicaKey,
        Request, Response, SnapshotId, Standing,
    },
};
use kastellan_protocol::{
    messages::{
        self, TopicName, fetch_request, fetch_response, fetch_snapshot_request,
        fetch_snapshot_response,
    },
    protocol::StrBytes,
};

use super::{code, error, number, standing};
use crate::controller::log::TOPIC_ID;

/// What stands for no epoch and no offset.
const NONE: i32 = -1;

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn millis(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

pub(super) fn ask(asked: &FetchRequest, cluster: &str) -> messages::FetchRequest {
    let partition = fetch_request::FetchPartition::default()
        .with_current_leader_epoch(asked.epoch)
        .with_fetch_offset(asked.offset)
        .with_last_fetched_epoch(asked.last_epoch)
        .with_log_start_offset(-1)
        .with_partition_max_bytes(millis(asked.max_bytes))
        .with_replica_directory_id(asked.replica.directory)
        .with_high_watermark(asked.high_watermark);
    let topic = fetch_request::FetchTopic::default()
        .with_topic_id(TOPIC_ID)
        .with_partitions(vec![partition]);
    let replica = fetch_request::ReplicaState::default().with_replica_id(asked.replica.id.0.into());
    messages::FetchRequest::default()
        .with_cluster_id(Some(text(cluster)))
        .with_replica_state(replica)
        .with_max_wait_ms(millis(asked.max_wait_ms))
        .with_min_bytes(1)
        .with_max_bytes(millis(asked.max_bytes))
        .with_session_epoch(NONE)
        .with_topics(vec![topic])
}

pub(super) fn read(request: &messages::FetchRequest) -> Option<(Request, i32)> {
    let [topic] = &request.topics[..] else { return None };
    let [partition] = &topic.partitions[..] else { return None };
    if topic.topic_id != TOPIC_ID || partition.partition != 0 {
        return None;
    }
    let replica = *request.replica_state.replica_id;
    let unsigned = |number: i32| u32::try_from(number).unwrap_or(0);
    let asked = FetchRequest {
        replica: key(replica, partition.replica_directory_id),
        epoch: partition.current_leader_epoch,
        offset: partition.fetch_offset,
        last_epoch: partition.last_fetched_epoch,
        high_watermark: partition.high_watermark,
        max_wait_ms: unsigned(request.max_wait_ms),
        max_bytes: unsigned(partition.partition_max_bytes),
    };
    Some((Request::Fetch(asked), replica))
}

pub(super) fn answer(response: FetchResponse) -> messages::FetchResponse {
    let Standing { error, epoch, leader, endpoints } = response.standing;
    let current = fetch_response::LeaderIdAndEpoch::default()
        .with_leader_id(number(leader))
        .with_leader_epoch(epoch);
    let mut partition = fetch_response::PartitionData::default()
        .with_error_code(code(error))
        .with_high_watermark(response.high_watermark)
        .with_last_stable_offset(response.high_watermark)
        .with_log_start_offset(response.log_start)
        .with_current_leader(current)
        .with_records(Some(response.records));
    if let Some((epoch, end)) = response.diverging {
        let diverging = fetch_response::EpochEndOffset::default();
        partition.diverging_epoch = diverging.with_epoch(epoch).with_end_offset(end);
    }
    if let Some(SnapshotId { end, epoch }) = response.snapshot {
        let snapshot = fetch_response::SnapshotId::default();
        partition.snapshot_id = snapshot.with_end_offset(end).with_epoch(epoch);
    }
    let topic = fetch_response::FetchableTopicResponse::default()
        .with_topic_id(TOPIC_ID)
        .with_partitions(vec![partition]);
    let nodes = endpoints.iter().take(1).map(|at| {
        fetch_response::NodeEndpoint::default()
            .with_node_id(number(leader))
            .with_host(text(&at.host))
            .with_port(i32::from(at.port))
    });
    messages::FetchResponse::default()
        .with_responses(vec![topic])
        .with_node_endpoints(nodes.collect())
}

pub(super) fn answered(response: messages::FetchResponse) -> Option<Response> {
    let topic = response.responses.into_iter().next()?;
    let partition = topic.partitions.into_iter().next()?;
    let wrong = error([response.error_code, partition.error_code]);
    let nodes = response.node_endpoints.iter().filter_map(|node| {
        Some((*node.node_id, node.host.to_string(), u16::try_from(node.port).ok()?))
    });
    let current = (*partition.current_leader.leader_id, partition.current_leader.leader_epoch);
    let (diverging, snapshot) = (partition.diverging_epoch, partition.snapshot_id);
    let snapshot = SnapshotId { end: snapshot.end_offset, epoch: snapshot.epoch };
    Some(Response::Fetch(FetchResponse {
        standing: standing(wrong, current, nodes),
        high_watermark: partition.high_watermark,
        log_start: partition.log_start_offset,
        diverging: (diverging.epoch >= 0).then_some((diverging.epoch, diverging.end_offset)),
        snapshot: (snapshot.end >= 0 && snapshot.epoch >= 0).then_some(snapshot),
        records: partition.records.unwrap_or_default(),
    }))
}

pub(super) fn ask_snapshot(
    asked: &FetchSnapshotRequest,
    cluster: &str,
) -> messages::FetchSnapshotRequest {
    let snapshot = fetch_snapshot_request::SnapshotId::default()
        .with_end_offset(asked.snapshot.end)
        .with_epoch(asked.snapshot.epoch);
    let partition = fetch_snapshot_request::PartitionSnapshot::default()
        .with_current_leader_epoch(asked.epoch)
        .with_snapshot_id(snapshot)
        .with_position(asked.position.cast_signed())
        .with_replica_directory_id(asked.replica.directory);
    let topic = fetch_snapshot_request::TopicSnapshot::default()
        .with_name(TopicName(text(CLUSTER_METADATA)))
        .with_partitions(vec![partition]);
    messages::FetchSnapshotRequest::default()
        .with_cluster_id(Some(text(cluster)))
        .with_replica_id(asked.replica.id.0.into())
        .with_max_bytes(millis(asked.max_bytes))
        .with_topics(vec![topic])
}

pub(super) fn read_snapshot(request: &messages::FetchSnapshotRequest) -> Option<(Request, i32)> {
    let [topic] = &request.topics[..] else { return None };
    let [partition] = &topic.partitions[..] else { return None };
    if topic.name.as_str() != CLUSTER_METADATA || partition.partition != 0 {
        return None;
    }
    let (replica, id) = (*request.replica_id, &partition.snapshot_id);
    let asked = FetchSnapshotRequest {
        replica: key(replica, partition.replica_directory_id),
        epoch: partition.current_leader_epoch,
        snapshot: SnapshotId { end: id.end_offset, epoch: id.epoch },
        position: u64::try_from(partition.position).ok()?,
        max_bytes: u32::try_from(request.max_bytes).unwrap_or(0),
    };
    Some((Request::FetchSnapshot(asked), replica))
}

pub(super) fn snapshot_answer(response: FetchSnapshotResponse) -> messages::FetchSnapshotResponse {
    let Standing { error, epoch, leader, .. } = response.standing;
    let snapshot = fetch_snapshot_response::SnapshotId::default()
        .with_end_offset(response.snapshot.end)
        .with_epoch(response.snapshot.epoch);
    let current = fetch_snapshot_response::LeaderIdAndEpoch::default()
        .with_leader_id(number(leader))
        .with_leader_epoch(epoch);
    let partition = fetch_snapshot_response::PartitionSnapshot::default()
        .with_error_code(code(error))
        .with_snapshot_id(snapshot)
        .with_current_leader(current)
        .with_size(response.size.cast_signed())
        .with_position(response.position.cast_signed())
        .with_unaligned_records(response.bytes);
    let topic = fetch_snapshot_response::TopicSnapshot::default()
        .with_name(TopicName(text(CLUSTER_METADATA)))
        .with_partitions(vec![partition]);
    messages::FetchSnapshotResponse::default().with_topics(vec![topic])
}

pub(super) fn snapshot_answered(response: messages::FetchSnapshotResponse) -> Option<Response> {
    let topic = response.topics.into_iter().next()?;
    let partition = topic.partitions.into_iter().next()?;
    let wrong = error([response.error_code, partition.error_code]);
    let current = (*partition.current_leader.leader_id, partition.current_leader.leader_epoch);
    let id = partition.snapshot_id;
    Some(Response::FetchSnapshot(FetchSnapshotResponse {
        standing: standing(wrong, current, []),
        snapshot: SnapshotId { end: id.end_offset, epoch: id.epoch },
        size: u64::try_from(partition.size).ok()?,
        position: u64::try_from(partition.position).ok()?,
        bytes: partition.unaligned_records,
    }))
}

fn key(id: i32, directory: Uuid) -> ReplicaKey {
    ReplicaKey { id: BrokerId(id), directory }
}
