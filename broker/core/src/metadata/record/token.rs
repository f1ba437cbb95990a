//! Records about delegation tokens.

use kastellan_protocol::primitive::{Malformed, Reader};

use super::fields::{Out, read_array};

/// A delegation token was made or renewed: `DelegationTokenRecord`. Its secret part is not in here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationTokenRecord {
    /// As whom one logs in with it, as `type:name`.
    pub owner: String,
    /// Who has asked for it.
    pub requester: String,
    /// Who else may renew it.
    pub renewers: Vec<String>,
    /// When it was made, in Unix milliseconds.
    pub issued: i64,
    /// When it ends in any case, in Unix milliseconds.
    pub ends: i64,
    /// When it ends if nobody renews it, in Unix milliseconds.
    pub expires: i64,
    /// Its name.
    pub id: String,
}

impl DelegationTokenRecord {
    pub(super) fn write(&self, out: &mut Out<'_>) {
        out.compact_string(&self.owner);
        out.compact_string(&self.requester);
        out.compact_array_len(self.renewers.len());
        for renewer in &self.renewers {
            out.compact_string(renewer);
        }
        out.i64(self.issued);
        out.i64(self.ends);
        out.i64(self.expires);
        out.compact_string(&self.id);
        out.no_tagged_fields();
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let record = Self {
            owner: reader.compact_string()?.to_owned(),
            requester: reader.compact_string()?.to_owned(),
            renewers: read_array(reader, 1, |reader| reader.compact_string().map(str::to_owned))?,
            issued: reader.i64()?,
            ends: reader.i64()?,
            expires: reader.i64()?,
            id: reader.compact_string()?.to_owned(),
        };
        reader.skip_tagged_fields()?;
        Ok(record)
    }
}
