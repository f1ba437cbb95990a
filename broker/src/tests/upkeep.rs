//! What the broker does by itself: retention, compaction, an orderly end.

use std::time::{Duration, Instant};

use kastellan_protocol::messages::FetchRequest;

use super::{
    Harness,
    client::{Ask, Client, Topic, batch, fetch_request, values},
};

/// Small segments, as only a test has them.
const SMALL: (&str, &str) = ("internal.segment.bytes", "2000");

/// Asks `again` until it says yes.
#[track_caller]
fn until(what: &str, mut again: impl FnMut() -> bool) {
    let began = Instant::now();
    while !again() {
        assert!(began.elapsed() < Duration::from_secs(15), "{what}");
    }
}

/// Every record of partition 0 before `end`, however many fetches that takes. Like any client it
/// goes on behind the last batch, which compaction may have left without records.
fn read_all(client: &mut Client, topic: &Topic, end: i64) -> Vec<(i64, String)> {
    let (mut read, mut next) = (Vec::new(), 0);
    while next < end {
        let response = client.fetch(Ask::default(), topic, &[(0, next)]);
        let records = response.responses[0].partitions[0].records.clone().unwrap();
        let last = kastellan_protocol::batch::batches(&records).last().unwrap().unwrap();
        next = last.0.next_offset();
        read.extend(values(Some(&records)));
    }
    read
}

#[test]
fn old_segments_go_when_the_topic_is_too_large() {
    let mut broker = Harness::with(&[("log.retention.check.interval.ms", "50")]);
    let mut client = broker.client();
    let settings = [SMALL, ("retention.bytes", "4000"), ("file.delete.delay.ms", "0")];
    let topic = client.create("t", 1, &settings);
    let value = "x".repeat(500);
    for n in 0..40 {
        assert_eq!(client.put(&topic, 0, batch(&[&value])), (0, n));
    }
    until("the log starts later", || {
        let response = client.fetch(Ask::default(), &topic, &[(0, 39)]);
        response.responses[0].partitions[0].log_start_offset > 25
    });
    let response = client.fetch(Ask::default(), &topic, &[(0, 0)]);
    assert_eq!(response.responses[0].partitions[0].error_code, 1);
    broker.kill_and_restart();
    let response = broker.client().fetch(Ask::default(), &topic, &[(0, 39)]);
    assert!(response.responses[0].partitions[0].log_start_offset > 25, "it stays gone");
}

#[test]
fn a_compacted_topic_keeps_the_last_value_of_a_key() {
    let mut broker = Harness::with(&[("log.cleaner.backoff.ms", "50")]);
    let mut client = broker.client();
    let settings = [SMALL, ("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0")];
    let topic = client.create("t", 1, &settings);
    for n in 0..100 {
        assert_eq!(client.put(&topic, 0, batch(&[&format!("{n:0200}")])), (0, n));
    }
    until("old values are gone", || read_all(&mut client, &topic, 100).len() < 30);
    let before = read_all(&mut client, &topic, 100);
    assert_eq!(before.last(), Some(&(99, format!("{:0200}", 99))));
    broker.kill_and_restart();
    let after = read_all(&mut broker.client(), &topic, 100);
    assert!(after.len() <= before.len() && after.last() == before.last());
}

#[test]
fn a_broker_that_stops_answers_those_who_wait() {
    let mut broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    let ask = Ask { max_wait_ms: 15_000, ..Ask::default() };
    client.send(12, &fetch_request(ask, &topic, &[(0, 0)]));
    // The metadata request behind it says that the fetch has been taken in.
    let mut other = broker.client();
    assert!(other.works());
    let began = Instant::now();
    broker.restart();
    assert!(began.elapsed() < Duration::from_secs(10));
    match client.frame() {
        // Taken in just before the end, or not any more.
        Some(frame) => {
            let response = kastellan_protocol::decode_response::<
                <FetchRequest as kastellan_protocol::protocol::Request>::Response,
            >(12, frame);
            assert_eq!(response.unwrap().1.error_code, 0);
            assert!(client.is_closed());
        }
        None => assert!(other.is_closed()),
    }
}

#[test]
fn a_deleted_topic_leaves_its_name_to_the_next() {
    use kastellan_protocol::messages::DeleteTopicsRequest;
    let mut broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 2, &[]);
    assert_eq!(client.put(&topic, 0, batch(&["old"])), (0, 0));
    let names = vec![super::client::topic_name("t")];
    let delete = DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(5_000);
    assert_eq!(client.call(5, &delete).responses[0].error_code, 0);
    assert_eq!(client.put(&topic, 0, batch(&["lost"])).0, 3);
    let again = client.create("t", 1, &[]);
    assert_eq!(client.put(&again, 0, batch(&["new"])), (0, 0));
    broker.restart();
    let response = broker.client().fetch(Ask::default(), &again, &[(0, 0)]);
    let read = values(response.responses[0].partitions[0].records.as_ref());
    assert_eq!(read, [(0, "new".to_owned())]);
}
