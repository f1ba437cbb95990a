//! `OffsetFetch`: where groups left off.

use std::{collections::BTreeSet, sync::Arc};

use kastellan_core::group::{FetchOffsets, FetchedTopic, Input, Reply, TopicToFetch};
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
    access::needs::{OFFSET_FETCH, OFFSET_FETCH_TOPIC},
    broker::Broker,
    call::{Call, ClientInfo},
    groups::{self, Gather, Groups, wire},
};

/// From here on a request asks for several groups (KIP-709).
const BATCHED: i16 = 8;
/// From here on there is a place for an error of the group.
const GROUP_ERRORS: i16 = 2;

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: OffsetFetchRequest = call.decode()?;
    let version = call.version();
    let groups = if version >= BATCHED { request.groups } else { vec![as_batch(request)] };
    let who = (Arc::clone(broker), Arc::clone(&call.client));
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
    // what is asked for twice is answered once: an offset with its note is far longer than its name
    let mut seen = BTreeSet::new();
    for (index, mut group) in groups.into_iter().enumerate() {
        let gather = Arc::clone(&gather);
        if !seen.insert(group.group_id.clone()) {
            let twice = OffsetFetchResponseGroup::default()
                .with_group_id(group.group_id)
                .with_error_code(ErrorCode::InvalidRequest.code());
            gather.put(index, twice);
            continue;
        }
        once(group.topics.iter_mut().flatten());
        fetch(&who, version, group, move |answer| gather.put(index, answer));
    }
    Ok(())
}

/// Leaves each partition in its first place only.
fn once<'a>(topics: impl Iterator<Item = &'a mut OffsetFetchRequestTopics>) {
    let mut seen = BTreeSet::new();
    for topic in topics {
        let name = topic.name.clone();
        topic.partition_indexes.retain(|index| seen.insert((name.clone(), *index)));
    }
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
    (broker, client): &(Arc<Broker>, Arc<ClientInfo>),
    version: i16,
    mut group: OffsetFetchRequestGroup,
    then: impl FnOnce(OffsetFetchResponseGroup) + Send + 'static,
) {
    let judge = broker.judge(client);
    if !judge.may(OFFSET_FETCH, &group.group_id) {
        return then(refused(version, group, ErrorCode::GroupAuthorizationFailed));
    }
    // a topic that is not for the client is none of the coordinator's business
    let hidden: Vec<_> = match &mut group.topics {
        Some(topics) => {
            topics.extract_if(.., |it| !judge.may(OFFSET_FETCH_TOPIC, &it.name)).collect()
        }
        None => Vec::new(),
    };
    drop(judge);
    let name = group.group_id.clone();
    let topics = group.topics.as_ref();
    let topics = topics.map(|it| it.iter().map(|topic| to_fetch(broker, topic)).collect());
    let input =
        |ticket| Input::FetchOffsets(FetchOffsets { ticket, group: name.as_str().into(), topics });
    let asker = (Arc::clone(broker), Arc::clone(client));
    Groups::ask(broker, &name, input, move |reply| {
        let Reply::FetchOffsets(fetched) = reply else { return };
        let mut fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) => {
                group.topics.get_or_insert_default().extend(hidden);
                return then(refused(version, group, error));
            }
        };
        if group.topics.is_none() {
            let judge = asker.0.judge(&asker.1);
            fetched.retain(|it| judge.sees(OFFSET_FETCH_TOPIC, &it.topic));
        }
        let denied = ErrorCode::TopicAuthorizationFailed;
        let hidden = hidden.iter().map(|topic| failed(topic, denied));
        let topics = fetched.into_iter().map(topic).chain(hidden).collect();
        let answer = OffsetFetchResponseGroup::default().with_group_id(group.group_id);
        then(answer.with_topics(topics));
    });
}

/// The answer for a group that cannot be asked; the oldest answers have room for an error only
/// beside each partition.
fn refused(
    version: i16,
    group: OffsetFetchRequestGroup,
    error: ErrorCode,
) -> OffsetFetchResponseGroup {
    let topics = group.topics.unwrap_or_default();
    let failed = topics.iter().map(|topic| failed(topic, error));
    let topics = if version < GROUP_ERRORS { failed.collect() } else { Vec::new() };
    OffsetFetchResponseGroup::default()
        .with_group_id(group.group_id)
        .with_error_code(error.code())
        .with_topics(topics)
}

/// The topic to ask for. It need not exist; if it does, offsets of an older one of that name do not
/// count.
fn to_fetch(broker: &Broker, topic: &OffsetFetchRequestTopics) -> TopicToFetch {
    TopicToFetch {
        topic: topic.name.to_string(),
        topic_id: groups::topic_id(broker, &topic.name).unwrap_or_default(),
        partitions: topic.partition_indexes.clone(),
    }
}

fn topic(fetched: FetchedTopic) -> OffsetFetchResponseTopics {
    let partitions = fetched.partitions.into_iter().map(|it| {
        OffsetFetchResponsePartitions::default()
            .with_partition_index(it.partition)
            .with_committed_offset(it.offset)
            .with_committed_leader_epoch(it.leader_epoch)
            .with_metadata(Some(it.metadata.into()))
    });
    OffsetFetchResponseTopics::default()
        .with_name(wire::text(&fetched.topic).into())
        .with_partitions(partitions.collect())
}

fn failed(topic: &OffsetFetchRequestTopics, error: ErrorCode) -> OffsetFetchResponseTopics {
    let partitions = topic.partition_indexes.iter().map(|index| {
        OffsetFetchResponsePartitions::default()
            .with_partition_index(*index)
            .with_committed_offset(-1)
            .with_committed_leader_epoch(-1)
            .with_metadata(Some(wire::text("")))
            .with_error_code(error.code())
    });
    OffsetFetchResponseTopics::default()
        .with_name(wire::text(&topic.name).into())
        .with_partitions(partitions.collect())
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
