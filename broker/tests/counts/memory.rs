//! Bombs: bytes that promise much. Memory rises by 4 x the bytes sent + 1 MiB at most, comes back
//! when they are gone, and a client in order is served all the while.

use std::{
    io::Write,
    net::Shutdown,
    time::{Duration, Instant},
};

use kastellan_protocol::{
    api_version,
    messages::{ApiKey, DescribeConfigsRequest, describe_configs_request::DescribeConfigsResource},
    primitive::Writer,
    protocol::StrBytes,
    walk::{
        self, schema,
        schema::{Field, Kind, Schema, Versions},
    },
};
use rustix::net::sockopt;

use crate::{
    client::{Client, frame},
    server::Server,
};

use super::{
    allocator::{alone, live, rise},
    forge::Forge,
    requests::TOPIC,
};

/// What may be left of a connection that is gone: lists that have grown and are kept.
const LEFT: i64 = 64 << 10;

/// What bytes may take.
fn most(sent: usize) -> i64 {
    4 * i64::try_from(sent).unwrap() + (1 << 20)
}

/// A broker that has served, and a client in order.
fn warm() -> (Server, Client) {
    let server = Server::start(&[]);
    server.create_topic(TOPIC);
    let mut healthy = server.connect();
    // The first question for a group's coordinator creates the topic that coordinators live in.
    healthy.find_coordinator();
    for _ in 0..50 {
        assert!(healthy.works());
        assert!(server.connect().works());
    }
    (server, healthy)
}

/// Waits until the broker's memory is what it was `before`, the healthy client being served
/// meanwhile.
#[track_caller]
fn comes_back(before: i64, healthy: &mut Client, what: &str) {
    let began = Instant::now();
    while live() - before > LEFT {
        assert!(healthy.works());
        let late = began.elapsed() > Duration::from_secs(20);
        assert!(!late, "{} bytes are left after {what}", live() - before);
    }
}

/// Sends `bytes` as the first that a connection says, and checks what they took.
#[track_caller]
fn explode(server: &Server, healthy: &mut Client, bytes: &[u8], limit: i64, what: &str) -> i64 {
    let before = live();
    let taken = rise(|| {
        let mut client = server.connect();
        // The broker may be faster with closing than we with writing.
        drop(client.stream.write_all(bytes));
        drop(client.stream.shutdown(Shutdown::Write));
        client.drain();
    });
    assert!(taken <= limit, "{taken} bytes for {} sent: {what}", bytes.len());
    comes_back(before, healthy, what);
    taken
}

/// Bodies that lie about their counts, of `len` bytes, and what to call them.
fn lies(len: usize) -> impl Iterator<Item = (String, Vec<u8>)> {
    let fill = |bytes: &[u8]| bytes.iter().copied().cycle().take(len).collect::<Vec<u8>>();
    let begin = |bytes: &[u8]| {
        let mut body = bytes.to_vec();
        body.resize(len.max(bytes.len()), 0);
        body
    };
    let bodies = [
        ("counts of i32::MAX", fill(&[0x7f, 0xff, 0xff, 0xff])),
        ("compact counts of i32::MAX", fill(&[0x80, 0x80, 0x80, 0x80, 0x08])),
        ("a million elements", begin(&[0x00, 0x0f, 0x42, 0x40])),
        ("a million compact elements", begin(&[0xc1, 0x84, 0x3d])),
        ("zeros", begin(&[])),
    ];
    bodies.into_iter().map(move |(lie, body)| (format!("{len} bytes of {lie}"), body))
}

#[test]
fn counts_that_lie_take_no_more_memory_than_the_bytes_that_came() {
    let _alone = alone();
    let (server, mut healthy) = warm();
    let mut worst = (0, String::new());
    for &(api, min, max) in api_version::served() {
        for version in [min, max] {
            for (lie, body) in [8, 1 << 10, 1 << 20].into_iter().flat_map(lies) {
                let what = format!("{api:?} v{version} with {lie}");
                let bytes = frame(api, version, &body);
                let taken = explode(&server, &mut healthy, &bytes, most(bytes.len()), &what);
                worst = worst.max((100 * taken / most(bytes.len()), what));
            }
        }
        assert!(healthy.works());
    }
    println!("at most {} % of what is allowed: {}", worst.0, worst.1);
}

