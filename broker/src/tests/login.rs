//! Logging in, over real sockets.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kastellan_core::security::ScramMechanism;
use kastellan_protocol::{
    messages::{
        AlterUserScramCredentialsRequest, ApiVersionsRequest, SaslAuthenticateRequest,
        SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
    },
    protocol::StrBytes,
};
use ring::{digest, hmac};
use rustls::version::TLS13;

use super::{
    Harness,
    client::Client,
    scram::{alter, password},
    tls,
};
use crate::{Listener, peers::tests::authority::Authority};

const FIRST: (&str, &str) =
    ("kastellan.scram.first.users", "SCRAM-SHA-512=[name=admin,password=castle]");

/// A broker whose listener asks for a login, with one user.
pub(super) fn broker(settings: &[(&str, &str)]) -> Harness {
    let map = ("listener.security.protocol.map", "plain:SASL_PLAINTEXT");
    let delay = ("connection.failed.authentication.delay.ms", "1");
    Harness::with(&[&[map, FIRST, delay][..], settings].concat())
}

pub(super) fn handshake(
    client: &mut Client,
    version: i16,
    mechanism: &str,
) -> SaslHandshakeResponse {
    let mechanism = StrBytes::from_string(mechanism.to_owned());
    client.call(version, &SaslHandshakeRequest::default().with_mechanism(mechanism))
}

pub(super) fn authenticate(client: &mut Client, message: &[u8]) -> SaslAuthenticateResponse {
    let bytes = bytes::Bytes::copy_from_slice(message);
    client.call(2, &SaslAuthenticateRequest::default().with_auth_bytes(bytes))
}

/// The client's side of SCRAM; the answer to its last message.
pub(super) fn scram(
    client: &mut Client,
    (user, password): (&str, &str),
    mechanism: ScramMechanism,
) -> SaslAuthenticateResponse {
    assert_eq!(handshake(client, 1, mechanism.name()).error_code, 0);
    prove(client, (user, password), mechanism)
}

/// [`scram`] behind the handshake.
fn prove(
    client: &mut Client,
    (user, password): (&str, &str),
    mechanism: ScramMechanism,
) -> SaslAuthenticateResponse {
    let first = format!("n={user},r=rOprNGfwEbeRWgbNEkqO");
    let answer = authenticate(client, format!("n,,{first}").as_bytes());
    assert_eq!(answer.error_code, 0, "{answer:?}");
    let challenge = String::from_utf8(answer.auth_bytes.to_vec()).unwrap();
    let last = proof(&first, &challenge, password, mechanism);
    authenticate(client, last.as_bytes())
}

pub(super) fn proof(
    first: &str,
    challenge: &str,
    password: &str,
    mechanism: ScramMechanism,
) -> String {
    let part = |name: &str| challenge.split(',').find_map(|it| it.strip_prefix(name)).unwrap();
    let (salt, rounds) = (STANDARD.decode(part("s=")).unwrap(), part("i=").parse().unwrap());
    let salted = mechanism.salted(password.as_bytes(), &salt, rounds);
    let (algorithm, hash) = match mechanism {
        ScramMechanism::Sha256 => (hmac::HMAC_SHA256, &digest::SHA256),
        ScramMechanism::Sha512 => (hmac::HMAC_SHA512, &digest::SHA512),
    };
    let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(algorithm, key), text);
    let client_key = sign(&salted.0, b"Client Key");
    let stored_key = digest::digest(hash, client_key.as_ref());
    let without_proof = format!("c=biws,r={}", part("r="));
    let said = format!("{first},{challenge},{without_proof}");
    let signature = sign(stored_key.as_ref(), said.as_bytes());
    let proof = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b);
    format!("{without_proof},p={}", STANDARD.encode(proof.collect::<Vec<u8>>()))
}

pub(super) const ADMIN: (&str, &str) = ("admin", "castle");
pub(super) const SHA512: ScramMechanism = ScramMechanism::Sha512;

