//! A token: a JWT in three parts (RFC 7515 §3.1).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use super::{Algorithm, Demands, Distrust, KeySet};

/// What a token that is believed says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// Whose it is.
    pub name: String,
    /// From when on it is not believed any more, in Unix milliseconds.
    pub ends: i64,
}

/// What stands in front, as far as it counts. What is named twice is refused.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

/// Whether `token` is to be believed at `now`, in Unix milliseconds.
pub(super) fn verdict(
    token: &str,
    keys: &KeySet,
    demands: &Demands,
    now: i64,
) -> Result<Trusted, Distrust> {
    let (signed, signature) = token.rsplit_once('.').ok_or(Distrust::Form)?;
    let (header, claims) = signed.split_once('.').ok_or(Distrust::Form)?;
    let header: Header =
        serde_json::from_slice(&decoded(header)?).map_err(|_not_one| Distrust::Form)?;
    if header.alg.eq_ignore_ascii_case("none") {
        return Err(Distrust::Unsigned);
    }
    let algorithm = Algorithm::named(&header.alg).ok_or(Distrust::Algorithm)?;
    if header.crit.is_some() {
        return Err(Distrust::Critical);
    }
    let (claims, signature) = (decoded(claims)?, decoded(signature)?);
    keys.check((algorithm, header.kid.as_deref()), signed.as_bytes(), &signature)?;
    let claims: Map<String, Value> =
        serde_json::from_slice(&claims).map_err(|_not_one| Distrust::Claims)?;
    demands.judge(&claims, now)
}

fn decoded(part: &str) -> Result<Vec<u8>, Distrust> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_not_so| Distrust::Form)
}
