//! Fetch: long polls, sessions, sizes, order.

use std::{
    thread,
    time::{Duration, Instant},
};

use kastellan_protocol::messages::{
    FetchRequest, FetchResponse, ListOffsetsRequest, MetadataRequest,
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
};

use super::{
    Harness,
    client::{Ask, Client, Topic, batch, fetch_request, topic_name, values},
};

/// The values that a fetch brought, by partition.
fn read(response: &FetchResponse) -> Vec<(i32, Vec<(i64, String)>)> {
    let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|one| (one.partition_index, values(one.records.as_ref()))).collect()
}

#[test]
fn a_long_poll_is_answered_by_the_append_and_not_by_its_end() {
    let broker = Harness::new();
    let (mut reader, mut writer) = (broker.client(), broker.client());
    let topic = writer.create("t", 1, &[]);
    let ask = Ask { max_wait_ms: 15_000, ..Ask::default() };
    let began = Instant::now();
    reader.send(12, &fetch_request(ask, &topic, &[(0, 0)]));
    assert_eq!(writer.put(&topic, 0, batch(&["a"])), (0, 0));
    let (_, response) = reader.receive::<FetchRequest>(12);
    assert_eq!(read(&response), [(0, vec![(0, "a".to_owned())])]);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_long_poll_waits_for_as_many_bytes_as_it_asked_for() {
    let broker = Harness::new();
    let (mut reader, mut writer) = (broker.client(), broker.client());
    let topic = writer.create("t", 2, &[]);
    let one = batch(&["a"]);
    let min_bytes = i32::try_from(one.len() * 3).unwrap();
    let ask = Ask { max_wait_ms: 15_000, min_bytes, ..Ask::default() };
    reader.send(12, &fetch_request(ask, &topic, &[(0, 0), (1, 0)]));
    for partition in [0, 1, 0] {
        assert_eq!(writer.put(&topic, partition, one.clone()).0, 0);
    }
    let (_, response) = reader.receive::<FetchRequest>(12);
    let counts: Vec<_> = read(&response).into_iter().map(|(_, read)| read.len()).collect();
    assert_eq!(counts, [2, 1]);
}

#[test]
fn a_long_poll_counts_what_is_there_already() {
    let broker = Harness::new();
    let (mut reader, mut writer) = (broker.client(), broker.client());
    let topic = writer.create("t", 1, &[]);
    let one = batch(&["a"]);
    assert_eq!(writer.put(&topic, 0, one.clone()).0, 0);
    let min_bytes = i32::try_from(one.len() * 2).unwrap();
    let ask = Ask { max_wait_ms: 15_000, min_bytes, ..Ask::default() };
    let began = Instant::now();
    reader.send(12, &fetch_request(ask, &topic, &[(0, 0)]));
    assert_eq!(writer.put(&topic, 0, one).0, 0);
    let (_, response) = reader.receive::<FetchRequest>(12);
    assert_eq!(read(&response)[0].1.len(), 2);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_long_poll_ends_empty_when_nothing_comes() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    let ask = Ask { max_wait_ms: 50, ..Ask::default() };
    let began = Instant::now();
    let response = client.fetch(ask, &topic, &[(0, 0)]);
    assert_eq!(read(&response), [(0, vec![])]);
    assert!(began.elapsed() >= Duration::from_millis(45));
}

#[test]
fn answers_leave_in_the_order_of_the_requests() {
    let broker = Harness::new();
    let (mut client, mut writer) = (broker.client(), broker.client());
    let topic = client.create("t", 1, &[]);
    let ask = Ask { max_wait_ms: 15_000, ..Ask::default() };
    let first = client.send(12, &fetch_request(ask, &topic, &[(0, 0)]));
    let second = client.send(4, &MetadataRequest::default());
    writer.put(&topic, 0, batch(&["a"]));
    assert_eq!(client.receive::<FetchRequest>(12).0, first);
    assert_eq!(client.receive::<MetadataRequest>(4).0, second);
}

#[test]
fn large_answers_come_whole_and_the_first_batch_even_if_it_is_too_large() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 3, &[]);
    let value = "x".repeat(100_000);
    for partition in 0..3 {
        for _ in 0..9 {
            assert_eq!(client.put(&topic, partition, batch(&[&value])).0, 0);
        }
    }
    let response = client.fetch(Ask::default(), &topic, &[(0, 0), (1, 3), (2, 8)]);
    let counts: Vec<_> = read(&response).into_iter().map(|(_, read)| read.len()).collect();
    assert_eq!(counts, [9, 6, 1]);

    let tiny = Ask { max_bytes: 1, partition_max_bytes: 1, ..Ask::default() };
    let response = client.fetch(tiny, &topic, &[(0, 4), (1, 0)]);
    assert_eq!(read(&response), [(0, vec![(4, value)]), (1, vec![])]);
    let cut = Ask { partition_max_bytes: 150_000, ..Ask::default() };
    let response = client.fetch(cut, &topic, &[(0, 0)]);
    assert_eq!(response.responses[0].partitions[0].records.as_ref().unwrap().len(), 150_000);
}

