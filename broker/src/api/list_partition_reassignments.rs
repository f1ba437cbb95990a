//! `ListPartitionReassignments` (KIP-455): partitions that are on the move.

use std::sync::Arc;

use kastellan_core::{
    id::BrokerId,
    metadata::{Image, Partition, Topic},
};
use kastellan_protocol::{
    Refused,
    messages::{
        self, ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, TopicName,
        list_partition_reassignments_response::{
            OngoingPartitionReassignment, OngoingTopicReassignment,
        },
    },
    protocol::StrBytes,
};

use super::failure;
use crate::{access::needs::LIST_REASSIGNMENTS, broker::Broker, call::Call};

/// Answers from the metadata as it is committed. What is not on the move, or does not exist, is
/// left out.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: ListPartitionReassignmentsRequest = call.decode()?;
    if let Err(why) = broker.judge(&call.client).check_cluster(LIST_REASSIGNMENTS) {
        let (code, message) = failure::parts(why);
        let response = ListPartitionReassignmentsResponse::default();
        call.reply.send(&response.with_error_code(code).with_error_message(message));
        return Ok(());
    }
    let image = broker.controller.image();
    let topics = match &request.topics {
        None => {
            image.topics().filter_map(|topic| ongoing(topic, topic.partitions.iter())).collect()
        }
        Some(asked) => {
            asked.iter().filter_map(|it| some(&image, &it.name, &it.partition_indexes)).collect()
        }
    };
    drop(image);
    let response =
        ListPartitionReassignmentsResponse::default().with_error_message(None).with_topics(topics);
    call.reply.send(&response);
    Ok(())
}

fn some(image: &Image, name: &str, indexes: &[i32]) -> Option<OngoingTopicReassignment> {
    let topic = image.topic(name)?;
    let partitions = indexes.iter().filter_map(|index| topic.partitions.get_key_value(index));
    ongoing(topic, partitions)
}

fn ongoing<'a>(
    topic: &Topic,
    partitions: impl Iterator<Item = (&'a i32, &'a Arc<Partition>)>,
) -> Option<OngoingTopicReassignment> {
    let moving = |(_, state): &(&i32, &Arc<Partition>)| {
        !state.adding.is_empty() || !state.removing.is_empty()
    };
    let ids = |ids: &[BrokerId]| ids.iter().map(|id| messages::BrokerId(id.0)).collect();
    let partitions: Vec<_> = partitions
        .filter(moving)
        .map(|(index, state)| {
            OngoingPartitionReassignment::default()
                .with_partition_index(*index)
                .with_replicas(ids(&state.replicas))
                .with_adding_replicas(ids(&state.adding))
                .with_removing_replicas(ids(&state.removing))
        })
        .collect();
    let name = || TopicName(StrBytes::from_string(topic.name.as_ref().to_owned()));
    (!partitions.is_empty())
        .then(|| OngoingTopicReassignment::default().with_name(name()).with_partitions(partitions))
}
