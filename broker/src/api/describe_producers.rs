//! `DescribeProducers`: whom a partition remembers (KIP-664).

use std::{collections::BTreeSet, sync::Arc};

use kastellan_core::{metadata::validate_name, producer::Active};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DescribeProducersRequest, DescribeProducersResponse, ProducerId,
        describe_producers_response::{PartitionResponse, ProducerState, TopicResponse},
    },
    protocol::StrBytes,
};

use super::failure;
use crate::{access::needs::DESCRIBE_PRODUCERS, broker::Broker, call::Call};

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DescribeProducersRequest = call.decode()?;
    let judge = broker.judge(&call.client);
    let mut seen = BTreeSet::new();
    let topics = request.topics.into_iter().map(|topic| {
        // Each partition once: the answer is never more than what is remembered.
        let mut indexes = topic.partition_indexes;
        indexes.retain(|index| seen.insert((topic.name.clone(), *index)));
        let may = judge.check(DESCRIBE_PRODUCERS, &topic.name);
        let partition = |index| match may.clone() {
            Ok(()) => describe(broker, &topic.name, index),
            Err(why) => {
                let (code, message) = failure::parts(why);
                let answer = PartitionResponse::default().with_partition_index(index);
                answer.with_error_code(code).with_error_message(message)
            }
        };
        let partitions = indexes.into_iter().map(partition).collect();
        TopicResponse::default().with_name(topic.name).with_partitions(partitions)
    });
    let response = DescribeProducersResponse::default().with_topics(topics.collect());
    drop(judge);
    call.reply.send(&response);
    Ok(())
}

fn describe(broker: &Broker, topic: &str, index: i32) -> PartitionResponse {
    let answer = PartitionResponse::default().with_partition_index(index);
    let refused = |code: ErrorCode, message: String| {
        let message = Some(StrBytes::from_string(message));
        answer.clone().with_error_code(code.code()).with_error_message(message)
    };
    if let Err(wrong) = validate_name(topic) {
        return refused(ErrorCode::InvalidTopicException, wrong.to_string());
    }
    let partition = broker.partitions.get(topic, index);
    match partition.and_then(|partition| partition.active_producers()) {
        Ok(active) => answer.with_active_producers(active.into_iter().map(state).collect()),
        Err(code) => refused(code, format!("{topic}-{index} is not served here")),
    }
}

/// Without transactions there is no coordinator, and none is open.
fn state(active: Active) -> ProducerState {
    ProducerState::default()
        .with_producer_id(ProducerId(active.id))
        .with_producer_epoch(i32::from(active.epoch))
        .with_last_sequence(active.last_sequence)
        .with_last_timestamp(active.last_timestamp)
        .with_coordinator_epoch(-1)
        .with_current_txn_start_offset(-1)
}
