//! Whom a request counts as coming from.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, LazyLock},
};

use kastellan_protocol::primitive::{Malformed, Reader, Writer};

/// The version of `PrincipalData` that is written and read.
const VERSION: i16 = 0;

static ANONYMOUS: LazyLock<Principal> = LazyLock::new(|| Principal::user("ANONYMOUS"));

/// A type and a name, `User:alice`. Clones share their text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal {
    /// Both, with a colon in between.
    text: Arc<str>,
    /// Where the colon is.
    colon: usize,
}

/// What names no principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPrincipal {
    /// Text without a colon.
    #[error("expected a principal as type:name, for example User:alice, and got {0:?}")]
    Text(String),
    /// Bytes in a version that is not known.
    #[error("version {0} of a principal is not known, only {VERSION}")]
    Version(i16),
    /// Bytes that do not follow the schema.
    #[error("a principal is malformed: {0}")]
    Malformed(#[from] Malformed),
}

impl Principal {
    /// The type that every principal has that no plug-in made.
    pub const USER: &str = "User";

    /// The principal of `name` with the type `User`.
    pub fn user(name: &str) -> Self {
        Self::new(Self::USER, name)
    }

    /// Somebody who did not say who it is: `User:ANONYMOUS`, as in Kafka.
    pub fn anonymous() -> Self {
        ANONYMOUS.clone()
    }

    /// The principal of this type and name.
    pub fn new(kind: &str, name: &str) -> Self {
        Self { text: format!("{kind}:{name}").into(), colon: kind.len() }
    }

    /// Its type, `User` for all that authenticate here.
    pub fn kind(&self) -> &str {
        self.text.get(..self.colon).unwrap_or_default()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.text.get(self.colon + 1..).unwrap_or_default()
    }

    /// As it is printed: `type:name`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As brokers tell each other: `PrincipalData` (KIP-590), with its version in front, and
    /// whether it has logged in with a delegation token.
    pub fn to_bytes(&self, by_token: bool) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.text.len() + 8);
        let out = &mut Writer::new(&mut bytes);
        out.i16(VERSION);
        out.compact_string(self.kind());
        out.compact_string(self.name());
        out.bool(by_token);
        out.no_tagged_fields();
        bytes
    }

    /// Reads what [`Principal::to_bytes`] wrote, or Kafka's default principal builder: who it is,
    /// and whether by a delegation token.
    pub fn from_bytes(bytes: &[u8]) -> Result<(Self, bool), BadPrincipal> {
        let reader = &mut Reader::new(bytes);
        let version = reader.i16()?;
        if version != VERSION {
            return Err(BadPrincipal::Version(version));
        }
        let principal = Self::new(reader.compact_string()?, reader.compact_string()?);
        let by_token = reader.bool()?;
        reader.skip_tagged_fields()?;
        reader.finish()?;
        Ok((principal, by_token))
    }
}

impl FromStr for Principal {
    type Err = BadPrincipal;

    /// What comes before the first colon is the type; a name may be empty, as in Kafka.
    fn from_str(text: &str) -> Result<Self, BadPrincipal> {
        let split = text.split_once(':');
        split
            .map(|(kind, name)| Self::new(kind, name))
            .ok_or_else(|| BadPrincipal::Text(text.to_owned()))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_as_kafka_does() {
        for (text, kind, name) in [
            ("User:alice", "User", "alice"),
            ("User:CN=a:b", "User", "CN=a:b"),
            ("User:", "User", ""),
        ] {
            let principal: Principal = text.parse().unwrap();
            assert_eq!((principal.kind(), principal.name()), (kind, name));
            assert_eq!(principal.to_string(), text);
        }
        assert_eq!(Principal::anonymous().as_str(), "User:ANONYMOUS");
        assert_eq!("alice".parse::<Principal>(), Err(BadPrincipal::Text("alice".to_owned())));
    }

    #[test]
    fn travels_in_the_form_of_kafkas_default_principal_builder() {
        let alice = Principal::user("alice");
        let bytes = alice.to_bytes(false);
        assert_eq!(bytes, b"\x00\x00\x05User\x06alice\x00\x00");
        assert_eq!(Principal::from_bytes(&bytes), Ok((alice.clone(), false)));
        assert_eq!(Principal::from_bytes(&alice.to_bytes(true)), Ok((alice, true)));
        assert_eq!(Principal::from_bytes(&[0, 1]), Err(BadPrincipal::Version(1)));
        for end in 0..bytes.len() {
            assert!(Principal::from_bytes(&bytes[..end]).is_err());
        }
    }
}
