//! Which tokens are believed.

pub(crate) mod signer;

use proptest::prelude::*;
use serde_json::{Value, json};

use self::signer::{Signer, set, text};
use super::*;

/// When all this happens, in Unix seconds.
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) fn demands() -> Demands {
    Demands {
        audiences: vec!["kafka".to_owned()],
        issuer: Some("https://id.example".to_owned()),
        subject_claim: "sub".to_owned(),
        scope_claim: "scope".to_owned(),
        skew: 30,
    }
}

pub(crate) fn claims() -> Value {
    json!({
        "sub": "alice", "iss": "https://id.example", "aud": ["web", "kafka"], "scope": "a b",
        "iat": NOW - 60, "exp": NOW + 600,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn judge(token: &str, keys: &KeySet) -> Result<Trusted, Distrust> {
    token::verdict(token, keys, &demands(), NOW * 1000)
}

#[test]
fn a_token_of_each_algorithm_says_whose_it_is_and_for_how_long() {
    let signer = Signer::new();
    for algorithm in Algorithm::ALL {
        let token = signer.token(algorithm, &claims());
        let trusted = Trusted { name: "alice".to_owned(), ends: (NOW + 630) * 1000 };
        assert_eq!(judge(&token, &signer.keys()), Ok(trusted), "{algorithm:?}");
        let another = Signer::new();
        let forged = format!("{}.{}", token.rsplit_once('.').unwrap().0, text([7; 256]));
        assert_eq!(judge(&forged, &signer.keys()), Err(Distrust::Signature));
        if matches!(algorithm, Algorithm::Es256 | Algorithm::Es384) {
            assert_eq!(judge(&token, &another.keys()), Err(Distrust::Signature));
        }
    }
}

#[test]
fn what_anybody_could_have_signed_is_refused() {
    let signer = Signer::new();
    let keys = signer.keys();
    let body = text(claims().to_string());
    for none in ["none", "None", "NONE"] {
        let header = text(json!({ "alg": none, "kid": "rsa" }).to_string());
        for signature in ["", "AAAA"] {
            let token = format!("{header}.{body}.{signature}");
            assert_eq!(judge(&token, &keys), Err(Distrust::Unsigned));
        }
    }
    // the public key as the secret of an HMAC, the oldest trick with tokens
    let header = text(json!({ "alg": "HS256", "kid": "rsa" }).to_string());
    let public = signer.key(Algorithm::Rs256, None).to_string();
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public.as_bytes());
    let signature = text(ring::hmac::sign(&secret, format!("{header}.{body}").as_bytes()));
    let token = format!("{header}.{body}.{signature}");
    assert_eq!(judge(&token, &keys), Err(Distrust::Algorithm));
    // the header says another algorithm than the one that was signed with
    let header = json!({ "alg": "RS256", "kid": "P-256" });
    let token = signer.signed(Algorithm::Es256, &header, &claims().to_string());
    assert_eq!(judge(&token, &keys), Err(Distrust::UnknownKey));
    let header = json!({ "alg": "RS512", "kid": "rsa" });
    let token = signer.signed(Algorithm::Rs256, &header, &claims().to_string());
    assert_eq!(judge(&token, &keys), Err(Distrust::Signature));
    let header = json!({ "alg": "RS256", "kid": "rsa", "crit": ["b64"], "b64": false });
    let token = signer.signed(Algorithm::Rs256, &header, &claims().to_string());
    assert_eq!(judge(&token, &keys), Err(Distrust::Critical));
    // the key that a token brings along is not looked at
    let mut header = json!({ "alg": "ES256", "kid": "mine" });
    header["jwk"] = signer.key(Algorithm::Es256, Some("mine"));
    let token = signer.signed(Algorithm::Es256, &header, &claims().to_string());
    assert_eq!(judge(&token, &keys), Err(Distrust::UnknownKey));
}

#[test]
fn a_key_is_found_by_its_name_or_is_the_only_one_that_fits() {
    let signer = Signer::new();
    let header = json!({ "alg": "ES256" });
    let token = signer.signed(Algorithm::Es256, &header, &claims().to_string());
    assert!(judge(&token, &signer.keys()).is_ok(), "one fits");
    let key = |signer: &Signer| signer.key(Algorithm::Es256, Some("k"));
    let two = set(&[key(&Signer::new()), key(&signer)]);
    assert_eq!(judge(&token, &two), Err(Distrust::NoKeyId));
    let rsa = set(&[signer.key(Algorithm::Rs256, None)]);
    assert_eq!(judge(&token, &rsa), Err(Distrust::NoKeyId));
    let header = json!({ "alg": "ES256", "kid": "k" });
    let token = signer.signed(Algorithm::Es256, &header, &claims().to_string());
    assert!(judge(&token, &two).is_ok(), "each with that name is tried");
    let mut only = key(&signer);
    for (name, value) in [
        ("alg", json!("ES384")),
        ("alg", json!("ES512")),
        ("use", json!("enc")),
        ("key_ops", json!(["sign"])),
        ("crv", json!("P-521")),
        ("kty", json!("oct")),
        ("x", json!("AAAA")),
        ("kid", json!(7)),
    ] {
        let mut other = key(&signer);
        other[name] = value;
        let keys = set(&[other, signer.key(Algorithm::Rs256, Some("rsa"))]);
        assert_eq!(judge(&token, &keys), Err(Distrust::UnknownKey), "{name}");
    }
    only["alg"] = json!("ES256");
    only["use"] = json!("sig");
    only["key_ops"] = json!(["verify"]);
    assert!(judge(&token, &set(&[only])).is_ok());
}

#[test]
fn each_claim_has_to_say_what_is_expected() {
    let signer = Signer::new();
    let keys = signer.keys();
    let judge = |claims: &Value| judge(&signer.token(Algorithm::Es256, claims), &keys).map(drop);
    for good in [
        with("aud", json!("kafka")),
        with("exp", json!(NOW - 29)),
        with("exp", json!(1_800_000_000.5)),
        with("iat", json!(NOW + 30)),
        with("nbf", json!(NOW + 30)),
        with("scope", json!(["a", "b"])),
        with("scope", json!([])),
        with("other", json!({ "a": [1] })),
    ] {
        assert_eq!(judge(&good), Ok(()), "{good}");
    }
    for (name, value, why) in [
        ("exp", json!(NOW - 30), Distrust::Expired),
        ("exp", json!(0), Distrust::Expired),
        ("exp", json!(-1), Distrust::Time("exp")),
        ("exp", json!(1e300), Distrust::Time("exp")),
        ("exp", json!("2030-01-01"), Distrust::Time("exp")),
        ("exp", Value::Null, Distrust::Time("exp")),
        ("iat", json!(true), Distrust::Time("iat")),
        ("iat", json!(NOW + 31), Distrust::Future),
        ("nbf", json!(NOW + 31), Distrust::Future),
        ("nbf", json!([]), Distrust::Time("nbf")),
        ("iss", json!("https://id.example/"), Distrust::Issuer),
        ("iss", json!(["https://id.example"]), Distrust::Issuer),
        ("aud", json!("kafka2"), Distrust::Audience),
        ("aud", json!([["kafka"], "web"]), Distrust::Audience),
        ("aud", json!({ "kafka": true }), Distrust::Audience),
        ("sub", json!("  "), Distrust::Subject),
        ("sub", json!(7), Distrust::Subject),
        ("scope", json!(["a", "a"]), Distrust::Scope),
        ("scope", json!([" "]), Distrust::Scope),
        ("scope", json!(1), Distrust::Scope),
    ] {
        assert_eq!(judge(&with(name, value.clone())), Err(why), "{name} {value}");
    }
    for (name, why) in [
        ("exp", Distrust::Time("exp")),
        ("iat", Distrust::Time("iat")),
        ("iss", Distrust::Issuer),
        ("aud", Distrust::Audience),
        ("sub", Distrust::Subject),
    ] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(judge(&claims), Err(why), "{name}");
    }
    assert_eq!(judge(&json!(["sub"])), Err(Distrust::Claims));
    let far = with("exp", json!(i64::MAX));
    assert_eq!(judge(&far), Ok(()), "no sum wraps");
}

#[test]
fn what_is_no_token_is_not_one() {
    let signer = Signer::new();
    let keys = signer.keys();
    let token = signer.token(Algorithm::Es256, &claims());
    let parts: Vec<&str> = token.split('.').collect();
    let header = |text: &str| format!("{}.{}.{}", signer::text(text), parts[1], parts[2]);
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        parts[..2].join("."),
        format!("{token}."),
        format!("{token}="),
        format!("{}.{}.{}.{}.{}", parts[0], parts[1], parts[2], parts[1], parts[2]),
        header("{}"),
        header("[]"),
        header(r#"{"alg":1}"#),
        header(r#"{"alg":"none","alg":"ES256"}"#),
        header(r#"{"alg":"ES256","kid":{}}"#),
        header(&format!("{{\"alg\":\"ES256\",\"a\":{}", "[".repeat(10_000))),
    ] {
        assert_eq!(judge(&bad, &keys), Err(Distrust::Form), "{bad}");
    }
}

#[test]
fn a_set_of_keys_has_keys() {
    let parse = |text: &str| KeySet::parse(text.as_bytes());
    for bad in ["", "{}", "[]", "{\"keys\":{}}", "null"] {
        assert!(matches!(parse(bad), Err(BadKeys::Form(_))), "{bad}");
    }
    let short = json!({ "kty": "RSA", "n": text([0xff; 128]), "e": "AQAB" });
    let zero = json!({ "kty": "RSA", "n": text([0; 256]), "e": "AQAB" });
    let sets =
        [json!([]), json!([1]), json!([{ "kty": "oct", "k": "AAAA" }]), json!([short, zero])];
    for keys in sets {
        assert_eq!(parse(&json!({ "keys": keys }).to_string()), Err(BadKeys::None));
    }
    assert_eq!(parse(&json!({ "keys": vec![1; 101] }).to_string()), Err(BadKeys::Many));
    assert_eq!(parse(&" ".repeat(MOST_BYTES + 1)), Err(BadKeys::Long));
    let signer = Signer::new();
    let mut padded = signer.key(Algorithm::Rs256, Some("rsa"));
    let n = padded["n"].as_str().unwrap();
    padded["n"] = json!(text([&[0], &*base64url(n)].concat()));
    let token = signer.token(Algorithm::Ps256, &claims());
    assert!(judge(&token, &set(&[padded])).is_ok(), "a zero in front means nothing");
}

fn base64url(text: &str) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

proptest! {
    #[test]
    fn a_token_that_was_touched_is_refused(at in 0..10_000_usize, with in any::<u8>()) {
        let signer = Signer::new();
        let token = signer.token(Algorithm::Es256, &claims());
        let mut touched = token.clone().into_bytes();
        let at = at % touched.len();
        touched[at] = with;
        let Ok(touched) = String::from_utf8(touched) else { return Ok(()) };
        let verdict = judge(&touched, &signer.keys());
        prop_assert_eq!(verdict.is_ok(), touched == token);
    }

    #[test]
    fn claims_of_any_kind_are_judged(name in "sub|iss|aud|exp|iat|nbf|scope", text in ".{0,20}") {
        let signer = Signer::new();
        for value in [json!(text.as_str()), json!([text.as_str()]), json!({ text.as_str(): 1 })] {
            let token = signer.token(Algorithm::Es256, &with(&name, value.clone()));
            if let Ok(trusted) = judge(&token, &signer.keys()) {
                prop_assert!(name == "scope" || trusted.name == text);
            }
        }
    }
}
