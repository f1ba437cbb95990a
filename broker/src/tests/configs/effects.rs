//! Setting by setting: what a client sees before and after.

use kastellan_protocol::messages::{
    MetadataRequest, OffsetCommitRequest,
    metadata_request::MetadataRequestTopic,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
};

use super::*;
use crate::tests::client::{Ask, topic_name, values};

/// The records of partition 0 from `offset` on.
fn records(client: &mut Client, topic: &Topic, offset: i64) -> Bytes {
    let response = client.fetch(Ask::default(), topic, &[(0, offset)]);
    response.responses[0].partitions[0].records.clone().unwrap_or_default()
}

/// The codec in the attributes of a batch.
fn codec(batch: &[u8]) -> u8 {
    batch[22] & 7
}

#[test]
fn batches_are_stored_in_the_codec_of_now() {
    let harness = Harness::new();
    let mut client = harness.client();
    let topic = client.create("t", 1, &[]);
    let text = "x".repeat(500);
    assert_eq!(client.put(&topic, 0, batch(&[&text])), (0, 0));
    set(&mut client, (TOPIC, "t"), "compression.type", "gzip");
    assert_eq!(client.put(&topic, 0, batch(&[&text])), (0, 1));
    set(&mut client, (TOPIC, "t"), "compression.type", "zstd");
    assert_eq!(client.put(&topic, 0, batch(&[&text])), (0, 2));
    let codecs = [0, 1, 2].map(|offset| codec(&records(&mut client, &topic, offset)));
    assert_eq!(codecs, [0, 1, 4]);
    set(&mut client, (BROKER, ""), "compression.type", "lz4");
    assert_eq!(alter(&mut client, (TOPIC, "t"), &[("compression.type", DELETE, None)]).0, 0);
    assert_eq!(client.put(&topic, 0, batch(&[&text])), (0, 3));
    assert_eq!(codec(&records(&mut client, &topic, 3)), 3, "the broker's default");
}

#[test]
fn records_are_stamped_by_the_clock_that_the_topic_says_now() {
    let harness = Harness::new();
    let mut client = harness.client();
    let topic = client.create("t", 1, &[]);
    let mut stamped = || {
        let answer = client.produce((9, -1), &topic, &[(0, batch(&["x"]))]);
        let answer = &answer.responses[0].partition_responses[0];
        (answer.error_code, answer.log_append_time_ms >= 0)
    };
    assert_eq!(stamped(), (0, false));
    set(&mut harness.client(), (TOPIC, "t"), "message.timestamp.type", "LogAppendTime");
    assert_eq!(stamped(), (0, true));
}

#[test]
fn a_time_that_is_too_old_by_now_is_refused() {
    let harness = Harness::new();
    let mut client = harness.client();
    let topic = client.create("t", 1, &[]);
    let old = || {
        let mut builder = Builder::new(0, -1);
        builder.record(1_000_000, Some(b"key"), Some(b"value"), &[]);
        Bytes::from(builder.finish())
    };
    assert_eq!(client.put(&topic, 0, old()).0, 0);
    set(&mut client, (BROKER, ""), "log.message.timestamp.before.max.ms", "60000");
    assert_eq!(client.put(&topic, 0, old()).0, 32, "INVALID_TIMESTAMP");
    set(&mut client, (TOPIC, "t"), "message.timestamp.before.max.ms", "9000000000000");
    assert_eq!(client.put(&topic, 0, old()).0, 0);
}

#[test]
fn a_topic_that_becomes_compacted_is_compacted() {
    let harness = Harness::new();
    let mut client = harness.client();
    set(&mut client, (BROKER, ""), "log.cleaner.backoff.ms", "50");
    let topic = client.create("t", 1, &[("min.cleanable.dirty.ratio", "0")]);
    set(&mut client, (TOPIC, "t"), "internal.segment.bytes", "1000");
    for n in 0..40 {
        assert_eq!(client.put(&topic, 0, batch(&[&format!("{n:0200}")])), (0, n));
    }
    let first = |client: &mut Client| {
        values(Some(&records(client, &topic, 0))).first().map(|(offset, _)| *offset)
    };
    assert_eq!(first(&mut client), Some(0));
    set(&mut client, (TOPIC, "t"), "cleanup.policy", "compact");
    until("old values of the key are gone", || first(&mut client) != Some(0));
}

