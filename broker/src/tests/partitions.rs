//! What is asked of single partitions: deletion of records, ends of epochs, producers.

use std::time::{Duration, Instant};

use kastellan_protocol::messages::{
    DeleteRecordsRequest, DescribeProducersRequest, FetchRequest, ListOffsetsRequest,
    OffsetForLeaderEpochRequest,
    delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
    describe_producers_request::TopicRequest,
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
};

use super::{
    Harness,
    client::{Ask, Client, Topic, batch, fetch_request, idempotent, topic_name, values},
};

/// Deletes everything before `before`; returns (error code, low watermark).
fn delete(client: &mut Client, topic: &Topic, before: i64) -> (i16, i64) {
    let wanted = DeleteRecordsPartition::default().with_partition_index(0).with_offset(before);
    let wanted = DeleteRecordsTopic::default()
        .with_name(topic_name(topic.name))
        .with_partitions(vec![wanted]);
    let request = DeleteRecordsRequest::default().with_topics(vec![wanted]).with_timeout_ms(5_000);
    let answer = client.call(2, &request).topics[0].partitions[0].clone();
    (answer.error_code, answer.low_watermark)
}

/// The offset at a time or a special place, and its epoch.
fn list(client: &mut Client, topic: &Topic, timestamp: i64) -> (i64, i32) {
    let wanted =
        ListOffsetsPartition::default().with_current_leader_epoch(-1).with_timestamp(timestamp);
    let wanted =
        ListOffsetsTopic::default().with_name(topic_name(topic.name)).with_partitions(vec![wanted]);
    let request = ListOffsetsRequest::default().with_replica_id((-1).into());
    let answer = client.call(9, &request.with_topics(vec![wanted]));
    let found = &answer.topics[0].partitions[0];
    assert_eq!(found.error_code, 0, "{answer:?}");
    (found.offset, found.leader_epoch)
}

#[test]
fn what_is_deleted_stays_deleted_when_the_broker_is_killed() {
    let mut broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    for values in [["a", "b"], ["c", "d"]] {
        assert_eq!(client.put(&topic, 0, batch(&values)).0, 0);
    }
    assert_eq!(delete(&mut client, &topic, 3), (0, 3), "within a batch");
    assert_eq!(delete(&mut client, &topic, 5), (1, -1), "beyond the high watermark");
    broker.kill_and_restart();
    let mut client = broker.client();
    assert_eq!((list(&mut client, &topic, -2).0, list(&mut client, &topic, 0).0), (3, 3));
    let below = client.fetch(Ask::default(), &topic, &[(0, 2)]);
    assert_eq!(below.responses[0].partitions[0].error_code, 1);
    let response = client.fetch(Ask::default(), &topic, &[(0, 3)]);
    let partition = &response.responses[0].partitions[0];
    assert_eq!(partition.log_start_offset, 3);
    // The batch comes whole; clients skip what lies before the offset that they asked for.
    let read = values(partition.records.as_ref());
    assert_eq!(read, [(2, "c".to_owned()), (3, "d".to_owned())]);
    assert_eq!(delete(&mut client, &topic, -1), (0, 4), "everything");
    broker.kill_and_restart();
    let mut client = broker.client();
    assert_eq!((list(&mut client, &topic, -2).0, list(&mut client, &topic, -1).0), (4, 4));
    assert_eq!(client.put(&topic, 0, batch(&["e"])), (0, 4), "offsets are never given twice");
}

#[test]
fn whole_segments_that_are_deleted_go_with_retention() {
    let broker = Harness::with(&[("log.retention.check.interval.ms", "50")]);
    let mut client = broker.client();
    let settings = [("internal.segment.bytes", "2000"), ("file.delete.delay.ms", "0")];
    let topic = client.create("t", 1, &settings);
    let value = "x".repeat(500);
    (0..20).for_each(|_| assert_eq!(client.put(&topic, 0, batch(&[&value])).0, 0));
    let dir = broker.config.log_dirs[0].join("t-0");
    let segments = || {
        let files = std::fs::read_dir(&dir).unwrap().flatten();
        files.filter(|file| file.path().extension().is_some_and(|it| it == "log")).count()
    };
    let before = segments();
    assert!(before > 4, "{before}");
    assert_eq!(delete(&mut client, &topic, -1), (0, 20));
    let began = Instant::now();
    while segments() > 1 {
        assert!(began.elapsed() < Duration::from_secs(15), "{} segments stay", segments());
        std::thread::yield_now();
    }
}

