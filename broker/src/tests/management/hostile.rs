//! Bytes that no client sends, before and after somebody has shown a certificate.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use super::Managed;

#[test]
fn those_who_show_nothing_keep_the_operator_out_for_no_time() {
    let managed = Managed::new();
    let mut silent = Vec::new();
    for at in 0..200_u32 {
        let mut stream = TcpStream::connect(managed.address()).unwrap();
        match at % 3 {
            0 => stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap(),
            // the head of a TLS record, and nothing behind it
            1 => stream.write_all(&[22, 3, 1, 2, 0, 1, 0]).unwrap(),
            _ => {}
        }
        silent.push(stream);
    }
    let began = Instant::now();
    assert_eq!(managed.operator().get("/v1/status").0, 200);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn a_handshake_that_dawdles_is_ended() {
    let managed = Managed::new();
    let mut stream = TcpStream::connect(managed.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(&[22, 3, 1, 2, 0, 1, 0]).unwrap();
    let began = Instant::now();
    drop(stream.read_to_end(&mut Vec::new()));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[test]
fn a_poll_of_the_operator_outlives_a_crowd_of_strangers() {
    let managed = Managed::new();
    let operator = managed.operator();
    let offset = operator.get("/v1/changes").1["offset"].as_i64().unwrap();
    let mut poll = operator.connect();
    let path = format!("/v1/changes?after={offset}&waitMs=60000");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    poll.write_all(request.as_bytes()).unwrap();
    poll.flush().unwrap();
    std::thread::park_timeout(Duration::from_millis(300));
    let crowd: Vec<_> = (0..200).map(|_| TcpStream::connect(managed.address()).unwrap()).collect();
    managed.harness.client().create("orders", 1, &[]);
    let mut answer = Vec::new();
    drop(poll.read_to_end(&mut answer));
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    drop(crowd);
}

#[test]
fn what_is_too_large_or_makes_no_sense_is_refused() {
    let managed = Managed::new();
    let operator = managed.operator();
    let post = "POST /v1/restart-permits HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let large = "x".repeat(100 << 10);
    let deep = "[".repeat(60_000);
    for (request, statuses) in [
        (format!("{post}Content-Length: {}\r\n\r\n{large}", large.len()), &["413"][..]),
        (format!("{post}Content-Length: {}\r\n\r\n{deep}", deep.len()), &["400"]),
        (format!("{post}X: {large}\r\n\r\n"), &["431", ""]),
        (format!("{post}Content-Length: 4\r\n\r\n\0\0\0\0"), &["400"]),
        ("PATCH /v1/status HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n".to_owned(), &["405"]),
        ("GET /v2/status HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n".to_owned(), &["404"]),
        ("GET /v1/../status HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n".to_owned(), &["404"]),
        ("\r\n\r\n\0\u{1}\r\n\r\n".to_owned(), &["400", ""]),
    ] {
        let answer = operator.send(&request).unwrap_or_default();
        let status = answer.split(' ').nth(1).unwrap_or_default();
        let shown: String = request.chars().take(60).collect();
        assert!(statuses.contains(&status), "{shown:?}: {answer}");
        assert_eq!(operator.get("/v1/status").0, 200, "after {shown:?}");
    }
}