#[test]
fn a_size_that_is_only_declared_takes_nothing() {
    let _alone = alone();
    let (server, mut healthy) = warm();
    for size in [100 << 20, i32::MAX] {
        for api in [ApiKey::Produce, ApiKey::Fetch, ApiKey::Metadata] {
            let mut bytes = frame(api, 4, &[0; 100]);
            bytes[..4].copy_from_slice(&size.to_be_bytes());
            let what = format!("{size} bytes declared");
            explode(&server, &mut healthy, &bytes, most(bytes.len()), &what);
        }
    }
}

#[test]
fn twenty_thousand_tagged_fields_take_no_more_memory_than_their_bytes() {
    let _alone = alone();
    let (server, mut healthy) = warm();
    // 20,000 fields whose tags go up, each of them empty
    let mut tags = Vec::new();
    Writer::new(&mut tags).unsigned_varint(20_000);
    for tag in 10..20_010_u32 {
        Writer::new(&mut tags).tagged_field(tag, &[]);
    }
    for &(api, _, version) in api_version::served() {
        // in the body, wherever it ends, and in the header
        for ahead in 0..24 {
            let mut body = vec![0; ahead];
            body.extend_from_slice(&tags);
            let what = format!("{api:?} v{version} with 20,000 tags after {ahead} bytes");
            let bytes = frame(api, version, &body);
            explode(&server, &mut healthy, &bytes, most(bytes.len()), &what);
        }
        let mut bytes = frame(api, version, &[]);
        if api.request_header_version(version) >= 2 {
            bytes.pop();
        }
        bytes.extend_from_slice(&tags);
        let size = u32::try_from(bytes.len() - 4).unwrap();
        bytes[..4].copy_from_slice(&size.to_be_bytes());
        let what = format!("{api:?} v{version} with 20,000 tags in its header");
        explode(&server, &mut healthy, &bytes, most(bytes.len()), &what);
    }
}

#[test]
fn half_open_connections_take_a_mebibyte_together() {
    let _alone = alone();
    let (server, mut healthy) = warm();
    let before = live();
    let mut held = Vec::with_capacity(64);
    let taken = rise(|| {
        for _ in 0..64 {
            let mut client = server.connect();
            client.stream.write_all(&[0]).unwrap();
            held.push(client);
            assert!(healthy.works());
        }
    });
    println!("64 connections with a byte each: {taken} bytes");
    assert!(taken <= most(64), "{taken} bytes for 64 connections with a byte each");
    drop(held);
    comes_back(before, &mut healthy, "64 half-open connections");
}

