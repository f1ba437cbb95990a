//! The messages of SCRAM (RFC 5802 §7) and of PLAIN (RFC 4616).

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The client's first message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFirst<'a> {
    /// What stands in front: `n,,`. The last message repeats it.
    pub(super) header: &'a str,
    /// All behind the header.
    pub(super) bare: &'a str,
    pub(super) user: String,
    pub(super) nonce: &'a str,
    /// The user is the name of a delegation token (KIP-48).
    pub(super) by_token: bool,
}

/// The client's last message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFinal<'a> {
    /// The message without the proof.
    pub(super) without_proof: &'a str,
    pub(super) header: Vec<u8>,
    pub(super) nonce: &'a str,
    pub(super) proof: Vec<u8>,
}

/// `None`: it is no such message, asks for what there is not (channel binding, extensions that are
/// mandatory), or for another user than the one who logs in.
pub(super) fn client_first(message: &[u8]) -> Option<ClientFirst<'_>> {
    let text = std::str::from_utf8(message).ok()?;
    let (flag, rest) = text.split_once(',')?;
    if !matches!(flag, "n" | "y") {
        return None;
    }
    let (authorized, bare) = rest.split_once(',')?;
    let header = text.get(..text.len() - bare.len())?;
    let mut attributes = bare.split(',');
    let user = name(attributes.next()?.strip_prefix("n=")?)?;
    let nonce = attributes.next()?.strip_prefix("r=").filter(|it| printable(it))?;
    let authorized = match authorized {
        "" => None,
        other => Some(name(other.strip_prefix("a=")?)?),
    };
    let other = authorized.is_some_and(|authorized| authorized != user);
    let (mut asks, mut by_token) = (false, false);
    for attribute in attributes {
        asks |= attribute.starts_with("m=");
        by_token |= attribute.eq_ignore_ascii_case("tokenauth=true");
    }
    let whole = !other && !asks && !user.is_empty();
    whole.then_some(ClientFirst { header, bare, user, nonce, by_token })
}

pub(super) fn client_final(message: &[u8]) -> Option<ClientFinal<'_>> {
    let text = std::str::from_utf8(message).ok()?;
    let (without_proof, proof) = text.rsplit_once(",p=")?;
    let mut attributes = without_proof.split(',');
    let header = STANDARD.decode(attributes.next()?.strip_prefix("c=")?).ok()?;
    let nonce = attributes.next()?.strip_prefix("r=").filter(|it| printable(it))?;
    let proof = STANDARD.decode(proof).ok()?;
    Some(ClientFinal { without_proof, header, nonce, proof })
}

/// `n=`, with the two signs back that have a meaning of their own.
pub(super) fn name(text: &str) -> Option<String> {
    let mut parts = text.split('=');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        let (sign, rest) = part.split_at_checked(2)?;
        name.push(match sign {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        name.push_str(rest);
    }
    Some(name)
}

fn printable(nonce: &str) -> bool {
    !nonce.is_empty() && nonce.bytes().all(|byte| matches!(byte, 0x21..=0x7e))
}

/// User and password; `None` where it is no such message, or is for another user than the one who
/// logs in (CVE-2017-12610).
pub(super) fn plain(message: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(message).ok()?;
    let mut parts = text.split('\0');
    let (authorized, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let fits = authorized.is_empty() || authorized == user;
    let whole = parts.next().is_none() && !user.is_empty() && !password.is_empty();
    (fits && whole).then_some((user, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_message_names_a_user() {
        let first = client_first(b"n,,n=a=2Cb=3D,r=fyko").unwrap();
        assert_eq!((first.header, first.bare), ("n,,", "n=a=2Cb=3D,r=fyko"));
        assert_eq!((first.user.as_str(), first.nonce), ("a,b=", "fyko"));
        assert_eq!(client_first(b"y,a=u,n=u,r=x").unwrap().header, "y,a=u,");
        assert!(!client_first(b"n,,n=u,r=x,tokenauth=false").unwrap().by_token);
        assert!(client_first(b"n,,n=u,r=x,tokenauth=true").unwrap().by_token);
        for bad in [
            &b"p=tls-unique,,n=u,r=x"[..],
            b"n,a=root,n=u,r=x",
            b"n,,n=,r=x",
            b"n,,n=u",
            b"n,,n=u,r=",
            b"n,,n=u,r=a b",
            b"n,,n=u=,r=x",
            b"n,,n=u=2D,r=x",
            b"n,,m=x,n=u,r=x",
            b"n,,n=u,r=x,m=1",
            b"n,,n=u,r=x,tokenauth=true,m=1",
            b"n,,r=x,n=u",
            b"\xff,,n=u,r=x",
            b"",
        ] {
            assert_eq!(client_first(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn a_last_message_has_a_proof() {
        let last = client_final(b"c=biws,r=abc,p=AAEC").unwrap();
        assert_eq!((last.without_proof, last.nonce), ("c=biws,r=abc", "abc"));
        assert_eq!((last.header.as_slice(), last.proof.as_slice()), (&b"n,,"[..], &[0, 1, 2][..]));
        for bad in [&b"c=biws,r=abc"[..], b"r=abc,p=AAEC", b"c=biws,r=,p=AAEC", b"c=!,r=a,p=AAEC"] {
            assert_eq!(client_final(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn plain_is_a_user_and_a_password() {
        assert_eq!(plain(b"\0u\0p"), Some(("u", "p")));
        assert_eq!(plain(b"u\0u\0p"), Some(("u", "p")));
        for bad in [&b"root\0u\0p"[..], b"\0u", b"\0\0p", b"\0u\0", b"\0u\0p\0", b"", b"\0\xff\0p"]
        {
            assert_eq!(plain(bad), None);
        }
    }
}
