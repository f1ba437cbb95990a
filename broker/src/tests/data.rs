//! Produce: acknowledgements, retries, errors, and what a crash leaves.

use std::time::{Duration, Instant};

use super::{
    Harness,
    client::{Ask, Topic, batch, idempotent, produce_request, values},
};

#[test]
fn records_are_read_back_in_every_version_as_they_were_sent() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 2, &[]);
    let mut offset = 0;
    for version in 3..=13 {
        let answer = client.produce((version, -1), &topic, &[(1, batch(&["a", "b"]))]);
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!((partition.error_code, partition.base_offset), (0, offset), "v{version}");
        assert_eq!(partition.log_append_time_ms, -1);
        offset += 2;
    }
    for version in 4..=18 {
        let answer = client.fetch(Ask { version, ..Ask::default() }, &topic, &[(1, 20)]);
        let partition = &answer.responses[0].partitions[0];
        assert_eq!((partition.error_code, partition.high_watermark), (0, 22), "v{version}");
        let expected = [(20, "a".to_owned()), (21, "b".to_owned())];
        assert_eq!(values(partition.records.as_ref()), expected);
    }
}

#[test]
fn partitions_of_one_request_fail_each_for_itself() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    let answer = client.produce((9, 1), &topic, &[(0, batch(&["a"])), (7, batch(&["b"]))]);
    let codes: Vec<_> =
        answer.responses[0].partition_responses.iter().map(|one| one.error_code).collect();
    assert_eq!(codes, [0, 3]);
    let mut unknown = topic.clone();
    unknown.id = uuid::Uuid::from_u128(77);
    let answer = client.produce((13, 1), &unknown, &[(0, batch(&["a"]))]);
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 100);
    let answer = client.produce((9, 5), &topic, &[(0, batch(&["a"]))]);
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 21);
}

#[test]
fn a_damaged_batch_is_refused_and_leaves_the_log_as_it_was() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    let mut damaged = batch(&["a"]).to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(client.put(&topic, 0, damaged.into()), (2, -1));
    let two = [batch(&["a"]), batch(&["b"])].concat();
    assert_eq!(client.put(&topic, 0, two.into()).0, 87);
    assert_eq!(client.put(&topic, 0, vec![].into()).0, 87);
    assert_eq!(client.put(&topic, 0, batch(&["fine"])), (0, 0));
}

#[test]
fn a_retry_of_an_idempotent_producer_is_answered_with_its_first_offsets() {
    let mut broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    assert_eq!(client.put(&topic, 0, idempotent(9, 0, 0, &["a", "b"])), (0, 0));
    assert_eq!(client.put(&topic, 0, idempotent(9, 0, 2, &["c"])), (0, 2));
    assert_eq!(client.put(&topic, 0, idempotent(9, 0, 0, &["a", "b"])), (0, 0));
    assert_eq!(client.put(&topic, 0, idempotent(9, 0, 9, &["z"])), (45, -1));

    broker.restart();
    let mut client = broker.client();
    assert_eq!(client.put(&topic, 0, idempotent(9, 0, 2, &["c"])), (0, 2), "from the snapshot");
    assert_eq!(client.put(&topic, 0, idempotent(9, 0, 3, &["d"])), (0, 3));

    broker.kill_and_restart();
    let mut client = broker.client();
    assert_eq!(client.put(&topic, 0, idempotent(9, 0, 3, &["d"])), (0, 3), "from the log");
    assert_eq!(client.put(&topic, 0, idempotent(9, 1, 0, &["e"])), (0, 4));
    assert_eq!(client.put(&topic, 0, idempotent(9, 0, 4, &["f"])), (47, -1));
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    for durability in ["replicated", "fsync"] {
        let mut broker = Harness::with(&[("kastellan.durability", durability)]);
        let mut client = broker.client();
        let topic = client.create("t", 1, &[]);
        for n in 0..50 {
            assert_eq!(client.put(&topic, 0, batch(&[&format!("v{n}")])), (0, n));
        }
        broker.kill_and_restart();
        let mut client = broker.client();
        let answer = client.fetch(Ask::default(), &topic, &[(0, 0)]);
        let read = values(answer.responses[0].partitions[0].records.as_ref());
        let expected: Vec<_> = (0..50).map(|n| (n, format!("v{n}"))).collect();
        assert_eq!(read, expected);
        assert_eq!(client.put(&topic, 0, batch(&["next"])), (0, 50));
    }
}

