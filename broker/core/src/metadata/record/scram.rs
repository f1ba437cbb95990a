//! Records about passwords.

use kastellan_protocol::primitive::{Malformed, Reader};

use super::fields::Out;
use crate::security::{ScramCredential, Secret};

/// What is kept of a user's password was set: `UserScramCredentialRecord`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserScramCredentialRecord {
    /// The user.
    pub name: String,
    /// The mechanism's number in Kafka.
    pub mechanism: i8,
    /// What is kept.
    pub credential: ScramCredential,
}

/// A user's password was removed: `RemoveUserScramCredentialRecord`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveUserScramCredentialRecord {
    /// The user.
    pub name: String,
    /// The mechanism's number in Kafka.
    pub mechanism: i8,
}

impl UserScramCredentialRecord {
    pub(super) fn write(&self, out: &mut Out<'_>) {
        let ScramCredential { salt, stored_key, server_key, iterations } = &self.credential;
        out.compact_string(&self.name);
        out.i8(self.mechanism);
        out.compact_bytes(salt);
        out.compact_bytes(&stored_key.0);
        out.compact_bytes(&server_key.0);
        out.i32(*iterations);
        out.no_tagged_fields();
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (name, mechanism) = (reader.compact_string()?.to_owned(), reader.i8()?);
        let credential = ScramCredential {
            salt: reader.compact_bytes()?.to_vec(),
            stored_key: Secret(reader.compact_bytes()?.to_vec()),
            server_key: Secret(reader.compact_bytes()?.to_vec()),
            iterations: reader.i32()?,
        };
        reader.skip_tagged_fields()?;
        Ok(Self { name, mechanism, credential })
    }
}

impl RemoveUserScramCredentialRecord {
    pub(super) fn write(&self, out: &mut Out<'_>) {
        out.compact_string(&self.name);
        out.i8(self.mechanism);
        out.no_tagged_fields();
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let record = Self { name: reader.compact_string()?.to_owned(), mechanism: reader.i8()? };
        reader.skip_tagged_fields()?;
        Ok(record)
    }
}
