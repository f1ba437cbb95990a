//! `AlterPartitionReassignments` (KIP-455): partitions are to move, or not to move after all.

use std::sync::Arc;

use kastellan_core::{
    id::BrokerId,
    metadata::{Failure, Input, PartitionResults, Reassignment, Reply, TopicResults},
};
use kastellan_protocol::{
    Refused,
    messages::{
        AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, TopicName,
        alter_partition_reassignments_request::ReassignableTopic,
        alter_partition_reassignments_response::{
            ReassignablePartitionResponse, ReassignableTopicResponse,
        },
    },
    protocol::StrBytes,
};

use super::failure;
use crate::{access::needs::REASSIGN, broker::Broker, call::Call};

/// From here on a request may forbid that a partition gets more or fewer replicas (KIP-860).
const FACTOR_CHANGE: i16 = 1;

/// Answers once it is decided; replicas that are added get there later.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: AlterPartitionReassignmentsRequest = call.decode()?;
    let may_change = call.version() < FACTOR_CHANGE || request.allow_replication_factor_change;
    if let Err(why) = broker.judge(&call.client).check_cluster(REASSIGN) {
        call.reply.send(&denied(&request, why));
        return Ok(());
    }
    let topics: Vec<_> = request.topics.iter().map(reassignment).collect();
    broker.decide(
        call.way.clone(),
        move |ticket| Input::ReassignPartitions { ticket, topics, allow_factor_change: may_change },
        move |reply| {
            let response = AlterPartitionReassignmentsResponse::default()
                .with_allow_replication_factor_change(may_change)
                .with_error_message(None);
            let response = match reply {
                Reply::Partitions(results) => response.with_responses(responses(results)),
                other => {
                    let (code, message) = failure::parts(other.failure());
                    response.with_error_code(code).with_error_message(message)
                }
            };
            call.reply.send(&response);
        },
    );
    Ok(())
}

/// The same for each partition, as in Kafka.
fn denied(
    request: &AlterPartitionReassignmentsRequest,
    why: Failure,
) -> AlterPartitionReassignmentsResponse {
    let topic = |topic: &ReassignableTopic| {
        let indexes = topic.partitions.iter().map(|it| it.partition_index);
        (topic.name.to_string(), indexes.map(|index| (index, Err(why.clone()))).collect())
    };
    let all = responses(request.topics.iter().map(topic).collect());
    let (code, message) = failure::parts(why);
    AlterPartitionReassignmentsResponse::default()
        .with_error_code(code)
        .with_error_message(message)
        .with_responses(all)
}

fn reassignment(topic: &ReassignableTopic) -> Reassignment {
    let ids = |ids: &Vec<kastellan_protocol::messages::BrokerId>| {
        ids.iter().map(|id| BrokerId(id.0)).collect()
    };
    let partitions = topic.partitions.iter();
    let targets = partitions.map(|it| (it.partition_index, it.replicas.as_ref().map(ids)));
    (topic.name.to_string(), targets.collect())
}

fn responses(results: PartitionResults) -> Vec<ReassignableTopicResponse> {
    let of = |(name, results): TopicResults| {
        let partitions = results.into_iter().map(|(index, result)| {
            let (code, message) = failure::of(result);
            ReassignablePartitionResponse::default()
                .with_partition_index(index)
                .with_error_code(code)
                .with_error_message(message)
        });
        ReassignableTopicResponse::default()
            .with_name(TopicName(StrBytes::from_string(name)))
            .with_partitions(partitions.collect())
    };
    results.into_iter().map(of).collect()
}