#[test]
fn segments_are_as_long_as_the_topic_says_now() {
    let harness = Harness::new();
    let mut client = harness.client();
    let topic = client.create("t", 1, &[]);
    let dir = harness.config.log_dirs[0].join("t-0");
    let segments = || {
        let files = std::fs::read_dir(&dir).unwrap();
        files
            .filter(|file| file.as_ref().unwrap().path().extension() == Some("log".as_ref()))
            .count()
    };
    let fill = |client: &mut Client| {
        for _ in 0..5 {
            assert_eq!(client.put(&topic, 0, batch(&[&"x".repeat(200)])).0, 0);
        }
    };
    fill(&mut client);
    assert_eq!(segments(), 1);
    set(&mut client, (TOPIC, "t"), "internal.segment.bytes", "300");
    fill(&mut client);
    assert!(segments() >= 5, "{}", segments());
}

#[test]
fn topics_come_into_being_by_themselves_only_while_the_broker_says_so() {
    let harness = Harness::new();
    let mut client = harness.client();
    let ask = |name| {
        let topic = MetadataRequestTopic::default().with_name(Some(topic_name(name)));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![topic]))
            .with_allow_auto_topic_creation(true);
        harness.client().call(9, &request).topics[0].error_code
    };
    assert_eq!(ask("one"), 0);
    set(&mut client, (BROKER, ""), "auto.create.topics.enable", "false");
    assert_eq!(ask("two"), 3);
}

#[test]
fn a_fetch_carries_no_more_than_the_broker_says_now() {
    let harness = Harness::new();
    let mut client = harness.client();
    let topic = client.create("t", 1, &[]);
    for n in 0..4 {
        assert_eq!(client.put(&topic, 0, batch(&[&"x".repeat(800)])), (0, n));
    }
    let count = |client: &mut Client| values(Some(&records(client, &topic, 0))).len();
    assert_eq!(count(&mut client), 4);
    set(&mut client, (BROKER, ""), "fetch.max.bytes", "1024");
    assert_eq!(count(&mut client), 1);
}

#[test]
fn text_beside_an_offset_may_be_as_long_as_the_broker_says_now() {
    let harness = Harness::new();
    let mut client = harness.client();
    client.create("t", 1, &[]);
    let find = kastellan_protocol::messages::FindCoordinatorRequest::default()
        .with_coordinator_keys(vec![text("g")]);
    assert_eq!(client.call(4, &find).coordinators[0].error_code, 0);
    let commit = |client: &mut Client| {
        let partition = OffsetCommitRequestPartition::default()
            .with_committed_metadata(Some(text("ten letters")));
        let topic = OffsetCommitRequestTopic::default()
            .with_name(topic_name("t"))
            .with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default()
            .with_group_id(text("g").into())
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic]);
        client.call(8, &request).topics[0].partitions[0].error_code
    };
    assert_eq!(commit(&mut client), 0);
    set(&mut client, (BROKER, ""), "offset.metadata.max.bytes", "5");
    assert_eq!(commit(&mut client), 12, "OFFSET_METADATA_TOO_LARGE");
    set(&mut client, (BROKER, ""), "offset.metadata.max.bytes", "50");
    assert_eq!(commit(&mut client), 0);
}

#[test]
fn connections_come_as_fast_as_the_broker_says_now() {
    let harness = Harness::new();
    let mut client = harness.client();
    assert!(client.works());
    let rate = "listener.name.plain.max.connection.creation.rate";
    set(&mut client, (BROKER, "1"), rate, "0");
    let mut late = harness.client();
    let sent = late.send(4, &MetadataRequest::default());
    assert!(late.hears_nothing());
    assert_eq!(alter(&mut client, (BROKER, "1"), &[(rate, DELETE, None)]).0, 0);
    assert_eq!(late.receive::<MetadataRequest>(4).0, sent);
}

#[test]
fn the_broker_is_full_at_the_limit_of_now() {
    let harness = Harness::new();
    let mut client = harness.client();
    set(&mut client, (BROKER, "1"), "max.connections", "2");
    let mut second = harness.client();
    assert!(second.works());
    let mut third = harness.client();
    let sent = third.send(4, &MetadataRequest::default());
    assert!(third.hears_nothing());
    set(&mut client, (BROKER, "1"), "max.connections", "9");
    assert_eq!(third.receive::<MetadataRequest>(4).0, sent);
}
