//! The keys of an issuer: a JSON Web Key Set (RFC 7517).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

use super::{Algorithm, Distrust, algorithm::Check};

/// The longest text of a set that is looked at, in bytes.
pub const MOST_BYTES: usize = 256 << 10;
/// The most keys in a set: a token may have to be tried with all that have its key id.
const MOST_KEYS: usize = 100;

/// Keys that tokens may be signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet(Vec<Key>);

/// Why a text is no set of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// It is too long.
    #[error("it is longer than {MOST_BYTES} bytes")]
    Long,
    /// It is something else.
    #[error("it is not a JSON Web Key Set: {0}")]
    Form(String),
    /// There are too many keys in it.
    #[error("it has more than {MOST_KEYS} keys")]
    Many,
    /// No token could be checked with it.
    #[error(
        "it has no key to check a signature with: an RSA key of 2048 to 8192 bits, or one on the \
         curves P-256 or P-384"
    )]
    None,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    id: Option<String>,
    /// The only one that it is for.
    algorithm: Option<Algorithm>,
    public: Public,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Curve { name: String, point: Vec<u8> },
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a set. Keys of other kinds or for other ends are left out (RFC 7517 §5).
    pub fn parse(text: &[u8]) -> Result<Self, BadKeys> {
        if text.len() > MOST_BYTES {
            return Err(BadKeys::Long);
        }
        let set: Set =
            serde_json::from_slice(text).map_err(|why| BadKeys::Form(why.to_string()))?;
        if set.keys.len() > MOST_KEYS {
            return Err(BadKeys::Many);
        }
        let keys: Vec<_> = set.keys.into_iter().filter_map(usable).collect();
        if keys.is_empty() { Err(BadKeys::None) } else { Ok(Self(keys)) }
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "there is one at least")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the key called `id`, or the only one that fits, has signed `message`.
    pub(super) fn check(
        &self,
        (algorithm, id): (Algorithm, Option<&str>),
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Distrust> {
        let fitting = || {
            let named = |key: &&Key| id.is_none() || key.id.as_deref() == id;
            self.0.iter().filter(named).filter(|key| key.fits(algorithm))
        };
        match (fitting().count(), id) {
            (1, _) | (2.., Some(_)) => {}
            (0, Some(_)) => return Err(Distrust::UnknownKey),
            (_, None) => return Err(Distrust::NoKeyId),
        }
        let signed = fitting().any(|key| key.has_signed(algorithm, message, signature));
        if signed { Ok(()) } else { Err(Distrust::Signature) }
    }
}

impl Key {
    fn fits(&self, algorithm: Algorithm) -> bool {
        let kind = match (&self.public, algorithm.check()) {
            (Public::Rsa { .. }, Check::Rsa(_)) => true,
            (Public::Curve { name, .. }, Check::Curve(curve, _)) => name == curve,
            (Public::Rsa { .. }, Check::Curve(..)) | (Public::Curve { .. }, Check::Rsa(_)) => false,
        };
        kind && self.algorithm.is_none_or(|only| only == algorithm)
    }

    fn has_signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (&self.public, algorithm.check()) {
            (Public::Rsa { n, e }, Check::Rsa(how)) => {
                RsaPublicKeyComponents { n, e }.verify(how, message, signature).is_ok()
            }
            (Public::Curve { point, .. }, Check::Curve(_, how)) => {
                UnparsedPublicKey::new(how, point).verify(message, signature).is_ok()
            }
            (Public::Rsa { .. }, Check::Curve(..)) | (Public::Curve { .. }, Check::Rsa(_)) => false,
        }
    }
}

fn usable(value: Value) -> Option<Key> {
    let key: Jwk = serde_json::from_value(value).ok()?;
    let for_signatures = key.usage.is_none_or(|usage| usage == "sig")
        && key.key_ops.is_none_or(|ends| ends.iter().any(|end| end == "verify"));
    if !for_signatures {
        return None;
    }
    // a key for an algorithm that is not known is for no other
    let algorithm = match key.alg {
        Some(name) => Some(Algorithm::named(&name)?),
        None => None,
    };
    let public = match key.kty.as_str() {
        "RSA" => rsa(&key.n?, &key.e?)?,
        "EC" => curve(key.crv?, &key.x?, &key.y?)?,
        _ => return None,
    };
    Some(Key { id: key.kid, algorithm, public })
}

fn rsa(n: &str, e: &str) -> Option<Public> {
    let number = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        // some write a zero in front, which means nothing
        let first = bytes.iter().position(|byte| *byte != 0)?;
        bytes.get(first..).map(<[u8]>::to_vec)
    };
    let (n, e) = (number(n)?, number(e)?);
    let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
    (2048..=8192).contains(&bits).then_some(Public::Rsa { n, e })
}

fn curve(name: String, x: &str, y: &str) -> Option<Public> {
    let size = match name.as_str() {
        "P-256" => 32,
        "P-384" => 48,
        _ => return None,
    };
    let number = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().filter(|it| it.len() == size);
    // both numbers in full: SEC 1 §2.3.3
    Some(Public::Curve { name, point: [&[4], &*number(x)?, &*number(y)?].concat() })
}
