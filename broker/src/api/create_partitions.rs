//! `CreatePartitions`: more of them for topics that exist.

use std::{collections::BTreeSet, sync::Arc};

use kastellan_core::{
    id::BrokerId,
    metadata::{Input, NewPartitions, Reply},
};
use kastellan_protocol::{
    Refused,
    messages::{
        CreatePartitionsRequest, CreatePartitionsResponse, TopicName,
        create_partitions_request::CreatePartitionsTopic,
        create_partitions_response::CreatePartitionsTopicResult,
    },
    protocol::StrBytes,
};

use super::failure;
use crate::{access::needs::CREATE_PARTITIONS, broker::Broker, call::Call, quotas::throttle_ms};

/// The first version of clients that know 89 `THROTTLING_QUOTA_EXCEEDED` (KIP-599).
const STRICT: i16 = 3;

/// Answers once the new partitions can be used.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: CreatePartitionsRequest = call.decode()?;
    let judge = broker.judge(&call.client);
    let (wanted, denied): (Vec<_>, Vec<_>) =
        request.topics.iter().partition(|topic| judge.may(CREATE_PARTITIONS, &topic.name));
    drop(judge);
    let denied: BTreeSet<_> = denied.into_iter().map(|topic| topic.name.to_string()).collect();
    let topics: Vec<_> = wanted.into_iter().map(new_partitions).collect();
    let names: Vec<_> = topics.iter().map(|topic| topic.topic.clone()).collect();
    let validate_only = request.validate_only;
    let requester = call.requester(STRICT);
    broker.decide(
        call.way.clone(),
        move |ticket| {
            let input = Box::new(Input::CreatePartitions { ticket, topics, validate_only });
            Input::OnBehalf { requester, input }
        },
        move |reply| {
            let (reply, wait) = reply.throttled();
            let results = match reply {
                Reply::Results(results) => results,
                other => {
                    let failure = other.failure();
                    names.into_iter().map(|name| (name, Err(failure.clone()))).collect()
                }
            };
            let denied = denied.into_iter().map(|name| (name, Err(CREATE_PARTITIONS.denied())));
            let results = results
                .into_iter()
                .chain(denied)
                .map(|(name, result)| {
                    let (code, message) = failure::of(result);
                    CreatePartitionsTopicResult::default()
                        .with_name(TopicName(StrBytes::from_string(name)))
                        .with_error_code(code)
                        .with_error_message(message)
                })
                .collect();
            call.reply.send(
                &CreatePartitionsResponse::default()
                    .with_throttle_time_ms(throttle_ms(wait))
                    .with_results(results),
            );
        },
    );
    Ok(())
}

fn new_partitions(topic: &CreatePartitionsTopic) -> NewPartitions {
    let assignments = topic.assignments.as_ref().map(|assignments| {
        assignments
            .iter()
            .map(|assignment| assignment.broker_ids.iter().map(|id| BrokerId(id.0)).collect())
            .collect()
    });
    NewPartitions { topic: topic.name.to_string(), count: topic.count, assignments }
}
