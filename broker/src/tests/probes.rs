//! The port of probes and metrics, over real sockets.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use kastellan_protocol::batch::Builder;

use super::{Harness, client::Ask};

impl Harness {
    fn probes(&self) -> SocketAddr {
        self.running.as_ref().unwrap().probes().unwrap()
    }

    fn get(&self, path: &str) -> (u16, String) {
        ask(self.probes(), &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    /// The samples of `/metrics`, names with their labels.
    fn metrics(&self) -> BTreeMap<String, f64> {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200);
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        };
        samples.map(sample).collect()
    }
}

/// Sends bytes and reads to the end; (status, body), 0 where the answer is none.
fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // whoever is refused may be cut off before all is said
    drop(stream.write_all(request.as_bytes()));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or(0), body.to_owned())
}

#[test]
fn a_broker_that_serves_is_alive_started_and_ready() {
    let harness = Harness::new();
    for path in ["/livez", "/startupz", "/readyz", "/readyz?verbose"] {
        assert_eq!(harness.get(path), (200, "ok\n".to_owned()), "{path}");
    }
    let head = "HEAD /readyz HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(ask(harness.probes(), head), (200, String::new()));
    assert_eq!(harness.get("/").0, 404);
    let delete = "DELETE /readyz HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(ask(harness.probes(), delete).0, 405);
}

#[test]
fn probes_end_with_the_broker() {
    let mut harness = Harness::new();
    let address = harness.probes();
    harness.running.take().unwrap().shutdown();
    assert!(TcpStream::connect(address).is_err(), "somebody still listens");
}

#[test]
fn the_port_of_another_is_an_error_with_its_name() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut harness = Harness::new();
    harness.running.take().unwrap().shutdown();
    harness.config.management.probes = Some(taken.local_addr().unwrap());
    let error = crate::start(harness.config.clone()).unwrap_err();
    assert!(error.to_string().contains("(probes)"), "{error}");
}

#[test]
fn what_clients_do_is_counted() {
    let harness = Harness::new();
    let mut client = harness.client();
    let topic = client.create("counted", 2, &[]);
    let before = harness.metrics();
    let mut batch = Builder::new(0, 0);
    for _ in 0..3 {
        batch.record(0, None, Some(b"value"), &[]);
    }
    let batch = batch.finish();
    let size = f64::from(u32::try_from(batch.len()).unwrap());
    for partition in [0, 1] {
        assert_eq!(client.put(&topic, partition, batch.clone().into()).0, 0);
    }
    assert_ne!(client.put(&topic, 7, batch.into()).0, 0);
    client.fetch(Ask::default(), &topic, &[(0, 0), (1, 0)]);
    let after = harness.metrics();
    let more = |name: &str| {
        let at = |samples: &BTreeMap<String, f64>| samples.get(name).copied().unwrap_or(0.0);
        at(&after) - at(&before)
    };
    let requests =
        |api| format!("kafka_network_requestmetrics_requests_total{{request=\"{api}\"}}");
    for (name, wanted) in [
        ("kafka_server_brokertopicmetrics_messagesin_total", 6.0),
        ("kafka_server_brokertopicmetrics_bytesin_total", 2.0 * size),
        ("kafka_server_brokertopicmetrics_bytesout_total", 2.0 * size),
        (&requests("Produce"), 3.0),
        (&requests("Fetch"), 1.0),
        ("kastellan_request_duration_seconds_count{request=\"Produce\"}", 3.0),
        ("kastellan_request_duration_seconds_count{request=\"Fetch\"}", 1.0),
        ("kastellan_request_duration_seconds_bucket{request=\"Produce\",le=\"+Inf\"}", 3.0),
        (
            "kafka_network_requestmetrics_errors_total{request=\"Produce\",error=\"UnknownTopicOrPartition\"}",
            1.0,
        ),
        ("kastellan_log_directory_logs_bytes", 0.0),
    ] {
        assert!((more(name) - wanted).abs() < 0.5, "{name}: {} and not {wanted}", more(name));
    }
    for (name, wanted) in [
        ("kafka_server_replicamanager_partitioncount", 2.0),
        ("kafka_server_replicamanager_leadercount", 2.0),
        ("kafka_server_replicamanager_underreplicatedpartitions", 0.0),
        ("kafka_server_replicamanager_offlinereplicacount", 0.0),
        ("kafka_controller_kafkacontroller_activecontrollercount", 1.0),
        ("kafka_controller_kafkacontroller_offlinepartitionscount", 0.0),
        ("kafka_server_kafkaserver_brokerstate", 3.0),
        ("kastellan_connections{listener=\"plain\"}", 1.0),
    ] {
        assert_eq!(after.get(name), Some(&wanted), "{name}");
    }
    let (_, partitions) = harness.get("/metrics/partitions");
    let end = "kafka_log_log_logendoffset{topic=\"counted\",partition=\"1\"} 3\n";
    assert!(partitions.contains(end), "{partitions}");
    let log = format!("kafka_log_log_size{{topic=\"counted\",partition=\"0\"}} {size}\n");
    assert!(partitions.contains(&log), "{partitions}");
}