/// Every array of these fields, those inside of others too.
fn arrays(fields: &'static [Field]) -> Vec<&'static str> {
    let mut found = Vec::new();
    for field in fields {
        let Kind::Array(array) = field.kind else { continue };
        found.push(field.name);
        if let Kind::Struct(fields) = array.of {
            found.extend(arrays(fields));
        }
    }
    found
}

/// A body with as many of the smallest elements of an array as the walker lets through, up to
/// 30,000.
fn crowd(schema: &'static Schema, version: i16, array: &'static str) -> Option<Vec<u8>> {
    let body = |count| {
        let mut forge = Forge::new(schema, version, &[]);
        forge.crowd = Some((array, count));
        forge.body(schema)
    };
    let counts = std::iter::successors(Some(30_000), |count| Some(count * 4 / 5));
    counts
        .take_while(|count| *count > 10)
        .map(body)
        .find(|body| walk::request(schema.api, version, body).is_ok())
}

/// The versions to try, each with every array that may be crowded.
fn crowds(schema: &'static Schema) -> impl Iterator<Item = (i16, &'static str)> {
    let Versions { min, max } = schema.versions;
    let arrays = arrays(schema.fields);
    [min, max]
        .into_iter()
        .flat_map(move |version| arrays.clone().into_iter().map(move |array| (version, array)))
}

/// A crowd that is let through is a valid request: what it asks for is answered, and an answer may
/// be larger than four times the question. This is what is drawn for it (`net::account`) on top of
/// what reading it may take, so that the account is true and no answer grows in silence.
fn most_for_an_answer(sent: usize, elements: usize) -> i64 {
    most(sent) + i64::try_from(4 * sent + 768 * elements).unwrap()
}

#[test]
fn crowds_that_are_let_through_are_answered_in_bounded_memory() {
    let _alone = alone();
    let (server, mut healthy) = warm();
    let mut worst = (0, String::new());
    for &(api, _, _) in api_version::served() {
        let schema = schema(api).unwrap();
        for (version, array) in crowds(schema) {
            let Some(body) = crowd(schema, version, array) else { continue };
            let bytes = frame(api, version, &body);
            let what = format!("{api:?} v{version}: {} bytes with many {array}", bytes.len());
            let elements = walk::elements(api, version, &body).unwrap();
            let limit = most_for_an_answer(bytes.len(), elements);
            let taken = explode(&server, &mut healthy, &bytes, limit, &what);
            worst = worst.max((100 * taken / limit, what));
        }
    }
    println!("at most {} % of what is drawn: {}", worst.0, worst.1);
}

/// A request that names more than a cluster has closes the connection before it is decoded.
#[test]
fn a_request_that_names_more_than_there_can_be_takes_only_its_own_bytes() {
    let _alone = alone();
    let (server, mut healthy) = warm();
    let mut body = Vec::new();
    let mut writer = Writer::new(&mut body);
    // a group without a name, and of each of three topics without a name 80,000 partitions
    writer.string("");
    writer.array_len(3);
    for _ in 0..3 {
        writer.string("");
        writer.array_len(80_000);
        (0..80_000).for_each(|index| writer.i32(index));
    }
    assert_eq!(walk::elements(ApiKey::OffsetDelete, 0, &body), Ok(240_003));
    let bytes = frame(ApiKey::OffsetDelete, 0, &body);
    explode(&server, &mut healthy, &bytes, most(bytes.len()), "240,003 things");
}

/// The pool of answers in the test below. On top of it come the overdraft of one connection, and of
/// each thread of the broker the answer that it is just writing: 3 MiB each, as a connection has
/// up to 1 MiB of answers unsent and a buffer that grows is there twice. Without the pool the
/// crowd would take more than 32 MiB.
const POOL: i64 = 2 << 20;

#[test]
fn answers_that_nobody_reads_take_no_more_than_their_pool() {
    let _alone = alone();
    // of the pool for requests a fourth is for answers
    let server = Server::start(&[("queued.max.request.bytes", "8388608")]);
    let mut healthy = server.connect();
    healthy.find_coordinator();
    assert!(healthy.works());
    let broker = DescribeConfigsResource::default()
        .with_resource_type(4)
        .with_resource_name(StrBytes::from_static_str("1"))
        .with_configuration_keys(None);
    let all = DescribeConfigsRequest::default()
        .with_resources(vec![broker])
        .with_include_synonyms(true)
        .with_include_documentation(true);
    let before = live();
    let mut held = Vec::with_capacity(16);
    let taken = rise(|| {
        for _ in 0..16 {
            let mut client = server.connect();
            sockopt::set_socket_recv_buffer_size(&client.stream, 4096).unwrap();
            for _ in 0..60 {
                client.send(4, &all);
            }
            held.push(client);
        }
        // all of them are stuck: nothing moves any more
        let mut last = (-1, Instant::now());
        while last.1.elapsed() < Duration::from_millis(500) {
            let now = live();
            last = if now == last.0 { last } else { (now, Instant::now()) };
            // who needs no memory is served all the while
            healthy.find_coordinator();
        }
    });
    println!("{taken} bytes for 960 answers that nobody reads");
    assert!(taken > POOL / 2, "{taken}: the pool was not put to the test");
    assert!(taken <= POOL + 3 * (3 << 20), "{taken} bytes for answers that nobody reads");
    drop(held);
    comes_back(before, &mut healthy, "answers that nobody read");
}
