//! What requests cost, counted and never timed: allocations per produce and per fetch, and the
//! memory that hostile bytes may take.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[path = "groups/client.rs"]
mod client;
#[path = "groups/server.rs"]
mod server;

mod counts {
    pub(crate) mod allocator;
    #[expect(dead_code, reason = "the tests of the walker use more of it")]
    #[path = "../../protocol/tests/requests/forge.rs"]
    pub(crate) mod forge;
    pub(crate) mod memory;
    pub(crate) mod requests;
}

use bytes::Bytes;
use client::Client;
use counts::{
    allocator::{allocations, alone},
    requests::{TOPIC, batch, fetch, has_records},
};
use server::Server;

/// Requests that are counted.
const REQUESTS: u64 = 1_000;

/// Allocations that may come on top of those of all requests together: of the sweeper, of indexes
/// that grow, of the test runner.
const BESIDE: u64 = 250;

#[track_caller]
#[expect(clippy::print_stdout, reason = "the figure is for people, who ask with --nocapture")]
fn check(what: &str, counted: u64, most_per_request: u64) {
    println!("{REQUESTS} {what}: {counted} allocations");
    assert!(counted <= most_per_request * REQUESTS + BESIDE, "{counted} in {REQUESTS} {what}");
}

fn produce_all(client: &mut Client, acks: i16, batch: &Bytes) {
    (0..REQUESTS).for_each(|_| client.produce(acks, batch));
}

/// Fetches a batch at a time as a consumer with a session does.
fn fetch_all(client: &mut Client, from: i64) {
    let (mut session, mut epoch) = (0, 0);
    for offset in (from..).take(usize::try_from(REQUESTS).unwrap()) {
        let answer = client.call(12, &fetch(offset, (session, epoch)));
        assert!(has_records(&answer), "{answer:?}");
        (session, epoch) = (answer.session_id, epoch + 1);
    }
}

#[test]
fn a_produce_allocates_next_to_nothing() {
    let _alone = alone();
    let server = Server::start(&[]);
    server.create_topic(TOPIC);
    let (mut client, batch) = (server.connect(), batch(100));
    produce_all(&mut client, -1, &batch);
    for acks in [1, -1] {
        let counted = allocations(|| produce_all(&mut client, acks, &batch));
        check(&format!("produces with acks={acks}"), counted, 0);
    }
}

#[test]
fn a_produce_that_waits_for_the_disk_allocates_little() {
    let _alone = alone();
    let server = Server::start(&[("kastellan.durability", "fsync")]);
    server.create_topic(TOPIC);
    let (mut client, batch) = (server.connect(), batch(100));
    produce_all(&mut client, 1, &batch);
    let counted = allocations(|| produce_all(&mut client, -1, &batch));
    check("produces that wait for the disk", counted, 14);
}

#[test]
fn a_fetch_allocates_a_handful_of_times() {
    let _alone = alone();
    let server = Server::start(&[]);
    server.create_topic(TOPIC);
    let mut client = server.connect();
    let (small, large) = (batch(100), batch(20_000));
    (0..2).for_each(|_| produce_all(&mut client, -1, &small));
    produce_all(&mut client, -1, &large);
    fetch_all(&mut client, 0);
    let thousand = i64::try_from(REQUESTS).unwrap();
    let counted = allocations(|| fetch_all(&mut client, thousand));
    check("fetches of a small batch", counted, 8);
    let counted = allocations(|| fetch_all(&mut client, 2 * thousand));
    check("fetches of a large batch", counted, 8);
    let counted = allocations(|| {
        for offset in 0..thousand {
            assert!(has_records(&client.call(12, &fetch(offset, (0, -1)))));
        }
    });
    check("fetches without a session", counted, 18);
}

#[test]
fn the_access_control_lists_add_no_allocation() {
    let _alone = alone();
    let standard = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
    let open = ("allow.everyone.if.no.acl.found", "true");
    let server = Server::start(&[("authorizer.class.name", standard), open]);
    server.create_topic(TOPIC);
    let (mut client, batch) = (server.connect(), batch(100));
    client.allow_all_by_prefix(TOPIC);
    (0..2).for_each(|_| produce_all(&mut client, -1, &batch));
    let counted = allocations(|| produce_all(&mut client, -1, &batch));
    check("produces that are allowed by an entry", counted, 0);
    fetch_all(&mut client, 0);
    let counted = allocations(|| fetch_all(&mut client, 1_000));
    check("fetches that are allowed by an entry", counted, 8);
}

#[test]
fn a_fetch_that_waits_for_a_produce_allocates_a_handful_of_times() {
    let _alone = alone();
    let server = Server::start(&[]);
    server.create_topic(TOPIC);
    let (mut reader, mut writer, batch) = (server.connect(), server.connect(), batch(100));
    let (mut session, mut epoch, mut offset) = (0, 0, 0);
    let mut follow = |times: u64| {
        for _ in 0..times {
            let id = reader.send(12, &fetch(offset, (session, epoch)));
            writer.produce(-1, &batch);
            let answer = reader.take(12, id);
            assert!(has_records(&answer), "{answer:?}");
            (session, epoch, offset) = (answer.session_id, epoch + 1, offset + 1);
        }
    };
    follow(100);
    let counted = allocations(|| follow(REQUESTS));
    check("produces with a fetch that waits for them", counted, 8);
}