#[test]
fn the_first_user_logs_in_and_makes_others() {
    let mut broker = broker(&[]);
    let mut admin = broker.client();
    assert_eq!(admin.call(2, &ApiVersionsRequest::default()).error_code, 0);
    let answer = scram(&mut admin, ADMIN, SHA512);
    assert_eq!((answer.error_code, answer.session_lifetime_ms), (0, 0));
    assert!(answer.auth_bytes.starts_with(b"v="));
    assert!(admin.works());
    let set = AlterUserScramCredentialsRequest::default().with_upsertions(vec![password(
        "alice",
        ScramMechanism::Sha256,
        "pencil",
    )]);
    assert_eq!(alter(&mut admin, &set), [("alice".to_owned(), 0)]);
    broker.kill_and_restart();
    for (user, mechanism) in [(ADMIN, SHA512), (("alice", "pencil"), ScramMechanism::Sha256)] {
        let mut client = broker.client();
        assert_eq!(scram(&mut client, user, mechanism).error_code, 0);
        assert!(client.works());
    }
}

#[test]
fn who_does_not_know_the_password_hears_so_late_and_is_let_go() {
    let broker = broker(&[("connection.failed.authentication.delay.ms", "150")]);
    for user in [("admin", "wrong"), ("nobody", "castle")] {
        let mut client = broker.client();
        let begun = Instant::now();
        let answer = scram(&mut client, user, SHA512);
        assert_eq!(answer.error_code, 58);
        let message = answer.error_message.unwrap();
        assert!(message.ends_with("invalid credentials with SASL mechanism SCRAM-SHA-512"));
        assert!(begun.elapsed() >= Duration::from_millis(150));
        assert!(client.is_closed());
    }
    let mut client = broker.client();
    let answer = handshake(&mut client, 1, "PLAIN");
    assert_eq!(answer.error_code, 33);
    let enabled: Vec<&str> = answer.mechanisms.iter().map(|it| &**it).collect();
    assert_eq!(enabled, ["SCRAM-SHA-512", "SCRAM-SHA-256"]);
    assert!(client.is_closed());
}

#[test]
fn nothing_but_a_login_is_taken_before_it() {
    let broker = broker(&[("kastellan.login.timeout.ms", "200")]);
    let metadata = kastellan_protocol::messages::MetadataRequest::default();
    let mut client = broker.client();
    client.send(9, &metadata);
    assert!(client.is_closed());
    let mut client = broker.client();
    client.stream.write_all(&70_000_u32.to_be_bytes()).unwrap();
    assert!(client.is_closed(), "a large frame");
    let mut client = broker.client();
    assert_eq!(authenticate(&mut client, b"n,,n=admin,r=x").error_code, 34);
    assert!(client.is_closed());
    let mut client = broker.client();
    assert_eq!(handshake(&mut client, 1, "SCRAM-SHA-512").error_code, 0);
    client.send(3, &ApiVersionsRequest::default());
    assert!(client.is_closed(), "versions are asked for before");
    let mut client = broker.client();
    assert_eq!(scram(&mut client, ADMIN, SHA512).error_code, 0);
    assert!(broker.client().is_closed(), "who says nothing is let go");
    assert!(client.works(), "who has logged in before stays");
}

#[test]
fn an_address_has_so_many_places_for_those_whom_nobody_knows() {
    let broker = broker(&[("kastellan.max.logins.per.ip", "2")]);
    let mut known = broker.client();
    assert_eq!(scram(&mut known, ADMIN, SHA512).error_code, 0);
    let mut first = broker.client();
    let mut second = broker.client();
    assert!(broker.client().is_closed());
    assert_eq!(scram(&mut first, ADMIN, SHA512).error_code, 0);
    assert_eq!(scram(&mut second, ADMIN, SHA512).error_code, 0);
    assert!(first.works() && second.works() && known.works());
}