#[test]
fn a_reader_is_told_what_is_wrong_with_its_place() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    client.put(&topic, 0, batch(&["a"]));
    let response = client.fetch(Ask::default(), &topic, &[(0, 2), (4, 0)]);
    let codes: Vec<_> = response.responses[0].partitions.iter().map(|one| one.error_code).collect();
    assert_eq!(codes, [1, 3]);
    let ghost = Topic { id: uuid::Uuid::from_u128(5), ..topic.clone() };
    let ask = Ask { version: 13, max_wait_ms: 10_000, ..Ask::default() };
    let response = client.fetch(ask, &ghost, &[(0, 0)]);
    assert_eq!(response.responses[0].partitions[0].error_code, 100);

    let mut request = fetch_request(Ask::default(), &topic, &[(0, 0)]);
    request.topics[0].partitions[0].current_leader_epoch = 99;
    let response = client.call(12, &request);
    assert_eq!(response.responses[0].partitions[0].error_code, 75);
}

#[test]
fn a_session_tells_only_what_has_changed() {
    let broker = Harness::new();
    let (mut client, mut writer) = (broker.client(), broker.client());
    let topic = client.create("t", 3, &[]);
    for version in [7, 12, 13, 18] {
        let ask = Ask { version, session: (0, 0), ..Ask::default() };
        let end = writer.put(&topic, 1, batch(&["new"])).1 + 1;
        let response = client.fetch(ask, &topic, &[(0, 0), (1, end - 1), (2, 0)]);
        let id = response.session_id;
        assert!(id > 0 && response.error_code == 0);
        let counts: Vec<_> = read(&response).into_iter().map(|(_, read)| read.len()).collect();
        assert_eq!(counts, [0, 1, 0], "the first answer has all");

        let next = Ask { session: (id, 1), ..ask };
        let response = client.fetch(next, &topic, &[(1, end)]);
        assert_eq!((response.session_id, read(&response)), (id, vec![]), "nothing has changed");

        let wait = Ask { session: (id, 2), max_wait_ms: 15_000, ..ask };
        client.send(version, &fetch_request(wait, &topic, &[]));
        let end = writer.put(&topic, 1, batch(&["newer"])).1 + 1;
        let (_, response) = client.receive::<FetchRequest>(version);
        assert_eq!(read(&response), [(1, vec![(end - 1, "newer".to_owned())])]);

        let again = client.fetch(Ask { session: (id, 2), ..ask }, &topic, &[]);
        assert_eq!(again.error_code, 71, "that epoch is over");
        let closed = client.fetch(Ask { session: (id, -1), ..ask }, &topic, &[]);
        assert_eq!((closed.error_code, closed.session_id), (0, 0));
        let gone = client.fetch(Ask { session: (id, 3), ..ask }, &topic, &[]);
        assert_eq!(gone.error_code, 70);
    }
}

