//! The record about client quotas.

use kastellan_protocol::primitive::{Malformed, Reader};

use super::fields::{Out, read_array};
use crate::quota::QuotaParts;

/// A client quota was set or removed: `ClientQuotaRecord`.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientQuotaRecord {
    /// Whose: types, and a name or the default of each.
    pub entity: QuotaParts,
    /// What is limited.
    pub key: String,
    /// To what; 0 where it goes.
    pub value: f64,
    /// Whether it goes.
    pub remove: bool,
}

impl ClientQuotaRecord {
    pub(super) fn write(&self, out: &mut Out<'_>) {
        out.compact_array_len(self.entity.len());
        for (kind, name) in &self.entity {
            out.compact_string(kind);
            out.compact_nullable_string(name.as_deref());
            out.no_tagged_fields();
        }
        out.compact_string(&self.key);
        out.f64(self.value);
        out.bool(self.remove);
        out.no_tagged_fields();
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let part = |reader: &mut Reader<'_>| {
            let kind = reader.compact_string()?.to_owned();
            let name = reader.compact_nullable_string()?.map(str::to_owned);
            reader.skip_tagged_fields()?;
            Ok((kind, name))
        };
        let entity = read_array(reader, 3, part)?.into_iter().collect();
        let key = reader.compact_string()?.to_owned();
        let (value, remove) = (reader.f64()?, reader.bool()?);
        reader.skip_tagged_fields()?;
        Ok(Self { entity, key, value, remove })
    }
}
