//! The management API over real sockets and TLS.

mod hostile;
mod page;

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};
use serde_json::{Value, json};

use super::Harness;
use crate::{
    Listener,
    certificates::CertificateFiles,
    peers::{Identity, tests::authority::Authority},
};

const CLUSTER: &str = "Some22Characters-Id-00";

/// A broker with a management port, and the authority of its cluster.
struct Managed {
    harness: Harness,
    authority: Authority,
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

impl Managed {
    fn new() -> Self {
        let authority = Authority::new();
        let mut harness = Harness::new();
        harness.running.take().unwrap().shutdown();
        harness.config.log_dirs.iter().for_each(|dir| std::fs::remove_dir_all(dir).unwrap());
        harness.config.cluster_id = Some(CLUSTER.to_owned());
        harness.config.certificates = Some(authority.files("node-1", CLUSTER));
        let tls = Listener { name: "tls".to_owned(), ..harness.config.listeners[0].clone() };
        harness.config.listeners.push(tls);
        let keystore = authority.files("localhost", CLUSTER).keystore.remove(0);
        harness.config.settings.extend(
            [
                ("listener.security.protocol.map", "plain:PLAINTEXT,tls:SSL"),
                ("listener.name.tls.ssl.keystore.location", keystore.to_str().unwrap()),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        harness.config.management.listener = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        harness.running = Some(crate::start(harness.config.clone()).unwrap());
        Self { harness, authority }
    }

    fn address(&self) -> SocketAddr {
        self.harness.running.as_ref().unwrap().management().unwrap()
    }

    /// A client with a certificate of this authority for `name`.
    fn client(&self, authority: &Authority, name: &str) -> Client {
        let keystore = authority.sign(name, CLUSTER);
        // the broker's own authority is what every client trusts: it is the broker that decides
        let files = authority.files_of(&keystore, &self.authority.pem());
        Client { address: self.address(), config: config(&files) }
    }

    fn operator(&self) -> Client {
        self.client(&self.authority, "operator")
    }
}

/// What a client of these files shows and trusts.
fn config(files: &CertificateFiles) -> Arc<rustls::ClientConfig> {
    Identity::whose(files).unwrap()
}

/// Asks over one connection a request.
struct Client {
    address: SocketAddr,
    config: Arc<rustls::ClientConfig>,
}

impl Client {
    fn connect(&self) -> Tls {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let name = ServerName::try_from("broker").unwrap();
        let session = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        StreamOwned::new(session, socket)
    }

    /// Sends bytes and reads to the end.
    fn send(&self, request: &str) -> std::io::Result<String> {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            // a peer that ends without a farewell has still answered
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error),
        }
        Ok(String::from_utf8(answer).unwrap())
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: broker\r\nConnection: close\r\n");
        write!(request, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let answer = self.send(&request).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("application/json"), "{answer}");
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, "")
    }
}

#[test]
fn only_the_operator_of_this_cluster_is_let_in() {
    let managed = Managed::new();
    assert_eq!(managed.operator().get("/v1/status").0, 200);
    let refused = |client: &Client| client.send("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n");
    let stranger = Authority::new();
    for (name, client) in [
        ("another node", managed.client(&managed.authority, "node-2")),
        ("somebody", managed.client(&managed.authority, "alice")),
        ("the operator of another authority", managed.client(&stranger, "operator")),
    ] {
        let answer = refused(&client);
        assert!(!matches!(&answer, Ok(text) if !text.is_empty()), "{name}: {answer:?}");
    }
    let other = managed.authority.sign("operator", "another-cluster");
    let files = managed.authority.files_of(&other, &managed.authority.pem());
    let client = Client { address: managed.address(), config: config(&files) };
    let answer = refused(&client);
    assert!(!matches!(&answer, Ok(text) if !text.is_empty()), "another cluster: {answer:?}");
}

