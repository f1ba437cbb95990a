//! Logging in by tokens (OAUTHBEARER), over real sockets.

use std::{
    path::PathBuf,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kastellan_protocol::messages::{MetadataRequest, SaslAuthenticateResponse};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING as ES256, EcdsaKeyPair, KeyPair as _},
};
use rustls::version::TLS13;
use serde_json::{Value, json};

use super::{
    Harness,
    client::Client,
    login::{authenticate, handshake},
    tls,
};
use crate::{StartError, peers::tests::authority::Authority};

/// Somebody who issues tokens.
pub(crate) struct Signer {
    id: String,
    key: EcdsaKeyPair,
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Signer {
    pub(crate) fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ES256, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ES256, key.as_ref(), &random).unwrap();
        Self { id: id.to_owned(), key }
    }

    /// Its keys, as its web server shows them.
    pub(crate) fn keys(&self) -> String {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (text(x), text(y));
        let key = json!({ "kty": "EC", "crv": "P-256", "kid": self.id, "x": x, "y": y });
        json!({ "keys": [key] }).to_string()
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "kid": self.id });
        let signed = format!("{}.{}", text(header.to_string()), text(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", text(signature))
    }
}

/// What a token says that is good for so many seconds more.
fn claims(seconds: i64) -> Value {
    let now = i64::try_from(now()).unwrap();
    json!({ "sub": "alice", "aud": "kafka", "iat": now - 60, "exp": now + seconds })
}

fn show(client: &mut Client, token: &str) -> SaslAuthenticateResponse {
    assert_eq!(handshake(client, 1, "OAUTHBEARER").error_code, 0);
    authenticate(client, format!("n,,\x01auth=Bearer {token}\x01\x01").as_bytes())
}

/// A broker that believes `signer`.
struct Believer {
    broker: Harness,
    authority: Authority,
    file: PathBuf,
}

impl Believer {
    fn new(signer: &Signer, settings: &[(&str, &str)]) -> Self {
        let name = format!("kastellan-keys-{}-{}", std::process::id(), signer.id);
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, signer.keys()).unwrap();
        let url = format!("file://{}", file.display());
        let of_tokens = [
            ("listener.name.plain.sasl.enabled.mechanisms", "OAUTHBEARER"),
            ("listener.name.plain.oauthbearer.sasl.oauthbearer.jwks.endpoint.url", url.as_str()),
            ("sasl.oauthbearer.expected.audience", "kafka"),
            ("sasl.oauthbearer.clock.skew.seconds", "0"),
            ("connection.failed.authentication.delay.ms", "1"),
        ];
        let (authority, settings) = (Authority::new(), [&of_tokens[..], settings].concat());
        let allowed = [url.clone()];
        let broker = tls::broker_allowing("SASL_SSL", &authority, &settings, &allowed);
        Self { broker, authority, file }
    }

    fn client(&self) -> Client {
        tls::bridge(tls::address(&self.broker), tls::config(&self.authority, &[&TLS13], None))
    }
}

impl Drop for Believer {
    fn drop(&mut self) {
        std::fs::remove_file(&self.file).unwrap();
    }
}

#[test]
fn who_shows_a_token_that_is_believed_gets_in_and_others_hear_why_not() {
    let signer = Signer::new("believed");
    let believer = Believer::new(&signer, &[]);
    let mut client = believer.client();
    let answer = show(&mut client, &signer.token(&claims(3600)));
    assert_eq!((answer.error_code, answer.auth_bytes.len()), (0, 0));
    assert!((3_590_000..=3_600_000).contains(&answer.session_lifetime_ms), "{answer:?}");
    assert!(client.works());
    let mut elsewhere = claims(3600);
    elsewhere["aud"] = json!("billing");
    let unsigned = format!("{}.{}.", text("{\"alg\":\"none\"}"), text(claims(3600).to_string()));
    for (token, why) in [
        (signer.token(&elsewhere), "audience (aud)"),
        (signer.token(&claims(-1)), "has expired"),
        (Signer::new("unknown").token(&claims(3600)), "key id (kid)"),
        (Signer::new("believed").token(&claims(3600)), "signature is wrong"),
        (unsigned, "not signed (alg is none)"),
    ] {
        let mut client = believer.client();
        let told = show(&mut client, &token);
        assert_eq!(told.error_code, 0);
        let told = std::str::from_utf8(&told.auth_bytes).unwrap();
        assert!(told.contains("invalid_token") && told.contains(why), "{told}");
        let refused = authenticate(&mut client, b"\x01");
        assert_eq!(refused.error_code, 58);
        assert!(refused.error_message.unwrap().contains(why));
        assert!(client.is_closed());
    }
}

#[test]
fn a_login_ends_with_its_token_unless_its_owner_shows_another() {
    let signer = Signer::new("renewed");
    let believer = Believer::new(&signer, &[("connections.max.reauth.ms", "100000")]);
    let (mut client, mut forgetful) = (believer.client(), believer.client());
    let token = signer.token(&claims(3));
    for client in [&mut client, &mut forgetful] {
        let answer = show(client, &token);
        assert!((1..=3000).contains(&answer.session_lifetime_ms), "{answer:?}");
    }
    // the next is good for longer than a login may hold
    let next = signer.token(&claims(3600));
    while handshake(&mut client, 1, "OAUTHBEARER").error_code != 0 {}
    let again = authenticate(&mut client, format!("n,,\x01auth=Bearer {next}\x01\x01").as_bytes());
    assert_eq!((again.error_code, again.session_lifetime_ms), (0, 100_000));
    let begun = Instant::now();
    loop {
        forgetful.send(9, &MetadataRequest::default());
        if forgetful.frame().is_none() {
            break;
        }
        assert!(begun.elapsed().as_secs() < 20, "a login outlives its token");
    }
    assert!(client.works());
    let mut bob = claims(3600);
    bob["sub"] = json!("bob");
    while handshake(&mut client, 1, "OAUTHBEARER").error_code != 0 {}
    let token = signer.token(&bob);
    let other = authenticate(&mut client, format!("n,,\x01auth=Bearer {token}\x01\x01").as_bytes());
    assert_eq!(other.error_code, 58);
    assert!(client.is_closed());
}

#[test]
fn keys_are_read_only_from_where_it_was_allowed() {
    let signer = Signer::new("forbidden");
    let believer = Believer::new(&signer, &[]);
    let mut config = believer.broker.config.clone();
    config.log_dirs[0].set_extension("other");
    config.allowed_urls.clear();
    let refused = crate::start(config.clone()).map(drop).unwrap_err();
    assert!(matches!(refused, StartError::Keys { .. }));
    assert!(refused.to_string().contains("--oauthbearer-allowed-url"), "{refused}");
    config.allowed_urls.clone_from(&believer.broker.config.allowed_urls);
    std::fs::write(&believer.file, "{\"keys\":[]}").unwrap();
    let refused = crate::start(config).map(drop).unwrap_err();
    assert!(refused.to_string().contains("no key to check a signature with"), "{refused}");
}
