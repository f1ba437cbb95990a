//! Clients that take more than their quotas: they are told, and not read from for as long.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kastellan_protocol::messages::{FetchRequest, FetchResponse, MetadataRequest, ProduceRequest};

use super::{
    super::client::{Ask, Client, Topic, batch, fetch_request, produce_request},
    Harness, Parts, alter,
};

/// Everybody: nobody logs in here.
pub(super) const ANYBODY: Parts<'static> = &[("user", Some("ANONYMOUS"))];

/// A second of a rate may be taken at once.
const SHORT: &[(&str, &str)] = &[("quota.window.num", "2")];

fn large() -> Bytes {
    batch(&[&"x".repeat(100_000)])
}

pub(super) fn milliseconds(throttle_ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(throttle_ms).unwrap())
}

/// Asks something; how long the answer took.
pub(super) fn ask(client: &mut Client) -> Duration {
    let began = Instant::now();
    client.call(12, &MetadataRequest::default());
    began.elapsed()
}

/// A client with a topic of 300 kB, from before there were quotas.
fn filled(broker: &Harness) -> (Client, Topic) {
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    for _ in 0..3 {
        assert_eq!(client.put(&topic, 0, large()).0, 0);
    }
    (client, topic)
}

#[test]
fn a_producer_beyond_its_rate_is_told_after_its_records_are_taken_and_then_not_read() {
    let broker = Harness::with(SHORT);
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    assert_eq!(alter(&mut client, ANYBODY, &[("producer_byte_rate", Some(80_000.0))]), 0);
    for acks in [1, -1] {
        let answer = client.produce((9, acks), &topic, &[(0, large())]);
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
        assert!(answer.throttle_time_ms >= 200, "{answer:?}");
        let waited = ask(&mut client);
        let least = milliseconds(answer.throttle_time_ms - 100);
        assert!(waited >= least, "{waited:?} of {answer:?}");
    }
    let mut other = broker.client();
    assert_eq!(alter(&mut other, ANYBODY, &[("producer_byte_rate", None)]), 0);
    let answer = client.produce((9, 1), &topic, &[(0, large())]);
    assert_eq!(answer.throttle_time_ms, 0, "who has no quota any more owes nothing");
}

#[test]
fn without_an_answer_a_producer_is_not_read_all_the_same() {
    let broker = Harness::with(SHORT);
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    assert_eq!(alter(&mut client, ANYBODY, &[("producer_byte_rate", Some(80_000.0))]), 0);
    client.send::<ProduceRequest>(9, &produce_request((9, 0), &topic, &[(0, large())]));
    assert!(ask(&mut client) >= Duration::from_millis(200));
}

#[test]
fn a_consumer_beyond_its_rate_gets_nothing_and_later_everything() {
    let broker = Harness::with(SHORT);
    let (mut client, topic) = filled(&broker);
    assert_eq!(alter(&mut client, ANYBODY, &[("consumer_byte_rate", Some(150_000.0))]), 0);
    let largest = Ask { min_bytes: 1 << 20, max_wait_ms: 20_000, ..Ask::default() };
    let first = client.fetch(largest, &topic, &[(0, 0)]);
    let bytes = |answer: &FetchResponse| {
        let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
        partitions.filter_map(|it| it.records.as_ref()).map(Bytes::len).sum::<usize>()
    };
    // no long poll waits for more than a client may take at once
    assert!((100_000..=150_000).contains(&bytes(&first)), "{}", bytes(&first));
    assert_eq!(first.throttle_time_ms, 0);
    let mut waits = Vec::new();
    let last = loop {
        let answer = client.fetch(Ask::default(), &topic, &[(0, 1)]);
        if bytes(&answer) > 0 {
            break answer;
        }
        assert!(answer.throttle_time_ms > 0 && answer.error_code == 0, "{answer:?}");
        waits.push((answer.throttle_time_ms, ask(&mut client)));
    };
    assert!(!waits.is_empty() && bytes(&last) >= 100_000);
    for (told, waited) in waits {
        let shortest = milliseconds(told).saturating_sub(Duration::from_millis(100));
        assert!(waited >= shortest, "{told} {waited:?}");
    }
}

#[test]
fn a_session_goes_on_after_its_client_had_to_wait() {
    let broker = Harness::with(SHORT);
    let (mut client, topic) = filled(&broker);
    let first = client.fetch(Ask { session: (0, 0), ..Ask::default() }, &topic, &[(0, 0)]);
    assert!(first.session_id != 0, "{first:?}");
    assert_eq!(alter(&mut client, ANYBODY, &[("consumer_byte_rate", Some(150_000.0))]), 0);
    let mut epoch = 0;
    let mut next = |client: &mut Client, from: &[(i32, i64)]| {
        epoch += 1;
        let ask = Ask { session: (first.session_id, epoch), ..Ask::default() };
        client.call::<FetchRequest>(12, &fetch_request(ask, &topic, from))
    };
    assert_eq!(next(&mut client, &[(0, 1)]).responses.len(), 1);
    let mut answers: Vec<FetchResponse> = vec![next(&mut client, &[(0, 2)])];
    while answers.last().is_some_and(|answer| answer.responses.is_empty()) {
        assert_eq!(answers.last().unwrap().session_id, first.session_id);
        answers.push(next(&mut client, &[]));
    }
    assert!(answers.len() > 1, "{answers:?}");
}

#[test]
fn the_time_of_threads_is_limited_too() {
    let broker = Harness::new();
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    assert_eq!(alter(&mut client, ANYBODY, &[("request_percentage", Some(0.0001))]), 0);
    let answer = client.produce((9, 1), &topic, &[(0, batch(&["a"]))]);
    assert_eq!(answer.throttle_time_ms, 1000, "a window at most");
    assert!(ask(&mut client) >= Duration::from_millis(900));
    let answer = client.call(12, &MetadataRequest::default());
    assert_eq!(answer.throttle_time_ms, 1000);
    assert_eq!(answer.brokers.len(), 1);
    assert_eq!(alter(&mut client, ANYBODY, &[("request_percentage", None)]), 0);
    assert_eq!(client.call(12, &MetadataRequest::default()).throttle_time_ms, 0);
}
