//! Whole logins.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kastellan_protocol::ErrorCode;

use super::*;
use crate::security::{
    TokenKey,
    oauth::{
        Algorithm, Demands, Distrust, KeySet,
        tests::{NOW, claims, demands, signer::Signer},
    },
};

struct Known {
    scram: BTreeMap<String, Arc<ScramCredential>>,
    plain: BTreeMap<String, Secret<String>>,
    issuer: Option<(Demands, Arc<KeySet>)>,
    key: TokenKey,
}

impl Users for Known {
    fn scram(&self, mechanism: ScramMechanism, user: &str) -> Option<Arc<ScramCredential>> {
        self.scram.get(&format!("{} {user}", mechanism.name())).cloned()
    }

    fn token(
        &self,
        mechanism: ScramMechanism,
        id: &str,
    ) -> Option<(Arc<ScramCredential>, ByToken)> {
        let by_token = ByToken { owner: "alice".to_owned(), ends: 7 };
        let made = || Arc::new(self.key.credential(id, mechanism, self.secret()));
        (id == "token").then(|| (made(), by_token))
    }

    fn plain(&self, user: &str) -> Option<&Secret<String>> {
        self.plain.get(user)
    }

    fn issuer(&self) -> Option<Issuer<'_>> {
        let (demands, keys) = self.issuer.as_ref()?;
        Some(Issuer { demands, keys: Some(Arc::clone(keys)), now: NOW * 1000 })
    }

    fn secret(&self) -> &[u8] {
        b"made up"
    }
}

fn users() -> Known {
    let credential = |mechanism: ScramMechanism| {
        let salted = mechanism.salted(b"pencil", b"some salt", 4096);
        let credential = ScramCredential::new(mechanism, &salted, b"some salt".to_vec(), 4096);
        (format!("{} alice", mechanism.name()), Arc::new(credential))
    };
    Known {
        scram: ScramMechanism::ALL.into_iter().map(credential).collect(),
        plain: BTreeMap::from([("bob".to_owned(), Secret("brush".to_owned()))]),
        issuer: None,
        key: TokenKey::new("a key").unwrap(),
    }
}

/// A client that logs in by SCRAM; `tamper` changes its last message before it is signed.
fn scram(
    login: &mut Login,
    (mechanism, user, password): (ScramMechanism, &str, &str),
    tamper: impl Fn(String) -> String,
) -> Result<Answer, Refusal> {
    talk(login, (mechanism, password, &format!("n={user},r=client")), tamper)
}

/// [`scram`] with all that stands in the first message behind its header.
fn talk(
    login: &mut Login,
    (mechanism, password, bare): (ScramMechanism, &str, &str),
    tamper: impl Fn(String) -> String,
) -> Result<Answer, Refusal> {
    let users = users();
    login.handshake(mechanism.name(), &Mechanism::ALL)?;
    let answer = login.message(format!("n,,{bare}").as_bytes(), &users, "server")?;
    assert_eq!(answer.user, None);
    let challenge = String::from_utf8(answer.message).unwrap();
    let part = |name: &str| {
        let found = challenge.split(',').find_map(|part| part.strip_prefix(name));
        found.unwrap().to_owned()
    };
    let (salt, iterations) = (STANDARD.decode(part("s=")).unwrap(), part("i=").parse().unwrap());
    let salted = mechanism.salted(password.as_bytes(), &salt, iterations);
    let own = ScramCredential::new(mechanism, &salted, salt, iterations);
    let without_proof = tamper(format!("c=biws,r={}", part("r=")));
    let said = format!("{bare},{challenge},{without_proof}");
    let signature = mechanism.sign(&own.stored_key.0, said.as_bytes());
    let client_key = mechanism.sign(&salted.0, b"Client Key");
    let proof: Vec<u8> = signature.iter().zip(&client_key).map(|(a, b)| a ^ b).collect();
    let last = format!("{without_proof},p={}", STANDARD.encode(proof));
    let answer = login.message(last.as_bytes(), &users, "server")?;
    let expected = own.signature(mechanism, said.as_bytes());
    assert_eq!(answer.message, format!("v={}", STANDARD.encode(expected)).into_bytes());
    Ok(answer)
}

fn same(message: String) -> String {
    message
}

