//! `DescribeQuorum`: who leads the metadata log, who votes, and how far everybody is.

use std::sync::Arc;

use kastellan_core::{
    id::Uuid,
    metadata::CLUSTER_METADATA,
    quorum::{Description, Endpoint, ReplicaState, Request, Response},
};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DescribeQuorumRequest, DescribeQuorumResponse, TopicName,
        describe_quorum_response::{
            Listener, Node, PartitionData, ReplicaState as State, TopicData,
        },
    },
    protocol::StrBytes,
};

use crate::{
    access::needs::DESCRIBE_QUORUM,
    broker::Broker,
    call::{Call, Way},
};

/// The only partition that a quorum is over.
const PARTITION: i32 = 0;

/// The first version that tells directories and addresses (KIP-853).
const VOTERS_CHANGE: i16 = 2;

/// Answers a request. Errors: 3 `UNKNOWN_TOPIC_OR_PARTITION` for each partition, where another than
/// the metadata log's is asked for; 6 `NOT_LEADER_OR_FOLLOWER` where somebody else leads.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DescribeQuorumRequest = call.decode()?;
    if !broker.judge(&call.client).may_cluster(DESCRIBE_QUORUM) {
        call.reply.send(&failed(ErrorCode::ClusterAuthorizationFailed));
        return Ok(());
    }
    if !is_metadata_log(&request) {
        call.reply.send(&unknown(request));
        return Ok(());
    }
    if let Way::Failed(code) = call.way {
        call.reply.send(&failed(code));
        return Ok(());
    }
    let version = call.version();
    broker.controller.consult(Request::DescribeQuorum, move |response| {
        let described = match response {
            Some(Response::DescribeQuorum(Ok(described))) => description(&described, version),
            Some(Response::DescribeQuorum(Err(standing))) => {
                failed(standing.error.unwrap_or(ErrorCode::UnknownServerError))
            }
            _ => failed(ErrorCode::KafkaStorageError),
        };
        call.reply.send(&described);
    });
    Ok(())
}

fn is_metadata_log(request: &DescribeQuorumRequest) -> bool {
    let [topic] = &request.topics[..] else { return false };
    let [partition] = &topic.partitions[..] else { return false };
    topic.topic_name.as_str() == CLUSTER_METADATA && partition.partition_index == PARTITION
}

fn unknown(request: DescribeQuorumRequest) -> DescribeQuorumResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            PartitionData::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(ErrorCode::UnknownTopicOrPartition.code())
        });
        TopicData::default().with_partitions(partitions.collect()).with_topic_name(topic.topic_name)
    });
    DescribeQuorumResponse::default().with_topics(topics.collect())
}

fn failed(code: ErrorCode) -> DescribeQuorumResponse {
    let message = match code {
        ErrorCode::NotLeaderOrFollower => "this node does not lead the metadata log",
        ErrorCode::KafkaStorageError => "the metadata log of this node has failed",
        ErrorCode::ClusterAuthorizationFailed => "it takes the right to Describe on the cluster",
        _ => "the leader of the metadata log could not be asked",
    };
    DescribeQuorumResponse::default()
        .with_error_code(code.code())
        .with_error_message(Some(StrBytes::from_static_str(message)))
}

/// What `version` has fields for; one that is set beyond that cannot be encoded.
fn description(described: &Description, version: i16) -> DescribeQuorumResponse {
    let state = |of: &ReplicaState| state(of, version);
    let states = |states: &[ReplicaState]| states.iter().map(state).collect::<Vec<_>>();
    let partition = PartitionData::default()
        .with_partition_index(PARTITION)
        .with_leader_id(described.leader.0.into())
        .with_leader_epoch(described.epoch)
        .with_high_watermark(described.high_watermark)
        .with_current_voters(states(&described.voters))
        .with_observers(states(&described.observers));
    let topic = TopicData::default()
        .with_topic_name(TopicName(StrBytes::from_static_str(CLUSTER_METADATA)))
        .with_partitions(vec![partition]);
    let nodes = described.nodes.iter().map(|(id, endpoints)| {
        let listeners = endpoints.iter().map(listener).collect();
        Node::default().with_node_id(id.0.into()).with_listeners(listeners)
    });
    let nodes = if version >= VOTERS_CHANGE { nodes.collect() } else { Vec::new() };
    DescribeQuorumResponse::default()
        .with_error_message(Some(StrBytes::default()))
        .with_topics(vec![topic])
        .with_nodes(nodes)
}

fn state(of: &ReplicaState, version: i16) -> State {
    let directory = if version >= VOTERS_CHANGE { of.key.directory } else { Uuid::nil() };
    State::default()
        .with_replica_id(of.key.id.0.into())
        .with_replica_directory_id(directory)
        .with_log_end_offset(of.log_end)
        .with_last_fetch_timestamp(of.last_fetch)
        .with_last_caught_up_timestamp(of.last_caught_up)
}

fn listener(endpoint: &Endpoint) -> Listener {
    Listener::default()
        // Apache's admin client refuses other names than Kafka's own would be
        .with_name(StrBytes::from_string(endpoint.name.to_uppercase()))
        .with_host(StrBytes::from_string(endpoint.host.clone()))
        .with_port(endpoint.port)
}