#[test]
fn a_fetch_that_waits_before_the_new_start_hears_of_it_at_once() {
    let broker = Harness::new();
    let (mut reader, mut admin) = (broker.client(), broker.client());
    let topic = admin.create("t", 1, &[]);
    assert_eq!(admin.put(&topic, 0, batch(&["a", "b"])).0, 0);
    let ask = Ask { max_wait_ms: 15_000, min_bytes: 1 << 20, ..Ask::default() };
    let began = Instant::now();
    reader.send(12, &fetch_request(ask, &topic, &[(0, 0)]));
    assert_eq!(delete(&mut admin, &topic, -1), (0, 2));
    let (_, response) = reader.receive::<FetchRequest>(12);
    assert_eq!(response.responses[0].partitions[0].error_code, 1);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_fetch_that_waits_at_the_end_waits_on_when_records_are_deleted() {
    let broker = Harness::new();
    let (mut reader, mut admin) = (broker.client(), broker.client());
    let topic = admin.create("t", 1, &[]);
    assert_eq!(admin.put(&topic, 0, batch(&["a", "b"])).0, 0);
    let ask = Ask { max_wait_ms: 15_000, ..Ask::default() };
    reader.send(12, &fetch_request(ask, &topic, &[(0, 2)]));
    assert_eq!(delete(&mut admin, &topic, -1), (0, 2));
    assert_eq!(admin.put(&topic, 0, batch(&["c"])), (0, 2));
    let (_, response) = reader.receive::<FetchRequest>(12);
    let partition = &response.responses[0].partitions[0];
    assert_eq!((partition.error_code, partition.log_start_offset), (0, 2));
    assert_eq!(values(partition.records.as_ref()), [(2, "c".to_owned())]);
}

#[test]
fn an_empty_partition_has_the_leaders_epoch_and_ends_where_it_begins() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    assert_eq!((list(&mut client, &topic, -1), list(&mut client, &topic, -2)), ((0, 0), (0, 0)));
    let wanted = |epoch| {
        let partition = OffsetForLeaderPartition::default()
            .with_current_leader_epoch(0)
            .with_leader_epoch(epoch);
        let topic = OffsetForLeaderTopic::default()
            .with_topic(topic_name("t"))
            .with_partitions(vec![partition]);
        OffsetForLeaderEpochRequest::default().with_topics(vec![topic])
    };
    for (epoch, expected) in [(0, (0, 0)), (1, (-1, -1)), (-1, (-1, -1))] {
        let answer = client.call(4, &wanted(epoch)).topics[0].partitions[0].clone();
        assert_eq!(answer.error_code, 0);
        assert_eq!((answer.leader_epoch, answer.end_offset), expected, "epoch {epoch}");
    }
}

#[test]
fn producers_are_told_with_what_they_sent_last() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    assert_eq!(client.put(&topic, 0, idempotent(77, 2, 0, &["a", "b", "c"])).0, 0);
    let wanted =
        TopicRequest::default().with_name(topic_name("t")).with_partition_indexes(vec![0, 0, 5]);
    let request = DescribeProducersRequest::default().with_topics(vec![wanted]);
    let answer = client.call(0, &request);
    let partitions = &answer.topics[0].partitions;
    assert_eq!(partitions.len(), 2, "named twice, told once");
    let producer = &partitions[0].active_producers[0];
    assert_eq!((producer.producer_id.0, producer.producer_epoch), (77, 2));
    assert_eq!((producer.last_sequence, producer.current_txn_start_offset), (2, -1));
    assert_eq!(partitions[1].error_code, 3);
}