#[test]
fn passwords_are_taken_as_they_are_under_tls() {
    let authority = Authority::new();
    let settings = [
        ("listener.name.plain.sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-512"),
        (
            "listener.name.plain.plain.sasl.jaas.config",
            "org.apache.kafka.common.security.plain.PlainLoginModule required \
             user_alice=\"pencil\";",
        ),
        FIRST,
    ];
    let broker = tls::broker_as("SASL_SSL", &authority, &settings);
    let connect = || tls::bridge(tls::address(&broker), tls::config(&authority, &[&TLS13], None));
    for (message, code) in [(&b"\0alice\0pencil"[..], 0), (b"\0alice\0paper", 58)] {
        let mut client = connect();
        assert_eq!(handshake(&mut client, 1, "PLAIN").error_code, 0);
        assert_eq!(authenticate(&mut client, message).error_code, code);
        assert!(if code == 0 { client.works() } else { client.is_closed() });
    }
    let mut client = connect();
    assert_eq!(scram(&mut client, ADMIN, SHA512).error_code, 0);
    assert!(client.works());
    // the handshake in the old way: messages without a header
    let mut client = connect();
    assert_eq!(handshake(&mut client, 0, "PLAIN").error_code, 0);
    client.stream.write_all(b"\0\0\0\x0d\0alice\0pencil").unwrap();
    assert_eq!(client.frame().unwrap().len(), 0);
    assert!(client.works());
}

#[test]
fn a_login_holds_for_a_while_and_is_renewed_by_the_same_user() {
    let broker = broker(&[
        ("listener.name.plain.scram-sha-512.connections.max.reauth.ms", "3000"),
        ("connections.max.reauth.ms", "100000"),
    ]);
    let begun = Instant::now();
    let mut client = broker.client();
    let answer = scram(&mut client, ADMIN, SHA512);
    assert_eq!((answer.error_code, answer.session_lifetime_ms), (0, 3000));
    let mut forgetful = broker.client();
    assert_eq!(scram(&mut forgetful, ADMIN, SHA512).error_code, 0);
    while handshake(&mut client, 1, "SCRAM-SHA-512").error_code != 0 {}
    // the broker counts whole milliseconds: one begun counts as one
    let a_moment = Duration::from_millis(2);
    assert!(begun.elapsed() + a_moment >= Duration::from_secs(1), "not so soon");
    assert_eq!(prove(&mut client, ADMIN, SHA512).error_code, 0);
    loop {
        forgetful.send(9, &kastellan_protocol::messages::MetadataRequest::default());
        if forgetful.frame().is_none() {
            break;
        }
    }
    assert!(begun.elapsed() + a_moment >= Duration::from_secs(3));
    assert!(client.works());
    assert_eq!(handshake(&mut client, 1, "SCRAM-SHA-256").error_code, 58, "another mechanism");
    assert!(client.is_closed());
}

#[test]
fn listeners_that_nobody_can_use_are_refused_at_the_start() {
    let broker = Harness::new();
    let mut config = broker.config.clone();
    config.log_dirs[0].set_extension("other");
    config.listeners.push(Listener { name: "out".to_owned(), ..config.listeners[0].clone() });
    let why = |settings: &[(&str, &str)]| {
        let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let config = crate::Config { settings: settings.collect(), ..config.clone() };
        crate::start(config).map(drop).unwrap_err().to_string()
    };
    let map = "listener.security.protocol.map";
    assert!(why(&[(map, "plain:PLAINTEXT")]).contains("does not name the listener out"));
    let tls = why(&[(map, "plain:PLAINTEXT,out:SASL_SSL")]);
    assert!(tls.contains("set listener.name.out.ssl.keystore.location"), "{tls}");
    let plain = [(map, "plain:PLAINTEXT,out:SASL_PLAINTEXT"), ("sasl.enabled.mechanisms", "PLAIN")];
    assert!(why(&plain).contains("make it SASL_SSL"));
}
