//! Pages, and where the next one begins.

use std::collections::BTreeSet;

use kastellan_core::{
    id::{BrokerId, Uuid},
    metadata::{Image, PartitionRecord, Record, TopicRecord},
};
use kastellan_protocol::messages::DescribeTopicPartitionsResponse;

use super::page::{Page, describe};
use crate::access::Judge;

/// Topics a, b and c with 2, 3 and 1 partitions, and d with none at all.
fn image() -> Image {
    let mut image = Image::default();
    for (name, partitions) in [("c", 1), ("a", 2), ("b", 3), ("d", 0)] {
        let id = Uuid::from_u128(name.bytes().map(u128::from).sum());
        image.apply(&Record::Topic(TopicRecord { name: name.to_owned(), id })).unwrap();
        for partition in 0..partitions {
            let record = PartitionRecord {
                partition,
                topic: id,
                replicas: vec![BrokerId(1)],
                isr: vec![BrokerId(1)],
                removing: Vec::new(),
                adding: Vec::new(),
                leader: BrokerId(1),
                leader_recovery_state: 0,
                leader_epoch: 0,
                partition_epoch: 0,
                directories: vec![Uuid::nil()],
                elr: vec![BrokerId(2)],
                last_known_elr: Vec::new(),
            };
            image.apply(&Record::Partition(record)).unwrap();
        }
    }
    image
}

fn ask(
    asked: Option<&[&str]>,
    from: Option<(&str, i32)>,
    most: usize,
) -> DescribeTopicPartitionsResponse {
    let asked = asked.map(|names| names.iter().copied().collect::<BTreeSet<&str>>());
    describe(&image(), &Page { listener: "plain", judge: &Judge::free(), asked, from, most })
}

/// What is on a page, as "topic:partitions" or "topic!error", and where the next one begins.
fn short(response: &DescribeTopicPartitionsResponse) -> (String, Option<(String, i32)>) {
    let topics = response.topics.iter().map(|topic| {
        let name = topic.name.as_ref().unwrap().as_str();
        if topic.error_code != 0 {
            return format!("{name}!{}", topic.error_code);
        }
        let indexes = topic.partitions.iter().map(|it| it.partition_index.to_string());
        format!("{name}:{}", indexes.collect::<Vec<_>>().join(","))
    });
    let cursor = response.next_cursor.as_ref();
    let next = cursor.map(|it| (it.topic_name.to_string(), it.partition_index));
    (topics.collect::<Vec<_>>().join(" "), next)
}

#[test]
fn pages_follow_each_other_until_there_is_nothing_more() {
    for most in 1..=7 {
        let (mut from, mut seen) = (None::<(String, i32)>, Vec::new());
        loop {
            let response = ask(None, from.as_ref().map(|(topic, at)| (topic.as_str(), *at)), most);
            let partitions = response.topics.iter().map(|topic| topic.partitions.len());
            assert!(partitions.sum::<usize>() <= most);
            for topic in &response.topics {
                let name = topic.name.as_ref().unwrap().to_string();
                seen.extend(topic.partitions.iter().map(|it| (name.clone(), it.partition_index)));
            }
            from = short(&response).1;
            if from.is_none() {
                break;
            }
        }
        let all = [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("b", 2), ("c", 0)];
        assert_eq!(seen, all.map(|(name, index)| (name.to_owned(), index)), "{most} at a time");
    }
}

#[test]
fn topics_are_told_in_order_each_once_and_unknown_ones_as_such() {
    let (page, next) = short(&ask(Some(&["c", "a", "no", "a", "b/"]), None, 10));
    assert_eq!((page.as_str(), next), ("a:0,1 b/!17 c:0 no!3", None));
}

#[test]
fn a_full_page_names_the_next_topic_even_if_that_does_not_exist() {
    let (page, next) = short(&ask(Some(&["a", "aa", "b"]), None, 2));
    assert_eq!((page.as_str(), next), ("a:0,1", Some(("aa".to_owned(), 0))));
    let (page, next) = short(&ask(Some(&["a", "b"]), None, 1));
    assert_eq!((page.as_str(), next), ("a:0", Some(("a".to_owned(), 1))));
}

#[test]
fn a_cursor_may_point_past_a_topic_or_at_one_that_is_gone() {
    let (page, next) = short(&ask(None, Some(("b", 7)), 10));
    assert_eq!((page.as_str(), next), ("b: c:0 d:", None));
    let (page, _) = short(&ask(None, Some(("bb", 1)), 10));
    assert_eq!(page, "c:0 d:");
    let (page, _) = short(&ask(Some(&["a", "bb", "c"]), Some(("bb", 1)), 10));
    assert_eq!(page, "bb!3 c:0");
}

#[test]
fn a_leader_that_the_client_cannot_reach_is_none_and_eligible_ones_are_named() {
    let response = ask(Some(&["c"]), None, 10);
    let partition = &response.topics[0].partitions[0];
    assert_eq!((partition.leader_id.0, partition.offline_replicas.len()), (-1, 1));
    assert_eq!(partition.eligible_leader_replicas.as_ref().unwrap()[0].0, 2);
    assert_eq!(partition.last_known_elr.as_deref(), Some(&[][..]));
    assert_eq!(response.topics[0].topic_authorized_operations, 3576);
}
