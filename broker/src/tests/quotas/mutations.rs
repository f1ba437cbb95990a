//! Clients that create and delete more partitions than their quota says (KIP-599).

use std::time::Instant;

use kastellan_protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, MetadataRequest,
    create_topics_request::CreatableTopic, metadata_request::MetadataRequestTopic,
};

use super::{
    super::client::{Client, topic_name},
    Harness, alter,
    throttled::{ANYBODY, ask, milliseconds},
};

fn create(client: &mut Client, version: i16, topics: &[(&str, i32)]) -> CreateTopicsResponse {
    let topic = |(name, partitions): &(&str, i32)| {
        CreatableTopic::default()
            .with_name(topic_name(name))
            .with_num_partitions(*partitions)
            .with_replication_factor(1)
    };
    let topics = topics.iter().map(topic).collect();
    client
        .call(version, &CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(10_000))
}

fn codes(answer: &CreateTopicsResponse) -> Vec<i16> {
    answer.topics.iter().map(|topic| topic.error_code).collect()
}

#[test]
fn who_creates_too_much_is_refused_and_not_read() {
    let broker = Harness::with(&[("controller.quota.window.num", "1")]);
    let mut client = broker.client();
    assert_eq!(alter(&mut client, ANYBODY, &[("controller_mutation_rate", Some(10.0))]), 0);
    let answer = create(&mut client, 7, &[("a", 8), ("b", 7), ("c", 1)]);
    assert_eq!(codes(&answer), [0, 0, 89]);
    assert!((300..=500).contains(&answer.throttle_time_ms), "{answer:?}");
    let waited = ask(&mut client);
    assert!(waited >= milliseconds(answer.throttle_time_ms - 100), "{waited:?}");
    let answer = create(&mut client, 5, &[("c", 10), ("d", 1)]);
    assert_eq!(codes(&answer), [0, 0], "an older client would not know why");
    assert!(answer.throttle_time_ms > 500, "{answer:?}");
    let began = Instant::now();
    assert_eq!(codes(&create(&mut client, 7, &[("e", 1)])), [0], "after it had to wait");
    assert!(began.elapsed() >= milliseconds(answer.throttle_time_ms - 100));
}

/// Asks for topics that are to come into being by that; how it went with each.
fn want(client: &mut Client, topics: &[&'static str]) -> Vec<i16> {
    let topic =
        |name: &&'static str| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    let wanted = MetadataRequest::default()
        .with_topics(Some(topics.iter().map(topic).collect()))
        .with_allow_auto_topic_creation(true);
    client.call(12, &wanted).topics.iter().map(|topic| topic.error_code).collect()
}

#[test]
fn who_asks_for_too_many_topics_that_are_not_there_finds_them_missing() {
    let broker = Harness::with(&[("controller.quota.window.num", "1"), ("num.partitions", "12")]);
    let mut client = broker.client();
    assert_eq!(alter(&mut client, ANYBODY, &[("controller_mutation_rate", Some(10.0))]), 0);
    assert_eq!(want(&mut client, &["a", "b"]), [0, 3], "as in Kafka: it asks again, and later");
    assert_eq!(codes(&create(&mut client, 7, &[("c", 1)])), [89], "on the same account");
    while want(&mut client, &["b"]) != [0] {}
    assert_eq!(alter(&mut client, ANYBODY, &[("controller_mutation_rate", None)]), 0);
    assert_eq!(want(&mut client, &["d", "e", "f"]), [0, 0, 0]);
}