#[test]
fn acknowledgements_of_a_durable_topic_come_from_the_disk_and_in_order() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[("flush.messages", "1")]);
    let sent: Vec<_> = (0..20)
        .map(|n| {
            // Every other one does not wait for the disk, but for its turn.
            let acks = if n % 2 == 0 { -1 } else { 1 };
            client.send(9, &produce_request((9, acks), &topic, &[(0, batch(&["a"]))]))
        })
        .collect();
    for (n, sent) in sent.into_iter().enumerate() {
        let (id, answer) = client.receive::<kastellan_protocol::messages::ProduceRequest>(9);
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!((id, partition.error_code), (sent, 0));
        assert_eq!(partition.base_offset, i64::try_from(n).unwrap());
    }
}

#[test]
fn a_produce_without_acknowledgement_is_not_answered_and_an_error_closes() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    client.send(9, &produce_request((9, 0), &topic, &[(0, batch(&["a"]))]));
    // The next answer belongs to the next request.
    assert_eq!(client.put(&topic, 0, batch(&["b"])), (0, 1));
    client.send(9, &produce_request((9, 0), &topic, &[(5, batch(&["a"]))]));
    assert!(client.is_closed());
}

#[test]
fn the_broker_stamps_records_where_the_topic_wants_it() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[("message.timestamp.type", "LogAppendTime")]);
    let answer = client.produce((9, -1), &topic, &[(0, batch(&["a"]))]);
    assert!(answer.responses[0].partition_responses[0].log_append_time_ms > 1_600_000_000_000);
    let answer = client.fetch(Ask::default(), &topic, &[(0, 0)]);
    let records = answer.responses[0].partitions[0].records.clone().unwrap();
    let header = kastellan_protocol::batch::Header::parse(&records).unwrap();
    assert!(header.log_append_time());
    assert_eq!(values(Some(&records)), [(0, "a".to_owned())], "with a CRC that holds");
}

#[test]
fn a_compacted_topic_takes_no_record_without_a_key() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[("cleanup.policy", "compact")]);
    let mut keyless = kastellan_protocol::batch::Builder::new(0, -1);
    keyless.record(1, None, Some(b"v"), &[]);
    assert_eq!(client.put(&topic, 0, keyless.finish().into()), (87, -1));
    assert_eq!(client.put(&topic, 0, batch(&["a"])), (0, 0));
}

#[test]
fn batches_are_compressed_anew_where_the_topic_wants_another_codec() {
    use kastellan_protocol::{batch::Header, compression::Codec};
    let broker = Harness::new();
    let mut client = broker.client();
    for (name, setting, codec) in [
        ("g", "gzip", Codec::Gzip),
        ("s", "snappy", Codec::Snappy),
        ("l", "lz4", Codec::Lz4),
        ("z", "zstd", Codec::Zstd),
    ] {
        let topic = client.create(name, 1, &[("compression.type", setting)]);
        assert_eq!(client.put(&topic, 0, idempotent(5, 0, 0, &["a", "b"])), (0, 0));
        assert_eq!(client.put(&topic, 0, idempotent(5, 0, 0, &["a", "b"])), (0, 0), "a retry");
        assert_eq!(client.put(&topic, 0, idempotent(5, 0, 2, &["c"])), (0, 2));
        let answer = client.fetch(Ask::default(), &topic, &[(0, 0)]);
        let records = answer.responses[0].partitions[0].records.clone().unwrap();
        assert_eq!(Header::parse(&records).unwrap().codec(), Some(codec));
        let read: Vec<_> = values(Some(&records)).into_iter().map(|(_, value)| value).collect();
        assert_eq!(read, ["a", "b", "c"]);
    }
}

#[test]
fn only_the_broker_writes_to_its_own_topics_and_transactions_are_refused_honestly() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    let mut builder = kastellan_protocol::batch::Builder::new(0, -1);
    builder.producer(3, 0, 0).transactional().record(1, None, Some(b"v"), &[]);
    assert_eq!(client.put(&topic, 0, builder.finish().into()), (48, -1));
    // A coordinator's topic comes into being when somebody asks for a coordinator.
    let find = kastellan_protocol::messages::FindCoordinatorRequest::default()
        .with_coordinator_keys(vec!["g".into()]);
    let began = Instant::now();
    while client.call(4, &find).coordinators[0].error_code != 0 {
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    let internal = Topic { name: "__consumer_offsets", id: uuid::Uuid::nil() };
    assert_eq!(client.put(&internal, 0, batch(&["mine"])), (17, -1));
}
