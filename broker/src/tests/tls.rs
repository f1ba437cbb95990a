//! Clients under TLS, over real sockets.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use kastellan_core::security::Principal;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use tokio_rustls::TlsConnector;

use super::{
    Harness,
    client::{Ask, Client, batch, values},
};
use crate::peers::tests::authority::Authority;

const SERVER: &str = "localhost";

/// A broker whose only listener speaks TLS with a certificate of `authority`.
pub(super) fn broker(authority: &Authority, settings: &[(&str, &str)]) -> Harness {
    broker_as("SSL", authority, settings)
}

/// The same with another protocol.
pub(super) fn broker_as(
    protocol: &str,
    authority: &Authority,
    settings: &[(&str, &str)],
) -> Harness {
    broker_allowing(protocol, authority, settings, &[])
}

/// The same, which may read the keys of issuers at the `allowed` URLs.
pub(super) fn broker_allowing(
    protocol: &str,
    authority: &Authority,
    settings: &[(&str, &str)],
    allowed: &[String],
) -> Harness {
    let files = authority.files(SERVER, "a company");
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let [keystore, truststore] = [&files.keystore[0], &files.truststore].map(|it| path(it));
    let map = format!("plain:{protocol}");
    let of_tls = [
        ("listener.security.protocol.map", map.as_str()),
        ("listener.name.plain.ssl.keystore.location", &keystore),
        ("ssl.truststore.location", &truststore),
    ];
    Harness::allowing(&[&of_tls[..], settings].concat(), allowed)
}

/// What a client of `authority` trusts, and shows where it has a key and a certificate.
pub(super) fn config(
    authority: &Authority,
    versions: &[&'static SupportedProtocolVersion],
    shown: Option<&str>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match shown {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    })
}

/// Carries one client, which speaks plain text, to a listener that speaks TLS.
pub(super) fn bridge(to: SocketAddr, config: Arc<ClientConfig>) -> Client {
    let here = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = here.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let (client, _) = here.accept().unwrap();
            client.set_nonblocking(true).unwrap();
            let mut client = tokio::net::TcpStream::from_std(client).unwrap();
            let socket = tokio::net::TcpStream::connect(to).await.unwrap();
            let name = ServerName::try_from(SERVER).unwrap();
            let connected = TlsConnector::from(config).connect(name, socket).await;
            // whoever is refused finds the bridge closed
            let Ok(mut server) = connected else { return };
            drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
        });
    });
    Client::connect(address)
}

pub(super) fn address(broker: &Harness) -> SocketAddr {
    broker.running.as_ref().unwrap().addresses()[0].1
}

/// A handshake of its own, to its end.
fn shake(to: SocketAddr, config: Arc<ClientConfig>) -> std::io::Result<()> {
    let socket = TcpStream::connect(to).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let name = ServerName::try_from(SERVER).unwrap();
    let mut stream = StreamOwned::new(
        ClientConnection::new(config, name).map_err(std::io::Error::other)?,
        socket,
    );
    // a frame that no client sends: the broker closes, or has refused the handshake before
    stream.write_all(&[0, 0, 0, 1, 0])?;
    match stream.read(&mut [0; 16]) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(()),
        Err(error) => Err(error),
    }
}

#[test]
fn records_are_produced_and_fetched_under_both_versions() {
    let authority = Authority::new();
    let broker = broker(&authority, &[]);
    let mut topic = None;
    for version in [&TLS12, &TLS13] {
        let mut client = bridge(address(&broker), config(&authority, &[version], None));
        let topic = topic.get_or_insert_with(|| client.create("t", 1, &[]));
        let long = "x".repeat(300_000);
        for _ in 0..4 {
            assert_eq!(client.put(topic, 0, batch(&[&long])).0, 0);
        }
        let ask = Ask { partition_max_bytes: 50 << 20, ..Ask::default() };
        let answer = client.fetch(ask, topic, &[(0, 0)]);
        let read = values(answer.responses[0].partitions[0].records.as_ref());
        assert!(read.len() >= 4 && read.iter().all(|(_, value)| *value == long));
    }
}

#[test]
fn who_speaks_otherwise_than_the_listener_is_let_go() {
    let authority = Authority::new();
    let encrypted = broker(&authority, &[]);
    let mut client = encrypted.client();
    client.stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert!(client.is_closed());
    let plain = Harness::new();
    assert!(shake(address(&plain), config(&authority, &[&TLS13], None)).is_err());
    assert!(plain.client().works());
    assert!(bridge(address(&encrypted), config(&authority, &[&TLS13], None)).works());
}

#[test]
fn a_listener_speaks_the_versions_that_it_is_told() {
    let authority = Authority::new();
    let broker = broker(&authority, &[("ssl.enabled.protocols", "TLSv1.3")]);
    assert!(shake(address(&broker), config(&authority, &[&TLS13], None)).is_ok());
    assert!(shake(address(&broker), config(&authority, &[&TLS12], None)).is_err());
}

