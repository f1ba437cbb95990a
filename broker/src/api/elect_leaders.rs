//! `ElectLeaders` (KIP-460): the preferred leader, or any that is left.

use std::sync::Arc;

use kastellan_core::metadata::{Election, Failure, Input, PartitionResults, Reply, TopicResults};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        ElectLeadersRequest, ElectLeadersResponse, TopicName,
        elect_leaders_request::TopicPartitions,
        elect_leaders_response::{PartitionResult, ReplicaElectionResult},
    },
    protocol::StrBytes,
};

use super::failure;
use crate::{access::needs::ELECT_LEADERS, broker::Broker, call::Call};

/// From here on the answer has room for an error of the request as a whole.
const TOP_LEVEL_ERROR: i16 = 1;

/// Answers once the elections are over. Asked for all partitions, only those are told of that had
/// a leader to elect.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: ElectLeadersRequest = call.decode()?;
    let version = call.version();
    let asked = request.topic_partitions;
    if let Err(why) = broker.judge(&call.client).check_cluster(ELECT_LEADERS) {
        call.reply.send(&failed(version, asked.unwrap_or_default(), &why));
        return Ok(());
    }
    if asked.as_ref().is_some_and(Vec::is_empty) {
        // nothing to elect, whatever kind of election that would be
        call.reply.send(&ElectLeadersResponse::default());
        return Ok(());
    }
    let election = match request.election_type {
        0 => Election::Preferred,
        1 => Election::Unclean,
        other => {
            let why = format!("{other} is no type of election: 0 is preferred, 1 is unclean");
            let refused = Failure::new(ErrorCode::InvalidRequest, why);
            call.reply.send(&failed(version, asked.unwrap_or_default(), &refused));
            return Ok(());
        }
    };
    let partitions = asked.as_ref().map(|topics| {
        topics.iter().map(|it| (it.topic.to_string(), it.partitions.clone())).collect()
    });
    broker.decide(
        call.way.clone(),
        move |ticket| Input::ElectLeaders { ticket, election, partitions },
        move |reply| {
            let response = match reply {
                Reply::Partitions(results) => {
                    ElectLeadersResponse::default().with_replica_election_results(topics(results))
                }
                other => failed(version, asked.unwrap_or_default(), &other.failure()),
            };
            call.reply.send(&response);
        },
    );
    Ok(())
}

fn topics(results: PartitionResults) -> Vec<ReplicaElectionResult> {
    let of = |(name, results): TopicResults| {
        let partitions = results.into_iter().map(|(index, result)| {
            let (code, message) = failure::of(result);
            PartitionResult::default()
                .with_partition_id(index)
                .with_error_code(code)
                .with_error_message(message)
        });
        ReplicaElectionResult::default()
            .with_topic(TopicName(StrBytes::from_string(name)))
            .with_partition_result(partitions.collect())
    };
    results.into_iter().map(of).collect()
}

/// Everything that was asked for failed for the same reason.
fn failed(version: i16, asked: Vec<TopicPartitions>, why: &Failure) -> ElectLeadersResponse {
    let code = why.code.code();
    let message = StrBytes::from_string(why.message.clone());
    let partition = |index| {
        PartitionResult::default()
            .with_partition_id(index)
            .with_error_code(code)
            .with_error_message(Some(message.clone()))
    };
    let topic = |topic: TopicPartitions| {
        ReplicaElectionResult::default()
            .with_topic(topic.topic)
            .with_partition_result(topic.partitions.into_iter().map(partition).collect())
    };
    ElectLeadersResponse::default()
        .with_error_code(if version >= TOP_LEVEL_ERROR { code } else { 0 })
        .with_replica_election_results(asked.into_iter().map(topic).collect())
}
