//! `OffsetDelete` (KIP-496): committed offsets that nobody reads on from go.

use std::sync::Arc;

use kastellan_core::group::{DeleteOffsets, Input, Reply};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        OffsetDeleteRequest, OffsetDeleteResponse,
        offset_delete_request::OffsetDeleteRequestTopic,
        offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
    },
};

use crate::{
    access::needs::{OFFSET_DELETE, OFFSET_DELETE_TOPIC},
    broker::Broker,
    call::Call,
    groups::{self, Groups, wire},
};

/// Answers once the offsets are gone.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: OffsetDeleteRequest = call.decode()?;
    let judge = broker.judge(&call.client);
    if !judge.may(OFFSET_DELETE, &request.group_id) {
        let code = ErrorCode::GroupAuthorizationFailed.code();
        call.reply.send(&OffsetDeleteResponse::default().with_error_code(code));
        return Ok(());
    }
    // what does not exist is answered here, and is none of the group's business
    let mut answers = Vec::with_capacity(request.topics.len());
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics.iter().filter(|topic| !topic.partitions.is_empty()) {
        let (_, mut count) = groups::shape(broker, &topic.name).unwrap_or_default();
        let asked = topic.partitions.iter().map(|partition| partition.partition_index);
        let unknown = if judge.may(OFFSET_DELETE_TOPIC, &topic.name) {
            ErrorCode::UnknownTopicOrPartition
        } else {
            count = 0;
            ErrorCode::TopicAuthorizationFailed
        };
        let exists = |index: &i32| usize::try_from(*index).is_ok_and(|index| index < count);
        answers.push(answer(topic, (exists, unknown)));
        topics.push((topic.name.to_string(), asked.filter(exists).collect()));
    }
    drop(judge);
    let input = |ticket| {
        let group = request.group_id.as_str().into();
        Input::DeleteOffsets(DeleteOffsets { ticket, group, topics })
    };
    Groups::ask(broker, &request.group_id, input, move |reply| {
        let Reply::DeleteOffsets(fates) = reply else { return };
        let response = match fates {
            Ok(fates) => {
                for (topic, fate) in answers.iter_mut().zip(&fates) {
                    fill_in(topic, wire::code(fate));
                }
                OffsetDeleteResponse::default().with_topics(answers)
            }
            Err(error) => OffsetDeleteResponse::default().with_error_code(error.code()),
        };
        call.reply.send(&response);
    });
    Ok(())
}

fn answer(
    topic: &OffsetDeleteRequestTopic,
    (exists, unknown): (impl Fn(&i32) -> bool, ErrorCode),
) -> OffsetDeleteResponseTopic {
    let partitions = topic.partitions.iter().map(|partition| {
        let index = partition.partition_index;
        OffsetDeleteResponsePartition::default()
            .with_partition_index(index)
            .with_error_code(if exists(&index) { wire::NONE } else { unknown.code() })
    });
    OffsetDeleteResponseTopic::default()
        .with_name(wire::text(&topic.name).into())
        .with_partitions(partitions.collect())
}

/// Writes the coordinator's word to every partition that was put to it.
fn fill_in(topic: &mut OffsetDeleteResponseTopic, code: i16) {
    for partition in &mut topic.partitions {
        if partition.error_code == wire::NONE {
            partition.error_code = code;
        }
    }
}
