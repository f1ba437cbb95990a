//! `OffsetFetch`: where groups left off.

use std::sync::Arc;

use kastellan_core::{
    group::{FetchOffsets, FetchedTopic, Input, Reply, TopicToFetch},
    id::Uuid,
};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        OffsetFetchRequest, OffsetFetchResponse,
        offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
        offset_fetch_response::{
            OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
            OffsetFetchResponseTopic, OffsetFetchResponseTopics,
        },
    },
};

use crate::{
    broker::Broker,
    call::Call,
    groups::{Gather, Groups, wire},
};

/// From here on a request asks for several groups (KIP-709).
const BATCHED: i16 = 8;
/// From here on topics are named by id.
const TOPIC_IDS: i16 = 10;
/// From here on there is a place for an error of the group.
const GROUP_ERRORS: i16 = 2;

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: OffsetFetchRequest = call.decode()?;
    let version = call.version();
    let groups = if version >= BATCHED { request.groups } else { vec![as_batch(request)] };
    let broker = Arc::clone(broker);
    let asked = groups.len();
    let done = move |answers: Vec<OffsetFetchResponseGroup>| {
        let response = OffsetFetchResponse::default();
        call.reply.send(&if version >= BATCHED {
            response.with_groups(answers)
        } else {
            unbatched(version, response, answers)
        });
    };
    let gather = Gather::new(asked, done);
    for (index, group) in groups.into_iter().enumerate() {
        let gather = Arc::clone(&gather);
        fetch(&broker, version, group, move |answer| gather.put(index, answer));
    }
    Ok(())
}

/// What an older request asks for, in the words of a newer one.
fn as_batch(request: OffsetFetchRequest) -> OffsetFetchRequestGroup {
    let topics = request.topics.map(|topics| {
        let topic =
            |it: kastellan_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic| {
                OffsetFetchRequestTopics::default()
                    .with_name(it.name)
                    .with_partition_indexes(it.partition_indexes)
            };
        topics.into_iter().map(topic).collect()
    });
    OffsetFetchRequestGroup::default().with_group_id(request.group_id).with_topics(topics)
}

/// Asks one group's coordinator.
fn fetch(
    broker: &Arc<Broker>,
    version: i16,
    group: OffsetFetchRequestGroup,
    then: impl FnOnce(OffsetFetchResponseGroup) + Send + 'static,
) {
    let mut unknown = Vec::new();
    let topics = group.topics.as_ref().map(|topics| {
        let mut known = Vec::new();
        for topic in topics {
            match to_fetch(broker, version, topic) {
                Some(topic) => known.push(topic),
                None => unknown.push(topic.clone()),
            }
        }
        known
    });
    let group_id = group.group_id.clone();
    let asker = Arc::clone(broker);
    let input = |ticket| {
        Input::FetchOffsets(FetchOffsets { ticket, group: group_id.as_str().into(), topics })
    };
    let name = group.group_id.clone();
    Groups::ask(broker, &group_id, input, move |reply| {
        let Reply::FetchOffsets(fetched) = reply else { return };
        let answer = OffsetFetchResponseGroup::default().with_group_id(wire::text(&name).into());
        then(match fetched {
            Err(error) => {
                // the oldest answers have room for an error only beside each partition
                let topics = group.topics.unwrap_or_default();
                let failed = topics.iter().map(|topic| failed(version, topic, error));
                let topics = if version < GROUP_ERRORS { failed.collect() } else { Vec::new() };
                answer.with_error_code(error.code()).with_topics(topics)
            }
            Ok(fetched) => {
                let known = fetched.into_iter().filter_map(|it| topic(&asker, version, it));
                let unknown = unknown.iter();
                let unknown = unknown.map(|it| failed(version, it, ErrorCode::UnknownTopicId));
                answer.with_topics(known.chain(unknown).collect())
            }
        });
    });
}

/// The topic to ask for; `None` where an id says nothing. A name is looked up, too, so that offsets of
/// an older topic of that name do not count; it may be unknown.
fn to_fetch(
    broker: &Broker,
    version: i16,
    topic: &OffsetFetchRequestTopics,
) -> Option<TopicToFetch> {
    let image = broker.controller.image();
    let (name, topic_id) = if version >= TOPIC_IDS {
        let known = image.topic_by_id(&topic.topic_id)?;
        (known.name.as_ref().to_owned(), known.id)
    } else {
        let known = image.topic(&topic.name);
        (topic.name.to_string(), known.map_or_else(Uuid::nil, |known| known.id))
    };
    Some(TopicToFetch { topic: name, topic_id, partitions: topic.partition_indexes.clone() })
}

/// A topic's answer; one that has gone since has no id to be told by.
fn topic(
    broker: &Broker,
    version: i16,
    fetched: FetchedTopic,
) -> Option<OffsetFetchResponseTopics> {
    let partitions = fetched.partitions.into_iter().map(|it| {
        OffsetFetchResponsePartitions::default()
            .with_partition_index(it.partition)
            .with_committed_offset(it.offset)
            .with_committed_leader_epoch(it.leader_epoch)
            .with_metadata(Some(it.metadata.into()))
    });
    let answer = OffsetFetchResponseTopics::default().with_partitions(partitions.collect());
    if version < TOPIC_IDS {
        return Some(answer.with_name(wire::text(&fetched.topic).into()));
    }
    let id = if fetched.topic_id.is_nil() {
        broker.controller.image().topic(&fetched.topic)?.id
    } else {
        fetched.topic_id
    };
    Some(answer.with_topic_id(id))
}

fn failed(
    version: i16,
    topic: &OffsetFetchRequestTopics,
    error: ErrorCode,
) -> OffsetFetchResponseTopics {
    let partitions = topic.partition_indexes.iter().map(|index| {
        OffsetFetchResponsePartitions::default()
            .with_partition_index(*index)
            .with_committed_offset(-1)
            .with_committed_leader_epoch(-1)
            .with_metadata(Some(wire::text("")))
            .with_error_code(error.code())
    });
    let answer = OffsetFetchResponseTopics::default().with_partitions(partitions.collect());
    if version >= TOPIC_IDS {
        answer.with_topic_id(topic.topic_id)
    } else {
        answer.with_name(wire::text(&topic.name).into())
    }
}

/// The only group's answer, in the words of older versions.
fn unbatched(
    version: i16,
    response: OffsetFetchResponse,
    answers: Vec<OffsetFetchResponseGroup>,
) -> OffsetFetchResponse {
    let Some(group) = answers.into_iter().next() else { return response };
    let partition = |it: OffsetFetchResponsePartitions| {
        OffsetFetchResponsePartition::default()
            .with_partition_index(it.partition_index)
            .with_committed_offset(it.committed_offset)
            .with_committed_leader_epoch(it.committed_leader_epoch)
            .with_metadata(it.metadata)
            .with_error_code(it.error_code)
    };
    let topic = |it: OffsetFetchResponseTopics| {
        OffsetFetchResponseTopic::default()
            .with_name(it.name)
            .with_partitions(it.partitions.into_iter().map(partition).collect())
    };
    let code = if version < GROUP_ERRORS { wire::NONE } else { group.error_code };
    response.with_error_code(code).with_topics(group.topics.into_iter().map(topic).collect())
}
