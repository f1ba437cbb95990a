//! `OffsetCommit`: where a group is to go on.

use std::sync::Arc;

use kastellan_core::{
    group::{CommitOffsets, Input, OffsetToCommit, Reply},
    id::Uuid,
};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        OffsetCommitRequest, OffsetCommitResponse,
        offset_commit_request::OffsetCommitRequestTopic,
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
    },
};

use crate::{
    broker::Broker,
    call::Call,
    groups::{Groups, wire},
};

/// From here on topics are named by id.
const TOPIC_IDS: i16 = 10;
/// From here on a missing group has a code of its own.
const MISSING_GROUPS: i16 = 9;

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: OffsetCommitRequest = call.decode()?;
    let version = call.version();
    // topics that do not exist are answered here, and are none of the group's business
    let mut response = OffsetCommitResponse::default();
    let mut offsets = Vec::new();
    for topic in &request.topics {
        let known = find_topic(broker, version, topic);
        response.topics.push(answer(version, topic, known.as_ref().err().copied()));
        if let Ok((name, id)) = known {
            offsets.extend(topic.partitions.iter().map(|partition| OffsetToCommit {
                topic: name.clone(),
                topic_id: id,
                partition: partition.partition_index,
                offset: partition.committed_offset,
                leader_epoch: partition.committed_leader_epoch,
                metadata: partition.committed_metadata.as_deref().unwrap_or_default().to_owned(),
            }));
        }
    }
    if offsets.is_empty() && !request.topics.is_empty() {
        call.reply.send(&response);
        return Ok(());
    }
    let input = |ticket| {
        Input::CommitOffsets(Box::new(CommitOffsets {
            ticket,
            group: request.group_id.as_str().into(),
            generation: request.generation_id_or_member_epoch,
            member: wire::to_member(&request.member_id),
            instance: wire::to_instance(request.group_instance_id.as_ref()),
            retention_ms: request.retention_time_ms,
            tells_missing_group: version >= MISSING_GROUPS,
            offsets,
        }))
    };
    Groups::ask(broker, &request.group_id, input, move |reply| {
        if let Reply::CommitOffsets(fates) = reply {
            fill_in(&mut response, fates);
            call.reply.send(&response);
        }
    });
    Ok(())
}

/// The name and id of a topic that exists.
fn find_topic(
    broker: &Broker,
    version: i16,
    topic: &OffsetCommitRequestTopic,
) -> Result<(String, Uuid), ErrorCode> {
    let image = broker.controller.image();
    let (found, missing) = if version >= TOPIC_IDS {
        (image.topic_by_id(&topic.topic_id), ErrorCode::UnknownTopicId)
    } else {
        (image.topic(&topic.name), ErrorCode::UnknownTopicOrPartition)
    };
    found.map(|topic| (topic.name.as_ref().to_owned(), topic.id)).ok_or(missing)
}

fn answer(
    version: i16,
    topic: &OffsetCommitRequestTopic,
    error: Option<ErrorCode>,
) -> OffsetCommitResponseTopic {
    let code = error.map_or(wire::NONE, |error| error.code());
    let partitions = topic.partitions.iter().map(|partition| {
        OffsetCommitResponsePartition::default()
            .with_partition_index(partition.partition_index)
            .with_error_code(code)
    });
    let answer = OffsetCommitResponseTopic::default().with_partitions(partitions.collect());
    if version >= TOPIC_IDS {
        answer.with_topic_id(topic.topic_id)
    } else {
        answer.with_name(wire::text(&topic.name).into())
    }
}

/// Writes the coordinator's word to every partition that was put to it.
fn fill_in(
    response: &mut OffsetCommitResponse,
    fates: Result<Vec<Result<(), ErrorCode>>, ErrorCode>,
) {
    let asked = response.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
    let mut asked = asked.filter(|partition| partition.error_code == wire::NONE);
    match fates {
        Ok(fates) => {
            for (partition, fate) in asked.by_ref().zip(&fates) {
                partition.error_code = wire::code(fate);
            }
        }
        Err(error) => asked.for_each(|partition| partition.error_code = error.code()),
    }
}
