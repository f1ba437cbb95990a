//! One page of topics and partitions out of an image.

use std::{collections::BTreeSet, ops::Bound};

use kastellan_core::{
    id::BrokerId,
    metadata::{Image, Partition, Topic, is_internal, validate_name},
    security::ResourceType,
};
use kastellan_protocol::{
    ErrorCode,
    messages::{
        self, DescribeTopicPartitionsResponse, TopicName,
        describe_topic_partitions_response::{
            Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
        },
    },
    protocol::StrBytes,
};

use crate::access::{Judge, needs::DESCRIBE_TOPIC_PARTITIONS};

/// Which page.
pub(super) struct Page<'a> {
    /// By which listener the client came: a leader has to be reachable there.
    pub(super) listener: &'a str,
    /// Who says what the client may see.
    pub(super) judge: &'a Judge<'a>,
    /// The topics asked for; `None` for all.
    pub(super) asked: Option<BTreeSet<&'a str>>,
    /// The topic and partition to begin with.
    pub(super) from: Option<(&'a str, i32)>,
    /// Partitions at most; 1 or more.
    pub(super) most: usize,
}

/// The answer. Topics that do not exist are told of where they were asked for, and cost nothing of
/// the page.
pub(super) fn describe(image: &Image, page: &Page<'_>) -> DescribeTopicPartitionsResponse {
    let begin = page.from.map_or("", |(topic, _)| topic);
    let mut response = DescribeTopicPartitionsResponse::default();
    let mut writer = Writer { image, page, left: page.most, response: &mut response };
    if let Some(asked) = &page.asked {
        let (visible, hidden): (Vec<&str>, Vec<_>) = asked
            .range::<str, _>((Bound::Included(begin), Bound::Unbounded))
            .partition(|name| page.judge.may(DESCRIBE_TOPIC_PARTITIONS, name));
        for name in visible {
            let going_on = match image.topic(name) {
                Some(topic) => writer.topic(topic),
                None => writer.unknown(name),
            };
            if !going_on {
                break;
            }
        }
        response.topics.extend(hidden.into_iter().map(denied));
    } else {
        for topic in image.topics_from(begin) {
            if page.judge.sees(DESCRIBE_TOPIC_PARTITIONS, &topic.name) && !writer.topic(topic) {
                break;
            }
        }
    }
    response
}

/// A topic that the client may not see, whether it exists or not.
fn denied(name: &str) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic::default()
        .with_error_code(ErrorCode::TopicAuthorizationFailed.code())
        .with_name(Some(TopicName(StrBytes::from_string(name.to_owned()))))
}

struct Writer<'a> {
    image: &'a Image,
    page: &'a Page<'a>,
    /// Partitions that still have room.
    left: usize,
    response: &'a mut DescribeTopicPartitionsResponse,
}

impl Writer<'_> {
    /// Adds a topic, or as much of it as has room; false when the page is full.
    fn topic(&mut self, topic: &Topic) -> bool {
        if self.left == 0 {
            return self.end(&topic.name, 0);
        }
        let first = match self.page.from {
            Some((name, index)) if *name == *topic.name => index,
            _ => 0,
        };
        let mut rest = topic.partitions.range(first..);
        let described = rest.by_ref().take(self.left);
        let described: Vec<_> = described.map(|(index, it)| self.partition(*index, it)).collect();
        self.left -= described.len();
        let name = StrBytes::from_string(topic.name.as_ref().to_owned());
        self.response.topics.push(
            DescribeTopicPartitionsResponseTopic::default()
                .with_name(Some(TopicName(name)))
                .with_topic_id(topic.id)
                .with_is_internal(is_internal(&topic.name))
                .with_topic_authorized_operations(self.operations(&topic.name))
                .with_partitions(described),
        );
        match rest.next() {
            Some((next, _)) => self.end(&topic.name, *next),
            None => true,
        }
    }

    fn operations(&self, topic: &str) -> i32 {
        self.page.judge.operations(ResourceType::Topic, topic)
    }

    fn unknown(&mut self, name: &str) -> bool {
        if self.left == 0 {
            return self.end(name, 0);
        }
        let error = if validate_name(name).is_ok() {
            ErrorCode::UnknownTopicOrPartition
        } else {
            ErrorCode::InvalidTopicException
        };
        self.response.topics.push(
            DescribeTopicPartitionsResponseTopic::default()
                .with_error_code(error.code())
                .with_name(Some(TopicName(StrBytes::from_string(name.to_owned()))))
                .with_is_internal(is_internal(name))
                .with_topic_authorized_operations(self.operations(name)),
        );
        true
    }

    /// The page is full; the next one begins here.
    fn end(&mut self, topic: &str, partition: i32) -> bool {
        let name = TopicName(StrBytes::from_string(topic.to_owned()));
        let cursor = Cursor::default().with_topic_name(name).with_partition_index(partition);
        self.response.next_cursor = Some(cursor);
        false
    }

    fn partition(&self, index: i32, state: &Partition) -> DescribeTopicPartitionsResponsePartition {
        let ids = |ids: &[BrokerId]| ids.iter().map(|id| messages::BrokerId(id.0)).collect();
        let online = |id: &BrokerId| self.image.is_online(state, *id);
        let reachable = |id: &BrokerId| {
            let endpoint =
                |broker| kastellan_core::metadata::Broker::endpoint(broker, self.page.listener);
            self.image
                .broker(*id)
                .is_some_and(|broker| !broker.fenced && endpoint(broker).is_some())
        };
        let offline: Vec<_> = state.replicas.iter().copied().filter(|id| !online(id)).collect();
        let leader = state.leader.filter(reachable).map_or(-1, |leader| leader.0);
        DescribeTopicPartitionsResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(messages::BrokerId(leader))
            .with_leader_epoch(state.leader_epoch)
            .with_replica_nodes(ids(&state.replicas))
            .with_isr_nodes(ids(&state.isr))
            .with_eligible_leader_replicas(Some(ids(&state.elr)))
            .with_last_known_elr(Some(ids(&state.last_known_elr)))
            .with_offline_replicas(ids(&offline))
    }
}