#[test]
fn who_shows_no_trusted_certificate_is_refused_where_one_is_required() {
    let authority = Authority::new();
    let broker = broker(&authority, &[("listener.name.plain.ssl.client.auth", "required")]);
    let try_as =
        |shown: Option<&str>| shake(address(&broker), config(&authority, &[&TLS13], shown)).is_ok();
    assert!(!try_as(None));
    assert!(!try_as(Some(&Authority::new().sign("alice", "a company"))));
    assert!(try_as(Some(&authority.sign("alice", "a company"))));
}

#[test]
fn other_certificates_are_shown_and_trusted_without_a_restart() {
    let (old, new) = (Authority::new(), Authority::new());
    let files = old.files(SERVER, "a company");
    let [keystore, truststore] = [&files.keystore[0], &files.truststore];
    let broker = Harness::with(&[
        ("listener.security.protocol.map", "plain:SSL"),
        ("ssl.keystore.location", keystore.to_str().unwrap()),
        ("ssl.truststore.location", truststore.to_str().unwrap()),
        ("ssl.client.auth", "required"),
    ]);
    // a client that trusts one authority and shows a certificate of another
    let with = |trusted: &Authority, shown: &Authority| {
        config(trusted, &[&TLS13], Some(&shown.sign("alice", "a company")))
    };
    let enters = |trusted, shown| shake(address(&broker), with(trusted, shown)).is_ok();
    let mut before = bridge(address(&broker), with(&old, &old));
    assert!(before.works() && !enters(&new, &new));
    std::fs::write(truststore, old.pem() + &new.pem()).unwrap();
    let begun = Instant::now();
    let await_it = |trusted, shown| {
        while !enters(trusted, shown) {
            assert!(begun.elapsed() < Duration::from_secs(30), "the files are looked at");
            std::thread::park_timeout(Duration::from_millis(100));
        }
    };
    await_it(&old, &new);
    assert!(enters(&old, &old), "both are trusted");
    std::fs::write(keystore, new.sign(SERVER, "a company")).unwrap();
    std::fs::write(truststore, new.pem()).unwrap();
    await_it(&new, &new);
    while enters(&new, &old) {
        assert!(begun.elapsed() < Duration::from_secs(30), "the old one is trusted no more");
    }
    assert!(before.works(), "who is in stays");
}

#[test]
fn a_handshake_that_does_not_end_is_ended() {
    let authority = Authority::new();
    let broker = broker(&authority, &[("kastellan.login.timeout.ms", "100")]);
    assert!(broker.client().is_closed());
}

#[test]
fn a_certificate_says_who_somebody_is() {
    use std::collections::BTreeMap;

    use kastellan_core::config::BrokerConfig;

    let authority = Authority::new();
    let files = authority.files(SERVER, "a company");
    let admit = |rules: &str, shown: Option<&str>| {
        let settings = BTreeMap::from(
            [
                ("ssl.keystore.location", files.keystore[0].to_str().unwrap()),
                ("ssl.truststore.location", files.truststore.to_str().unwrap()),
                ("ssl.client.auth", "requested"),
                ("ssl.principal.mapping.rules", rules),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let settings = BrokerConfig::parse(settings).unwrap();
        let transport = settings.transport("SSL").unwrap();
        let door = crate::net::ClientDoor::open("ssl", transport, &[]).unwrap();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let to = listener.local_addr().unwrap();
        let config = config(&authority, &[&TLS13], shown);
        let client = std::thread::spawn(move || drop(shake(to, config)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let admitted = runtime.block_on(async {
            let (socket, _) = listener.accept().unwrap();
            socket.set_nonblocking(true).unwrap();
            let socket = tokio::net::TcpStream::from_std(socket).unwrap();
            let admitted = door.admit(socket, Duration::from_secs(20)).await;
            admitted.map(|(_, principal)| principal).map_err(|why| why.to_string())
        });
        client.join().unwrap();
        admitted
    };
    let alice = authority.sign("alice", "Acme, Inc.");
    assert_eq!(admit("DEFAULT", None), Ok(Principal::anonymous()));
    let name = Principal::user("O=Acme\\, Inc.,CN=alice");
    assert_eq!(admit("DEFAULT", Some(&alice)), Ok(name));
    assert_eq!(admit("RULE:.*CN=(.*)/$1/U", Some(&alice)), Ok(Principal::user("ALICE")));
    assert!(admit("RULE:CN=(.*)/$1/", Some(&alice)).unwrap_err().contains("no rule"));
}

#[test]
fn a_late_handshake_leaves_less_time_for_the_login() {
    let authority = Authority::new();
    let broker = broker_as("SASL_SSL", &authority, &[("kastellan.login.timeout.ms", "4000")]);
    let begun = Instant::now();
    let mut socket = TcpStream::connect(address(&broker)).unwrap();
    // nobody says anything for a while
    socket.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    assert!(socket.read(&mut [0]).is_err());
    socket.set_read_timeout(None).unwrap();
    let name = ServerName::try_from(SERVER).unwrap();
    let session = ClientConnection::new(config(&authority, &[&TLS13], None), name).unwrap();
    let mut stream = StreamOwned::new(session, socket);
    stream.flush().unwrap();
    // it says nothing, and is let go
    while stream.read(&mut [0]).is_ok_and(|read| read > 0) {}
    assert!(begun.elapsed() < Duration::from_millis(6500), "{:?}", begun.elapsed());
}
