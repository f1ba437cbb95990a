//! `ListOffsets`: the first, the last, and the first at a time.

use kastellan_core::partition::{Isolation, Place};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        ListOffsetsRequest, ListOffsetsResponse, TopicName,
        list_offsets_request::ListOffsetsPartition,
        list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
    },
};

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    access::needs::LIST_OFFSETS,
    broker::Broker,
    call::Call,
    partition::{Found, Sought},
};

/// First version whose answer has the epoch of the record.
const LEADER_EPOCH: i16 = 4;

/// Answers a request. One that has to search the log does so on another thread.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: ListOffsetsRequest = call.decode()?;
    let timestamps = request.topics.iter().flat_map(|topic| &topic.partitions);
    let searches = timestamps.map(|partition| partition.timestamp).any(|at| at >= 0 || at == -3);
    if searches {
        let broker = Arc::clone(broker);
        drop(tokio::task::spawn_blocking(move || answer(&broker, call, request)));
    } else {
        answer(broker, call, request);
    }
    Ok(())
}

fn answer(broker: &Broker, call: Call, request: ListOffsetsRequest) {
    let isolation = match request.isolation_level {
        1 => Isolation::ReadCommitted,
        _ => Isolation::ReadUncommitted,
    };
    let may_ask = call.may_speak_as(request.replica_id.0);
    let judge = broker.judge(&call.client);
    let twice = named_twice(&request);
    let mut refused = BTreeSet::new();
    let mut response = ListOffsetsResponse::default();
    for topic in request.topics {
        let may_see = judge.may(LIST_OFFSETS, &topic.name);
        let listed = topic.partitions.iter().filter_map(|wanted| {
            let found = if !may_ask {
                // Followers have a listener of their own.
                Err(ErrorCode::ClusterAuthorizationFailed)
            } else if !may_see {
                Err(ErrorCode::TopicAuthorizationFailed)
            } else if let Some(partition) = twice.get(&(topic.name.clone(), wanted.partition_index))
            {
                // Answered once, as Kafka does.
                if !refused.insert(partition) {
                    return None;
                }
                Err(ErrorCode::InvalidRequest)
            } else {
                list(broker, &topic.name, wanted, (call.version(), isolation))
            };
            Some(written(wanted.partition_index, call.version(), found))
        });
        let partitions = listed.collect();
        let answer =
            ListOffsetsTopicResponse::default().with_name(topic.name).with_partitions(partitions);
        response.topics.push(answer);
    }
    call.reply.send(&response);
}

/// Partitions that the request names more than once: nobody knows which of the questions is meant.
fn named_twice(request: &ListOffsetsRequest) -> BTreeSet<(TopicName, i32)> {
    let mut seen = BTreeSet::new();
    let named = request.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|wanted| (&topic.name, wanted.partition_index))
    });
    named
        .filter(|partition| !seen.insert(*partition))
        .map(|(topic, index)| (topic.clone(), index))
        .collect()
}

fn list(
    broker: &Broker,
    topic: &str,
    wanted: &ListOffsetsPartition,
    (version, isolation): (i16, Isolation),
) -> Result<Found, ErrorCode> {
    let place = Place::parse(wanted.timestamp).ok_or(ErrorCode::UnsupportedVersion)?;
    if version < place.since_version() {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let partition = broker.partitions.get(topic, wanted.partition_index)?;
    let current_leader_epoch = wanted.current_leader_epoch;
    partition.list(Sought { place, current_leader_epoch, isolation })
}

fn written(
    index: i32,
    version: i16,
    found: Result<Found, ErrorCode>,
) -> ListOffsetsPartitionResponse {
    let answer = ListOffsetsPartitionResponse::default().with_partition_index(index);
    match found {
        Ok(Found { timestamp, offset, epoch }) => {
            let epoch = if version >= LEADER_EPOCH { epoch } else { -1 };
            answer.with_timestamp(timestamp).with_offset(offset).with_leader_epoch(epoch)
        }
        Err(code) => answer
            .with_error_code(code.code())
            .with_timestamp(-1)
            .with_offset(-1)
            .with_leader_epoch(-1),
    }
}