#[test]
fn who_knows_the_password_gets_in_and_hears_that_the_broker_knows_it() {
    for mechanism in ScramMechanism::ALL {
        let answer = scram(&mut Login::new(), (mechanism, "alice", "pencil"), same).unwrap();
        assert_eq!(answer.user, Some(("alice".to_owned(), Mechanism::Scram(mechanism))));
    }
}

#[test]
fn a_wrong_password_and_a_user_who_is_not_there_fail_alike() {
    let failed = |user: &str| {
        let (user, tamper) = ((ScramMechanism::Sha512, user, "paper"), same);
        scram(&mut Login::new(), user, tamper).unwrap_err()
    };
    let wrong = failed("alice");
    assert_eq!(wrong.code, ErrorCode::SaslAuthenticationFailed);
    assert!(wrong.message.ends_with("SASL mechanism SCRAM-SHA-512"));
    assert_eq!(failed("mallory"), wrong);
    let challenge = |user: &str| {
        let mut login = Login::new();
        login.handshake("SCRAM-SHA-512", &Mechanism::ALL).unwrap();
        let first = format!("n,,n={user},r=c");
        login.message(first.as_bytes(), &users(), "s").unwrap().message
    };
    assert_eq!(challenge("mallory"), challenge("mallory"), "a made up salt stays the same");
    assert_ne!(challenge("mallory"), challenge("eve"));
}

#[test]
fn a_last_message_of_another_exchange_proves_nothing() {
    let alice = (ScramMechanism::Sha256, "alice", "pencil");
    for (from, to) in [
        ("r=clientserver", "r=client"),
        ("r=clientserver", "r=server"),
        ("r=clientserver", "r=clientserverx"),
        ("c=biws", "c=eSws"),
    ] {
        let refused = scram(&mut Login::new(), alice, |message| message.replace(from, to));
        assert_eq!(refused.unwrap_err().code, ErrorCode::SaslAuthenticationFailed, "{to}");
    }
}

#[test]
fn plain_takes_the_password_and_nothing_else() {
    let by = |message: &[u8]| {
        let mut login = Login::new();
        login.handshake("PLAIN", &Mechanism::ALL).unwrap();
        login.message(message, &users(), "").map(|answer| answer.user)
    };
    assert_eq!(by(b"\0bob\0brush"), Ok(Some(("bob".to_owned(), Mechanism::Plain))));
    for wrong in [&b"\0bob\0broom"[..], b"\0eve\0brush", b"\0eve\0", b"alice\0bob\0brush", b""] {
        let refused = by(wrong).unwrap_err();
        assert_eq!(refused.message, "Authentication failed: Invalid username or password");
    }
}

#[test]
fn steps_out_of_order_end_the_login() {
    let enabled = [Mechanism::Plain];
    let mut login = Login::new();
    let refused = login.message(b"\0bob\0brush", &users(), "").unwrap_err();
    assert_eq!(refused.code, ErrorCode::IllegalSaslState);
    assert!(login.handshake("PLAIN", &enabled).is_err(), "it is over");
    let mut login = Login::new();
    let refused = login.handshake("SCRAM-SHA-256", &enabled).unwrap_err();
    assert_eq!(refused.code, ErrorCode::UnsupportedSaslMechanism);
    let mut login = Login::new();
    login.handshake("PLAIN", &enabled).unwrap();
    assert_eq!(login.handshake("PLAIN", &enabled).unwrap_err().code, ErrorCode::IllegalSaslState);
}

#[test]
fn whoever_logs_in_again_stays_who_it_is() {
    let plain = |mut login: Login| {
        login.handshake("PLAIN", &Mechanism::ALL)?;
        login.message(b"\0bob\0brush", &users(), "")
    };
    assert!(plain(Login::again("bob", Mechanism::Plain)).is_ok());
    assert!(plain(Login::again("alice", Mechanism::Plain)).is_err());
    let by_scram = Mechanism::Scram(ScramMechanism::Sha256);
    assert!(plain(Login::again("bob", by_scram)).is_err());
}

fn with_token(login: &mut Login, signer: &Signer, message: &str) -> Result<Answer, Refusal> {
    let users = Known { issuer: Some((demands(), Arc::new(signer.keys()))), ..users() };
    login.handshake("OAUTHBEARER", &Mechanism::ALL)?;
    login.message(message.as_bytes(), &users, "")
}