#[test]
fn the_page_lists_every_metric() {
    let harness = Harness::new();
    harness.client().create("listed", 1, &[]);
    let mut rows = Vec::new();
    for path in ["/metrics", "/metrics/partitions"] {
        let text = harness.get(path).1;
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("# "));
        while let (Some(help), Some(kind)) = (lines.next(), lines.next()) {
            let (name, help) = help.strip_prefix("HELP ").unwrap().split_once(' ').unwrap();
            let (same, kind) = kind.strip_prefix("TYPE ").unwrap().split_once(' ').unwrap();
            assert_eq!(name, same);
            rows.push(format!("| `{name}` | {kind} | {help} |\n"));
        }
    }
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("METRICS.md");
    let page = fs::read_to_string(&file).unwrap();
    let (head, table) = page.split_once("|---|---|---|\n").unwrap();
    let wanted = rows.concat();
    if std::env::var_os("KASTELLAN_UPDATE").is_some() {
        fs::write(&file, format!("{head}|---|---|---|\n{wanted}")).unwrap();
        return;
    }
    let update = "KASTELLAN_UPDATE=1 cargo test -p kastellan-broker --lib the_page_lists";
    assert_eq!(table, wanted, "METRICS.md is stale: {update}");
}

#[test]
fn those_who_say_nothing_keep_no_probe_out() {
    let harness = Harness::new();
    let mut silent = Vec::new();
    for at in 0..200 {
        let mut stream = TcpStream::connect(harness.probes()).unwrap();
        if at % 2 == 0 {
            stream.write_all(b"GET /livez HTTP/1.1\r\nHost:").unwrap();
        }
        silent.push(stream);
    }
    let began = Instant::now();
    assert_eq!(harness.get("/livez").0, 200);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    // the oldest had to go
    silent[0].set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert!(matches!(silent[0].read(&mut [0]), Ok(0) | Err(_)));
}

#[test]
fn a_request_that_dawdles_is_ended() {
    let harness = Harness::new();
    let mut stream = TcpStream::connect(harness.probes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nX: ").unwrap();
    let began = Instant::now();
    let mut rest = Vec::new();
    drop(stream.read_to_end(&mut rest));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[test]
fn hostile_bytes_get_an_error_and_the_next_probe_its_answer() {
    let harness = Harness::new();
    let address = harness.probes();
    let get = "GET /livez HTTP/1.1\r\nHost: x\r\n";
    let many = "X: y\r\n".repeat(1_000);
    for (request, statuses) in [
        (format!("{get}X: {}\r\n\r\n", "y".repeat(1 << 20)), &[431, 0][..]),
        (format!("{get}{many}\r\n"), &[431, 0]),
        (format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(1 << 20)), &[414, 431, 0]),
        (format!("{get}Content-Length: 5\r\n\r\nhello"), &[413]),
        (format!("{get}Content-Length: 99999999999999999999\r\n\r\n"), &[400, 0]),
        (format!("{get}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), &[400, 0]),
        (format!("{get}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"), &[400, 413, 0]),
        ("GET http://[ HTTP/1.1\r\n\r\n".to_owned(), &[400, 0]),
        ("\0\0\0\u{12}\0\u{3}\0\0\0\0\0\u{1}\r\n\r\n".to_owned(), &[400, 0]),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\r\n\r\n".to_owned(), &[400, 0]),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[400, 505, 0]),
        ("GET /metrics HTTP/9.9\r\n\r\n".to_owned(), &[400, 505, 0]),
        ("GET ../../etc/passwd HTTP/1.1\r\n\r\n".to_owned(), &[400, 404, 0]),
    ] {
        let (status, _) = ask(address, &request);
        let shown: String = request.chars().take(60).collect();
        assert!(statuses.contains(&status), "{shown:?}: {status}");
        assert_eq!(harness.get("/livez").0, 200, "after {shown:?}");
    }
}
