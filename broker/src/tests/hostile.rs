//! Clients that mean no good, or do not know better. Whatever they send, the next client is served.

use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

use kastellan_protocol::messages::{ApiKey, FetchRequest, MetadataRequest};

use super::{
    Harness,
    client::{Ask, batch, fetch_request, raw_frame},
};

/// Sends bytes; the broker has to close that connection and to serve the next.
#[track_caller]
fn closes(broker: &Harness, bytes: &[u8]) {
    let mut client = broker.client();
    // The broker may be faster with closing than we with writing.
    drop(client.stream.write_all(bytes));
    assert!(client.is_closed());
    assert!(broker.client().works());
}

#[test]
fn garbage_closes_the_connection_and_no_other() {
    let broker = Harness::new();
    closes(&broker, &[0xff; 64]);
    closes(
        &broker,
        &[0, 0, 0, 20, 0x7f, 0x7f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
}

#[test]
fn a_web_browser_is_sent_away() {
    let broker = Harness::new();
    closes(&broker, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

#[test]
fn a_tls_handshake_on_a_plain_port_is_sent_away() {
    let broker = Harness::new();
    closes(&broker, &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
}

#[test]
fn negative_and_tiny_sizes_close_the_connection() {
    let broker = Harness::new();
    closes(&broker, &(-1_i32).to_be_bytes());
    closes(&broker, &i32::MIN.to_be_bytes());
    closes(&broker, &3_i32.to_be_bytes());
}

#[test]
fn a_frame_that_only_a_produce_may_have_is_refused_for_other_apis() {
    let broker = Harness::new();
    let mut frame = (50_i32 << 20).to_be_bytes().to_vec();
    frame.extend_from_slice(&3_i16.to_be_bytes());
    closes(&broker, &frame);
}

#[test]
fn unknown_apis_versions_and_bodies_close_the_connection() {
    let broker = Harness::new();
    let metadata = raw_frame(ApiKey::Metadata, 4, &MetadataRequest::default());
    let mut unknown_api = metadata.clone();
    unknown_api[4..6].copy_from_slice(&999_i16.to_be_bytes());
    closes(&broker, &unknown_api);
    let mut unknown_version = metadata.clone();
    unknown_version[6..8].copy_from_slice(&99_i16.to_be_bytes());
    closes(&broker, &unknown_version);
    let mut truncated = metadata;
    truncated.pop();
    truncated[3] -= 1;
    closes(&broker, &truncated);
    let fetch = raw_frame(ApiKey::Fetch, 4, &FetchRequest::default());
    let mut counts = fetch;
    let end = counts.len();
    counts[end - 4..].copy_from_slice(&i32::MAX.to_be_bytes());
    closes(&broker, &counts);
}

#[test]
fn a_body_that_never_ends_is_dropped_with_its_connection() {
    let broker = Harness::new();
    let mut client = broker.client();
    let frame = raw_frame(ApiKey::Metadata, 4, &MetadataRequest::default());
    client.stream.write_all(&frame[..frame.len() - 1]).unwrap();
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(client.is_closed());
    assert!(broker.client().works());
}

#[test]
fn a_gibibyte_announced_is_not_a_gibibyte_taken() {
    let broker = Harness::with(&[("socket.request.max.bytes", "2147483647")]);
    let before = resident();
    let mut clients: Vec<_> = (0..50).map(|_| broker.client()).collect();
    for client in &mut clients {
        let mut frame = (1_i32 << 30).to_be_bytes().to_vec();
        frame.extend_from_slice(&[0, 0, 0, 9]);
        frame.extend_from_slice(&[0; 5_000]);
        client.stream.write_all(&frame).unwrap();
    }
    assert!(broker.client().works());
    let grown = resident().saturating_sub(before);
    assert!(grown < 24 << 20, "{grown} bytes for 50 announcements");
}

/// Bytes of memory that this process has, other tests included.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn a_byte_a_second_is_dropped_by_the_deadline_while_others_are_served() {
    let broker = Harness::with(&[("kastellan.frame.timeout.ms", "300")]);
    let mut slow = broker.client();
    let mut other = broker.client();
    let frame = raw_frame(ApiKey::Metadata, 4, &MetadataRequest::default());
    let began = Instant::now();
    let mut bytes = frame.iter();
    slow.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let closed = loop {
        if let Some(byte) = bytes.next().filter(|_| bytes.len() > 1) {
            drop(slow.stream.write_all(&[*byte]));
        }
        assert!(other.works(), "whoever is in order is not touched");
        match slow.stream.read(&mut [0]) {
            Ok(0) => break true,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break true,
            _ if began.elapsed() > Duration::from_secs(10) => break false,
            _ => {}
        }
    };
    assert!(closed && began.elapsed() >= Duration::from_millis(250));
}

#[test]
fn an_idle_connection_is_closed() {
    let broker = Harness::with(&[("connections.max.idle.ms", "200")]);
    let mut client = broker.client();
    assert!(client.works());
    assert!(client.is_closed());
    assert!(broker.client().works());
}

#[test]
fn a_client_that_never_reads_costs_little_and_is_dropped() {
    let broker = Harness::with(&[("kastellan.write.timeout.ms", "300")]);
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    let value = "x".repeat(900_000);
    assert_eq!(client.put(&topic, 0, batch(&[&value])).0, 0);
    let before = resident();
    let began = Instant::now();
    let mut deaf = broker.client();
    deaf.stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let fetch = raw_frame(ApiKey::Fetch, 12, &fetch_request(Ask::default(), &topic, &[(0, 0)]));
    // Writes until the broker takes no more, or has had enough.
    while deaf.stream.write_all(&fetch).is_ok() && began.elapsed() < Duration::from_secs(10) {}
    assert!(client.works());
    let grown = resident().saturating_sub(before);
    assert!(grown < 24 << 20, "{grown} bytes for answers that nobody reads");
    // What the kernels hold may be read; then comes the end.
    let mut sink = vec![0; 1 << 20];
    deaf.stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let filled = Instant::now();
    while filled.elapsed() < Duration::from_millis(600) {
        assert!(client.works());
    }
    let ended = loop {
        match deaf.stream.read(&mut sink) {
            Ok(0) => break true,
            Ok(_) if began.elapsed() < Duration::from_secs(15) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break true,
            _ => break false,
        }
    };
    assert!(ended);
}

#[test]
fn a_client_that_reads_slowly_but_steadily_gets_everything() {
    let broker = Harness::with(&[("kastellan.write.timeout.ms", "1500")]);
    let mut client = broker.client();
    let topic = client.create("t", 1, &[]);
    let value = "x".repeat(900_000);
    for _ in 0..20 {
        assert_eq!(client.put(&topic, 0, batch(&[&value])).0, 0);
    }
    let mut slow = broker.client();
    let ask = Ask { partition_max_bytes: 50 << 20, ..Ask::default() };
    let fetch = raw_frame(ApiKey::Fetch, 12, &fetch_request(ask, &topic, &[(0, 0)]));
    slow.stream.write_all(&fetch).unwrap();
    let (mut read, mut chunk) = (0, vec![0; 1 << 20]);
    // in all it takes longer than the broker waits for a client that reads nothing
    while read < 20 * value.len() {
        let since = Instant::now();
        while since.elapsed() < Duration::from_millis(100) {
            assert!(client.works());
        }
        match slow.stream.read(&mut chunk).unwrap() {
            0 => break,
            n => read += n,
        }
    }
    assert!(read >= 20 * value.len(), "cut off after {read} bytes");
}

#[test]
fn more_connections_than_an_address_may_have_are_refused() {
    let broker = Harness::with(&[("max.connections.per.ip", "3")]);
    let mut held: Vec<_> = (0..3).map(|_| broker.client()).collect();
    assert!(held.iter_mut().all(super::client::Client::works));
    assert!(broker.client().is_closed());
    drop(held.pop());
    let began = Instant::now();
    // The place is free as soon as the broker has noticed.
    while began.elapsed() < Duration::from_secs(10) {
        let mut client = broker.client();
        client.send(4, &MetadataRequest::default());
        if client.frame().is_some() {
            return;
        }
    }
    unreachable!("the place was never free again");
}

#[test]
fn a_flood_of_requests_is_answered_whole_and_in_order() {
    let broker = Harness::new();
    let mut client = broker.client();
    let mut writer = client.stream.try_clone().unwrap();
    let frame = raw_frame(ApiKey::Metadata, 4, &MetadataRequest::default());
    let flood = frame.repeat(3_000);
    let sender = std::thread::spawn(move || writer.write_all(&flood).unwrap());
    for _ in 0..3_000 {
        assert!(client.frame().is_some());
    }
    sender.join().unwrap();
}

#[test]
fn requests_that_do_not_fit_into_memory_together_are_taken_one_after_the_other() {
    let broker = Harness::with(&[("queued.max.request.bytes", "1000000")]);
    let mut admin = broker.client();
    let topic = admin.create("t", 8, &[]);
    let value = "x".repeat(900_000);
    std::thread::scope(|scope| {
        for partition in 0..8 {
            let (mut client, topic, value) = (broker.client(), &topic, &value);
            scope.spawn(move || {
                for n in 0..4 {
                    assert_eq!(client.put(topic, partition, batch(&[value])), (0, n));
                }
            });
        }
    });
}