#[test]
fn a_token_lets_its_owner_in_for_as_long_as_it_counts() {
    let signer = Signer::new();
    let token = signer.token(Algorithm::Es256, &claims());
    let alice = Some(("alice".to_owned(), Mechanism::OauthBearer));
    for header in ["n,,", "n,a=alice,"] {
        let message = format!("{header}\x01auth=Bearer {token}\x01\x01");
        let answer = with_token(&mut Login::new(), &signer, &message).unwrap();
        assert_eq!((answer.message, answer.user), (Vec::new(), alice.clone()));
        assert_eq!(answer.ends, Some((NOW + 630) * 1000));
        let login =
            |who| with_token(&mut Login::again(who, Mechanism::OauthBearer), &signer, &message);
        assert!(login("alice").is_ok());
        assert_eq!(login("bob").unwrap_err().code, ErrorCode::SaslAuthenticationFailed);
    }
    let message = format!("n,a=bob,\x01auth=Bearer {token}\x01\x01");
    let refused = with_token(&mut Login::new(), &signer, &message).unwrap_err();
    assert!(refused.message.ends_with("the authorization id is not the name in the token"));
}

#[test]
fn a_token_that_is_not_believed_is_told_and_then_refused() {
    let signer = Signer::new();
    let mut claims = claims();
    claims["aud"] = serde_json::json!("others");
    let token = signer.token(Algorithm::Es256, &claims);
    let message = format!("n,,\x01auth=Bearer {token}\x01\x01");
    for answer in [&b"\x01"[..], message.as_bytes(), b""] {
        let mut login = Login::new();
        let told = with_token(&mut login, &signer, &message).unwrap();
        assert_eq!((told.user, told.distrust), (None, Some(Distrust::Audience)));
        assert!(String::from_utf8(told.message).unwrap().contains("audience"));
        let refused = login.message(answer, &users(), "").unwrap_err();
        assert_eq!(refused.code, ErrorCode::SaslAuthenticationFailed);
        assert!(refused.message.contains("audience (aud) is not among the expected"));
        let over = login.message(b"\x01", &users(), "").unwrap_err();
        assert_eq!(over.code, ErrorCode::IllegalSaslState);
    }
    let malformed = with_token(&mut Login::new(), &signer, "n,,auth=Bearer x").unwrap_err();
    assert!(malformed.message.ends_with("the first message of OAUTHBEARER is malformed"));
}

#[test]
fn a_delegation_token_lets_in_as_its_owner_until_it_ends() {
    let secret = STANDARD.encode(users().key.hmac("token").0);
    let by_token = |bare: &str| {
        let mechanism = ScramMechanism::Sha256;
        talk(&mut Login::new(), (mechanism, &secret, bare), same)
    };
    let answer = by_token("n=token,r=client,tokenauth=true").unwrap();
    let who = Some(("alice".to_owned(), Mechanism::Scram(ScramMechanism::Sha256)));
    assert_eq!((answer.user, answer.ends, answer.by_token), (who, Some(7), true));
    for bare in [
        "n=token,r=client",
        "n=token,r=client,tokenauth=false",
        "n=other,r=client,tokenauth=true",
        "n=alice,r=client,tokenauth=true",
    ] {
        let refused = by_token(bare).unwrap_err();
        assert_eq!(refused.code, ErrorCode::SaslAuthenticationFailed, "{bare}");
    }
    // a password is none
    let password = (ScramMechanism::Sha256, "pencil", "n=alice,r=client,tokenauth=true");
    assert!(talk(&mut Login::new(), password, same).is_err());
}

#[test]
fn whether_there_is_a_token_shows_in_no_challenge() {
    let challenge = |id: &str, by_token: &str| {
        let mut login = Login::new();
        login.handshake("SCRAM-SHA-512", &Mechanism::ALL).unwrap();
        let first = format!("n,,n={id},r=c,tokenauth={by_token}");
        login.message(first.as_bytes(), &users(), "s").unwrap().message
    };
    // the same salt as where it is somebody's name, who is not there
    assert_eq!(challenge("token", "true"), challenge("token", "false"));
    assert_eq!(challenge("other", "true"), challenge("other", "false"));
}
