//! `OffsetCommit`: where a group is to go on.

use std::sync::Arc;

use kastellan_core::group::{CommitOffsets, Input, OffsetToCommit, Reply};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        OffsetCommitRequest, OffsetCommitResponse,
        offset_commit_request::OffsetCommitRequestTopic,
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
    },
};

use crate::{
    access::needs::{OFFSET_COMMIT, OFFSET_COMMIT_TOPIC},
    broker::Broker,
    call::Call,
    groups::{self, Groups, wire},
};

/// From here on a missing group has a code of its own.
const MISSING_GROUPS: i16 = 9;

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: OffsetCommitRequest = call.decode()?;
    let version = call.version();
    let judge = broker.judge(&call.client);
    if !judge.may(OFFSET_COMMIT, &request.group_id) {
        let denied = ErrorCode::GroupAuthorizationFailed;
        let topics = request.topics.iter().map(|topic| answer(topic, |_| Err(denied)));
        let response = OffsetCommitResponse::default().with_topics(topics.collect());
        call.reply.send(&response);
        return Ok(());
    }
    // what does not exist is answered here, and is none of the group's business
    let mut response = OffsetCommitResponse::default();
    let mut offsets = Vec::new();
    for topic in request.topics.iter().filter(|topic| !topic.partitions.is_empty()) {
        if !judge.may(OFFSET_COMMIT_TOPIC, &topic.name) {
            response.topics.push(answer(topic, |_| Err(ErrorCode::TopicAuthorizationFailed)));
            continue;
        }
        let (id, count) = groups::shape(broker, &topic.name).unwrap_or_default();
        let exists = |index: i32| usize::try_from(index).is_ok_and(|index| index < count);
        let known =
            |index| if exists(index) { Ok(()) } else { Err(ErrorCode::UnknownTopicOrPartition) };
        response.topics.push(answer(topic, known));
        let known = topic.partitions.iter().filter(|partition| exists(partition.partition_index));
        offsets.extend(known.map(|partition| OffsetToCommit {
            topic: topic.name.to_string(),
            topic_id: id,
            partition: partition.partition_index,
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.committed_metadata.as_deref().unwrap_or_default().to_owned(),
        }));
    }
    drop(judge);
    if offsets.is_empty() && !response.topics.is_empty() {
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

fn answer(
    topic: &OffsetCommitRequestTopic,
    may: impl Fn(i32) -> Result<(), ErrorCode>,
) -> OffsetCommitResponseTopic {
    let partitions = topic.partitions.iter().map(|partition| {
        let index = partition.partition_index;
        OffsetCommitResponsePartition::default()
            .with_partition_index(index)
            .with_error_code(wire::code(&may(index)))
    });
    OffsetCommitResponseTopic::default()
        .with_name(wire::text(&topic.name).into())
        .with_partitions(partitions.collect())
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