#[test]
fn the_status_tells_who_this_is_and_which_certificate_it_shows() {
    let managed = Managed::new();
    let (status, told) = managed.operator().get("/v1/status");
    assert_eq!(status, 200, "{told}");
    assert_eq!((&told["nodeId"], &told["clusterId"]), (&json!(1), &json!(CLUSTER)));
    assert_eq!((&told["state"], &told["ready"]), (&json!("Running"), &json!(true)));
    assert_eq!(told["metadata"]["fenced"], json!(false));
    assert_eq!(told["certificate"]["generation"], json!(1));
    assert_eq!(told["certificate"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(told["certificate"]["caSha256"].as_array().unwrap().len(), 1);
}

#[test]
fn a_new_certificate_is_reported_and_shown_without_a_restart() {
    let managed = Managed::new();
    let files = managed.harness.config.certificates.clone().unwrap();
    let keystore: &PathBuf = &files.keystore[0];
    let of_listener = &managed.harness.config.settings["listener.name.tls.ssl.keystore.location"];
    let (_, before) = managed.operator().get("/v1/status");
    std::fs::write(keystore, managed.authority.sign("node-1", CLUSTER)).unwrap();
    std::fs::write(of_listener, managed.authority.sign("localhost", CLUSTER)).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (_, told) = managed.operator().get("/v1/status");
        let of_clients = |told: &Value| told["listeners"][0]["certificate"].clone();
        let is_second = |it: &Value| it["generation"] == json!(2);
        if is_second(&told["certificate"]) && is_second(&of_clients(&told)) {
            assert_ne!(told["certificate"]["sha256"], before["certificate"]["sha256"]);
            assert_ne!(of_clients(&told)["sha256"], of_clients(&before)["sha256"]);
            break;
        }
        assert!(Instant::now() < deadline, "{told}");
        thread::park_timeout(Duration::from_millis(200));
    }
}

#[test]
fn a_permit_is_for_one_set_of_brokers_and_can_be_given_back() {
    let managed = Managed::new();
    let operator = managed.operator();
    managed.harness.client().create("orders", 2, &[]);
    let body = "{\"brokers\":[1]}";
    for _ in 0..2 {
        let (status, granted) = operator.ask("POST", "/v1/restart-permits", body);
        assert_eq!(status, 200, "{granted}");
        assert_eq!(granted["brokers"], json!([1]));
        assert_eq!(granted["unavailableCount"], json!(2), "nobody else has these partitions");
    }
    let (status, told) = operator.ask("POST", "/v1/restart-permits", "{\"brokers\":[7]}");
    assert_eq!((status, &told["error"]["reason"]), (404, &json!("UnknownBroker")));
    let (status, told) = operator.ask("DELETE", "/v1/restart-permits", body);
    assert_eq!((status, told), (200, json!({ "brokers": [] })));
    for wrong in
        ["", "{}", "[]", "{\"brokers\":[]}", "{\"brokers\":[\"1\"]}", "{\"brokers\":[1],\"x\":1}"]
    {
        let (status, told) = operator.ask("POST", "/v1/restart-permits", wrong);
        assert_eq!((status, &told["error"]["reason"]), (400, &json!("Invalid")), "{wrong}");
    }
    let (status, found) = operator.get("/v1/blockers?brokers=1");
    assert_eq!((status, &found["unavailableCount"]), (200, &json!(2)));
    assert_eq!(operator.get("/v1/blockers?brokers=1,x").0, 400);
    assert_eq!(operator.get("/v1/blockers").0, 400);
}

#[test]
fn changes_are_told_as_soon_as_they_happen() {
    let managed = Managed::new();
    let operator = managed.operator();
    let offset = operator.get("/v1/changes").1["offset"].as_i64().unwrap();
    let (told, hears) = mpsc::channel();
    let waiting = managed.operator();
    let began = Instant::now();
    let poll = thread::spawn(move || {
        let path = format!("/v1/changes?after={offset}&waitMs=20000");
        told.send(waiting.get(&path)).unwrap();
    });
    assert!(hears.recv_timeout(Duration::from_millis(300)).is_err(), "nothing has changed yet");
    managed.harness.client().create("orders", 2, &[("retention.ms", "1000")]);
    let (status, answer) = hears.recv_timeout(Duration::from_secs(10)).unwrap();
    poll.join().unwrap();
    assert!(began.elapsed() < Duration::from_secs(10));
    let wanted = json!([
        { "kind": "Topic", "name": "orders", "change": "Created" },
        { "kind": "TopicConfig", "name": "orders", "change": "Changed" },
    ]);
    assert_eq!((status, &answer["changes"]), (200, &wanted));
    let next = answer["offset"].as_i64().unwrap();
    let (_, answer) = operator.get(&format!("/v1/changes?after={next}&waitMs=0"));
    assert_eq!(answer, json!({ "offset": next, "changes": [] }));
    assert_eq!(operator.get(&format!("/v1/changes?after={}", next + 1)).0, 410);
    assert_eq!(operator.get("/v1/changes?after=0").0, 410, "that was before this process");
    for wrong in ["after=x", "after=1&waitMs=60001", "after=1&waitMs=-1", "from=1"] {
        assert_eq!(operator.get(&format!("/v1/changes?{wrong}")).0, 400, "{wrong}");
    }
}

#[test]
fn a_poll_that_waits_ends_with_the_broker() {
    let mut managed = Managed::new();
    let operator = managed.operator();
    let offset = operator.get("/v1/changes").1["offset"].as_i64().unwrap();
    let poll =
        thread::spawn(move || operator.get(&format!("/v1/changes?after={offset}&waitMs=60000")));
    thread::park_timeout(Duration::from_millis(300));
    let began = Instant::now();
    managed.harness.running.take().unwrap().shutdown();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(poll.join().unwrap().0, 200);
}

#[test]
fn the_log_directories_are_described() {
    let managed = Managed::new();
    managed.harness.client().create("orders", 3, &[]);
    let (status, told) = managed.operator().get("/v1/log-dirs");
    assert_eq!(status, 200, "{told}");
    let dir = &told["logDirs"][0];
    assert_eq!((&dir["state"], &dir["logs"]), (&json!("Online"), &json!(3)));
    assert!(dir["usableBytes"].as_u64().unwrap() > 0);
}

#[test]
fn one_connection_takes_many_requests() {
    let managed = Managed::new();
    let mut stream = managed.operator().connect();
    for _ in 0..3 {
        stream.write_all(b"GET /v1/changes HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            let mut some = [0; 1024];
            let read = stream.read(&mut some).unwrap();
            answer.extend_from_slice(&some[..read]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[test]
fn a_management_port_without_certificates_does_not_start() {
    let mut harness = Harness::new();
    harness.running.take().unwrap().shutdown();
    harness.config.management.listener = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let error = crate::start(harness.config.clone()).unwrap_err();
    assert!(matches!(error, crate::StartError::NoCertificates), "{error}");
}
