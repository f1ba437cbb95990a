//! The client's first message of OAUTHBEARER (RFC 7628 §3.1), and the broker's when it refuses the
//! token (§3.2.2).

use super::message::name;
use crate::security::oauth::Distrust;

/// What parts the pairs.
const BREAK: char = '\x01';

/// The first message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bearer<'a> {
    /// Whom the client wants to be, where it says so.
    pub(super) authorized: Option<String>,
    pub(super) token: &'a str,
}

/// `None`: it is no such message. Extensions are checked for their form, as Kafka does by default:
/// nothing here asks for them.
pub(super) fn bearer(message: &[u8]) -> Option<Bearer<'_>> {
    let text = std::str::from_utf8(message).ok()?;
    let (header, pairs) = text.split_once(BREAK)?;
    let authorized = header.strip_prefix("n,").or_else(|| header.strip_prefix("y,"))?;
    let authorized = match authorized.strip_suffix(',')? {
        "" => None,
        other => Some(name(other.strip_prefix("a=")?).filter(|name| !name.is_empty())?),
    };
    let (mut token, mut seen) = (None, Vec::new());
    for pair in pairs.strip_suffix("\x01\x01")?.split(BREAK) {
        let (key, value) = pair.split_once('=').filter(|(key, value)| is_pair(key, value))?;
        // as many as a client may send, each once
        if seen.contains(&key) || seen.len() == MOST_PAIRS {
            return None;
        }
        seen.push(key);
        if key == "auth" {
            token = Some(of_scheme(value)?);
        }
    }
    Some(Bearer { authorized, token: token? })
}

/// Kafka's clients send at most three.
const MOST_PAIRS: usize = 64;

fn is_pair(key: &str, value: &str) -> bool {
    let letters = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphabetic());
    let printable = |byte| matches!(byte, 0x20..=0x7e | b'\t' | b'\r' | b'\n');
    letters && !value.is_empty() && value.bytes().all(printable)
}

/// What stands behind `Bearer`.
fn of_scheme(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let whole = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty();
    (whole && token.bytes().all(fits)).then_some(token)
}

/// The status that RFC 7628 asks for, and why: many clients show this text and no other.
pub(super) fn told(why: Distrust) -> Vec<u8> {
    // none of the texts needs to be escaped: see the test
    format!("{{\"status\":\"invalid_token\",\"error_description\":\"{why}\"}}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_message_has_a_token() {
        let token = |message: &'static str| bearer(message.as_bytes()).map(|it| it.token);
        assert_eq!(token("n,,\x01auth=Bearer a.b.c\x01\x01"), Some("a.b.c"));
        assert_eq!(
            token("y,,\x01host=h\x01auth=bearer  a-_~+/=\x01port=1\x01\x01"),
            Some("a-_~+/=")
        );
        let named = bearer(b"n,a=x=2Cy,\x01auth=Bearer t\x01\x01").unwrap();
        assert_eq!(named.authorized.as_deref(), Some("x,y"));
        for bad in [
            "",
            "n,,",
            "n,,\x01",
            "n,,\x01\x01",
            "n,,\x01\x01\x01",
            "p=x,,\x01auth=Bearer t\x01\x01",
            "n,a=,\x01auth=Bearer t\x01\x01",
            "n,x,\x01auth=Bearer t\x01\x01",
            "n,a=x\x01auth=Bearer t\x01\x01",
            "n,,\x01auth=Bearer t\x01",
            "n,,\x01auth=Bearer t",
            "n,,\x01auth=Bearer t\x01\x01x",
            "n,,\x01auth=Bearer\x01\x01",
            "n,,\x01auth=Bearer \x01\x01",
            "n,,\x01auth=Basic t\x01\x01",
            "n,,\x01auth=Bearer t t\x01\x01",
            "n,,\x01auth=Bearer t\x01auth=Bearer u\x01\x01",
            "n,,\x01auth=Bearer t\x01a=1\x01a=2\x01\x01",
            "n,,\x01auth=Bearer t\x01a1=1\x01\x01",
            "n,,\x01auth=Bearer t\x01a=\x01\x01",
            "n,,\x01auth=Bearer t\x01a=\u{e9}\x01\x01",
            "n,,\x01host=h\x01\x01",
        ] {
            assert_eq!(bearer(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(bearer(b"n,,\x01auth=Bearer t\xff\x01\x01"), None);
    }

    #[test]
    fn a_refusal_is_json_whatever_it_says() {
        for why in [Distrust::Unsigned, Distrust::Time("exp"), Distrust::Subject] {
            let told: serde_json::Value = serde_json::from_slice(&told(why)).unwrap();
            assert_eq!(told["status"], "invalid_token");
            assert_eq!(told["error_description"], why.to_string());
        }
    }
}