#[test]
fn every_partition_of_a_session_gets_its_turn() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 3, &[]);
    for partition in 0..3 {
        for _ in 0..4 {
            client.put(&topic, partition, batch(&["v"]));
        }
    }
    let one = i32::try_from(batch(&["v"]).len()).unwrap();
    let ask = Ask { session: (0, 0), max_bytes: one, partition_max_bytes: one, ..Ask::default() };
    let mut offsets = [0_i64; 3];
    let mut response = client.fetch(ask, &topic, &[(0, 0), (1, 0), (2, 0)]);
    let id = response.session_id;
    for epoch in 1..12 {
        let served = read(&response).into_iter().find(|(_, read)| !read.is_empty()).unwrap().0;
        let place = &mut offsets[usize::try_from(served).unwrap()];
        *place += 1;
        let next = Ask { session: (id, epoch), ..ask };
        response = client.fetch(next, &topic, &[(served, *place)]);
    }
    let (least, most) = (offsets.iter().min().unwrap(), offsets.iter().max().unwrap());
    assert!(most - least <= 1, "{offsets:?}");
}

#[test]
fn a_waiting_reader_is_told_when_its_topic_is_deleted() {
    use kastellan_protocol::messages::DeleteTopicsRequest;
    let broker = Harness::new();
    let (mut reader, mut admin) = (broker.client(), broker.client());
    let topic = admin.create("t", 1, &[]);
    let ask = Ask { max_wait_ms: 15_000, ..Ask::default() };
    reader.send(12, &fetch_request(ask, &topic, &[(0, 0)]));
    let names = vec![topic_name("t")];
    let delete = DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(5_000);
    assert_eq!(admin.call(5, &delete).responses[0].error_code, 0);
    let (_, response) = reader.receive::<FetchRequest>(12);
    assert_eq!(response.responses[0].partitions[0].error_code, 3);
}

fn list(client: &mut Client, version: i16, timestamp: i64) -> (i16, i64, i64) {
    let partition = ListOffsetsPartition::default().with_timestamp(timestamp);
    let topic =
        ListOffsetsTopic::default().with_name(topic_name("t")).with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default()
        .with_replica_id(kastellan_protocol::messages::BrokerId(-1))
        .with_topics(vec![topic]);
    let response = client.call(version, &request);
    let one = &response.topics[0].partitions[0];
    (one.error_code, one.timestamp, one.offset)
}

#[test]
fn offsets_are_listed_by_place_and_by_time() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    assert_eq!(list(&mut client, 10, -1), (0, -1, 0));
    assert_eq!(list(&mut client, 10, -3), (0, -1, -1));
    for times in [[1_000, 2_000], [5_000, 3_000]] {
        let mut builder = kastellan_protocol::batch::Builder::new(0, -1);
        for time in times {
            builder.record(time, None, Some(b"v"), &[]);
        }
        assert_eq!(client.put(&topic, 0, builder.finish().into()).0, 0);
    }
    for version in 1..=10 {
        assert_eq!(list(&mut client, version, -2), (0, -1, 0));
        assert_eq!(list(&mut client, version, -1), (0, -1, 4));
        assert_eq!(list(&mut client, version, 1_500), (0, 2_000, 1), "v{version}");
        assert_eq!(list(&mut client, version, 6_000), (0, -1, -1));
    }
    assert_eq!(list(&mut client, 10, -3), (0, 5_000, 2));
    assert_eq!(list(&mut client, 10, -4), (0, -1, 0));
    assert_eq!(list(&mut client, 10, -5), (0, -1, -1));
    assert_eq!(list(&mut client, 6, -3).0, 35);
}

#[test]
fn many_readers_and_writers_lose_nothing() {
    let broker = Harness::new();
    let mut admin = broker.client();
    let topic = admin.create("t", 4, &[]);
    thread::scope(|scope| {
        for partition in 0..4 {
            let (mut writer, mut reader) = (broker.client(), broker.client());
            let topic = &topic;
            scope.spawn(move || {
                for n in 0..200 {
                    let value = n.to_string();
                    assert_eq!(writer.put(topic, partition, batch(&[&value])), (0, n));
                }
            });
            scope.spawn(move || {
                let mut next = 0;
                while next < 200 {
                    let ask = Ask { max_wait_ms: 5_000, ..Ask::default() };
                    let response = reader.fetch(ask, topic, &[(partition, next)]);
                    let got = read(&response).remove(0).1;
                    let end = next + i64::try_from(got.len()).unwrap();
                    let expected: Vec<_> = (next..end).map(|n| (n, n.to_string())).collect();
                    assert_eq!(got, expected);
                    next = end;
                }
            });
        }
    });
}
