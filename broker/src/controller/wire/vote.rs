//! Vote, `BeginQuorumEpoch`, `EndQuorumEpoch`.

use kastellan_core::{
    id::BrokerId,
    metadata::CLUSTER_METADATA,
    quorum::{
        BeginQuorumEpochRequest, EndQuorumEpochRequest, Endpoint, ReplicaKey, Request, Response,
        Standing, VoteRequest,
    },
};
use kastellan_protocol::{
    messages::{
        self, TopicName, begin_quorum_epoch_request as begin_request,
        begin_quorum_epoch_response as begin_response, end_quorum_epoch_request as end_request,
        end_quorum_epoch_response as end_response, vote_request, vote_response,
    },
    protocol::StrBytes,
};

use super::{code, endpoint, error, number, standing};

fn topic() -> TopicName {
    TopicName(text(CLUSTER_METADATA))
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(super) fn ask(asked: &VoteRequest, cluster: &str) -> messages::VoteRequest {
    let partition = vote_request::PartitionData::default()
        .with_replica_epoch(asked.epoch)
        .with_replica_id(asked.candidate.id.0.into())
        .with_replica_directory_id(asked.candidate.directory)
        .with_voter_directory_id(asked.voter.directory)
        .with_last_offset_epoch(asked.last_epoch)
        .with_last_offset(asked.last_offset)
        .with_pre_vote(asked.pre_vote);
    let topic = vote_request::TopicData::default()
        .with_topic_name(topic())
        .with_partitions(vec![partition]);
    messages::VoteRequest::default()
        .with_cluster_id(Some(text(cluster)))
        .with_voter_id(asked.voter.id.0.into())
        .with_topics(vec![topic])
}

pub(super) fn read(request: &messages::VoteRequest) -> Option<(Request, i32)> {
    let [topic] = &request.topics[..] else { return None };
    let [partition] = &topic.partitions[..] else { return None };
    if topic.topic_name.as_str() != CLUSTER_METADATA || partition.partition_index != 0 {
        return None;
    }
    let candidate = *partition.replica_id;
    let asked = VoteRequest {
        voter: key(*request.voter_id, partition.voter_directory_id),
        candidate: key(candidate, partition.replica_directory_id),
        epoch: partition.replica_epoch,
        last_epoch: partition.last_offset_epoch,
        last_offset: partition.last_offset,
        pre_vote: partition.pre_vote,
    };
    Some((Request::Vote(asked), candidate))
}

pub(super) fn answer(standing: &Standing, granted: bool) -> messages::VoteResponse {
    let partition = vote_response::PartitionData::default()
        .with_error_code(code(standing.error))
        .with_leader_id(number(standing.leader))
        .with_leader_epoch(standing.epoch)
        .with_vote_granted(granted);
    let topic = vote_response::TopicData::default()
        .with_topic_name(topic())
        .with_partitions(vec![partition]);
    let nodes = standing.endpoints.iter().map(|at| {
        vote_response::NodeEndpoint::default()
            .with_node_id(number(standing.leader))
            .with_host(text(&at.host))
            .with_port(at.port)
    });
    messages::VoteResponse::default()
        .with_topics(vec![topic])
        .with_node_endpoints(nodes.take(1).collect())
}

pub(super) fn answered(response: &messages::VoteResponse) -> Option<Response> {
    let partition = response.topics.first()?.partitions.first()?;
    let wrong = error([response.error_code, partition.error_code]);
    let nodes = response.node_endpoints.iter();
    let nodes = nodes.map(|node| (*node.node_id, node.host.to_string(), node.port));
    let leader = (*partition.leader_id, partition.leader_epoch);
    let granted = partition.vote_granted;
    Some(Response::Vote { standing: standing(wrong, leader, nodes), granted })
}

pub(super) fn begin(
    asked: &BeginQuorumEpochRequest,
    cluster: &str,
) -> messages::BeginQuorumEpochRequest {
    let partition = begin_request::PartitionData::default()
        .with_voter_directory_id(asked.voter.directory)
        .with_leader_id(asked.leader.0.into())
        .with_leader_epoch(asked.epoch);
    let topic = begin_request::TopicData::default()
        .with_topic_name(topic())
        .with_partitions(vec![partition]);
    let endpoints = asked.endpoints.iter().map(|at| {
        begin_request::LeaderEndpoint::default()
            .with_name(text(&at.name))
            .with_host(text(&at.host))
            .with_port(at.port)
    });
    messages::BeginQuorumEpochRequest::default()
        .with_cluster_id(Some(text(cluster)))
        .with_voter_id(asked.voter.id.0.into())
        .with_topics(vec![topic])
        .with_leader_endpoints(endpoints.collect())
}

pub(super) fn read_begin(request: &messages::BeginQuorumEpochRequest) -> Option<(Request, i32)> {
    let [topic] = &request.topics[..] else { return None };
    let [partition] = &topic.partitions[..] else { return None };
    if topic.topic_name.as_str() != CLUSTER_METADATA || partition.partition_index != 0 {
        return None;
    }
    let endpoints = request.leader_endpoints.iter();
    let endpoints: Vec<Endpoint> =
        endpoints.map(|at| endpoint(&at.name, &at.host, at.port)).collect();
    let asked = BeginQuorumEpochRequest {
        voter: key(*request.voter_id, partition.voter_directory_id),
        leader: BrokerId(*partition.leader_id),
        epoch: partition.leader_epoch,
        endpoints,
    };
    Some((Request::BeginQuorumEpoch(asked), *partition.leader_id))
}

pub(super) fn begin_answer(standing: &Standing) -> messages::BeginQuorumEpochResponse {
    let partition = begin_response::PartitionData::default()
        .with_error_code(code(standing.error))
        .with_leader_id(number(standing.leader))
        .with_leader_epoch(standing.epoch);
    let topic = begin_response::TopicData::default()
        .with_topic_name(topic())
        .with_partitions(vec![partition]);
    messages::BeginQuorumEpochResponse::default().with_topics(vec![topic])
}

pub(super) fn begun(response: &messages::BeginQuorumEpochResponse) -> Option<Response> {
    let partition = response.topics.first()?.partitions.first()?;
    let wrong = error([response.error_code, partition.error_code]);
    let leader = (*partition.leader_id, partition.leader_epoch);
    Some(Response::BeginQuorumEpoch(standing(wrong, leader, [])))
}

pub(super) fn end(asked: &EndQuorumEpochRequest, cluster: &str) -> messages::EndQuorumEpochRequest {
    let candidates = asked.successors.iter().map(|successor| {
        end_request::ReplicaInfo::default()
            .with_candidate_id(successor.id.0.into())
            .with_candidate_directory_id(successor.directory)
    });
    let partition = end_request::PartitionData::default()
        .with_leader_id(asked.leader.0.into())
        .with_leader_epoch(asked.epoch)
        .with_preferred_candidates(candidates.collect());
    let topic =
        end_request::TopicData::default().with_topic_name(topic()).with_partitions(vec![partition]);
    messages::EndQuorumEpochRequest::default()
        .with_cluster_id(Some(text(cluster)))
        .with_topics(vec![topic])
}

pub(super) fn read_end(request: &messages::EndQuorumEpochRequest) -> Option<(Request, i32)> {
    let [topic] = &request.topics[..] else { return None };
    let [partition] = &topic.partitions[..] else { return None };
    if topic.topic_name.as_str() != CLUSTER_METADATA || partition.partition_index != 0 {
        return None;
    }
    let successors = partition.preferred_candidates.iter();
    let successors = successors.map(|it| key(*it.candidate_id, it.candidate_directory_id));
    let asked = EndQuorumEpochRequest {
        leader: BrokerId(*partition.leader_id),
        epoch: partition.leader_epoch,
        successors: successors.collect(),
    };
    Some((Request::EndQuorumEpoch(asked), *partition.leader_id))
}

pub(super) fn end_answer(standing: &Standing) -> messages::EndQuorumEpochResponse {
    let partition = end_response::PartitionData::default()
        .with_error_code(code(standing.error))
        .with_leader_id(number(standing.leader))
        .with_leader_epoch(standing.epoch);
    let topic = end_response::TopicData::default()
        .with_topic_name(topic())
        .with_partitions(vec![partition]);
    messages::EndQuorumEpochResponse::default().with_topics(vec![topic])
}

pub(super) fn ended(response: &messages::EndQuorumEpochResponse) -> Option<Response> {
    let partition = response.topics.first()?.partitions.first()?;
    let wrong = error([response.error_code, partition.error_code]);
    let leader = (*partition.leader_id, partition.leader_epoch);
    Some(Response::EndQuorumEpoch(standing(wrong, leader, [])))
}

fn key(id: i32, directory: kastellan_core::id::Uuid) -> ReplicaKey {
    ReplicaKey { id: BrokerId(id), directory }
}
