//! What a token has to say (RFC 7519 §4), by the settings of Kafka's `BrokerJwtValidator`.

use serde_json::{Map, Value};

use super::{Distrust, Trusted};

/// What is asked of a token whose signature is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demands {
    /// `aud` names one of these; empty: whatever it says.
    pub audiences: Vec<String>,
    /// `iss` is this; `None`: whatever it says.
    pub issuer: Option<String>,
    /// The claim that says whose it is.
    pub subject_claim: String,
    /// The claim with the scopes, which are checked for their form alone.
    pub scope_claim: String,
    /// By how much the issuer's clock may differ from ours, in seconds.
    pub skew: i64,
}

impl Demands {
    /// Whether `claims` say what they have to at `now`, in Unix milliseconds.
    pub(super) fn judge(&self, claims: &Map<String, Value>, now: i64) -> Result<Trusted, Distrust> {
        let ends = time(claims, "exp")?.ok_or(Distrust::Time("exp"))?;
        let ends = ends.saturating_add(self.skew).saturating_mul(1000);
        if ends <= now {
            return Err(Distrust::Expired);
        }
        let issued = time(claims, "iat")?.ok_or(Distrust::Time("iat"))?;
        let begins = time(claims, "nbf")?.unwrap_or(issued).max(issued);
        if begins.saturating_sub(self.skew).saturating_mul(1000) > now {
            return Err(Distrust::Future);
        }
        let from = claims.get("iss").and_then(Value::as_str);
        if self.issuer.as_deref().is_some_and(|expected| from != Some(expected)) {
            return Err(Distrust::Issuer);
        }
        let expected = |audience: &Value| {
            audience.as_str().is_some_and(|it| self.audiences.iter().any(|known| known == it))
        };
        let named = match claims.get("aud") {
            Some(Value::Array(several)) => several.iter().any(expected),
            Some(one) => expected(one),
            None => false,
        };
        if !named && !self.audiences.is_empty() {
            return Err(Distrust::Audience);
        }
        if !claims.get(&self.scope_claim).is_none_or(are_scopes) {
            return Err(Distrust::Scope);
        }
        let name = claims.get(&self.subject_claim).and_then(Value::as_str);
        let name = name.filter(|name| !name.trim().is_empty()).ok_or(Distrust::Subject)?;
        Ok(Trusted { name: name.to_owned(), ends })
    }
}

/// A time in whole seconds: a part of one that is given counts as none.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, Distrust> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let Value::Number(number) = value else { return Err(Distrust::Time(name)) };
    let text = number.to_string();
    let whole = text.split_once('.').map_or(text.as_str(), |(whole, _)| whole);
    let seconds = whole.parse().ok().filter(|seconds: &i64| *seconds >= 0);
    seconds.map(Some).ok_or(Distrust::Time(name))
}

/// A text, or different words.
fn are_scopes(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Array(words) => {
            let mut seen = std::collections::BTreeSet::new();
            words.iter().all(|word| {
                let word = word.as_str().map(str::trim).filter(|word| !word.is_empty());
                word.is_some_and(|word| seen.insert(word))
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}
