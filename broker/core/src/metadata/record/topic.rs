//! Records about topics, settings, features and producer ids.

use kastellan_protocol::primitive::{Malformed, Reader};

use super::fields::Out;
use crate::id::{BrokerId, Uuid};

/// A topic was created: `TopicRecord`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRecord {
    /// Its name.
    pub name: String,
    /// Its id, random and never used again.
    pub id: Uuid,
}

/// A setting was set or removed: `ConfigRecord`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigRecord {
    /// What kind of thing it belongs to, as Kafka numbers them: 2 topic, 4 broker, 8 broker logger,
    /// 16 client metrics, 32 group.
    pub resource_type: i8,
    /// Whom it belongs to; for brokers the node id, or nothing for all of them.
    pub resource_name: String,
    /// The setting.
    pub name: String,
    /// Its value; `None` removes it.
    pub value: Option<String>,
}

/// The level of a feature was finalized: `FeatureLevelRecord`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureLevelRecord {
    /// The feature.
    pub name: String,
    /// Its level; 0 turns it off.
    pub level: i16,
}

/// A block of producer ids was handed out: `ProducerIdsRecord`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerIdsRecord {
    /// To whom.
    pub broker: BrokerId,
    /// Under which registration.
    pub epoch: i64,
    /// The first id that nobody has.
    pub next: i64,
}

impl TopicRecord {
    pub(super) fn write(&self, out: &mut Out<'_>) {
        out.compact_string(&self.name);
        out.uuid(&self.id);
        out.no_tagged_fields();
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let record = Self { name: reader.compact_string()?.to_owned(), id: reader.uuid()? };
        reader.skip_tagged_fields()?;
        Ok(record)
    }
}

impl ConfigRecord {
    pub(super) fn write(&self, out: &mut Out<'_>) {
        out.i8(self.resource_type);
        out.compact_string(&self.resource_name);
        out.compact_string(&self.name);
        out.compact_nullable_string(self.value.as_deref());
        out.no_tagged_fields();
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let record = Self {
            resource_type: reader.i8()?,
            resource_name: reader.compact_string()?.to_owned(),
            name: reader.compact_string()?.to_owned(),
            value: reader.compact_nullable_string()?.map(str::to_owned),
        };
        reader.skip_tagged_fields()?;
        Ok(record)
    }
}

impl FeatureLevelRecord {
    pub(super) fn write(&self, out: &mut Out<'_>) {
        out.compact_string(&self.name);
        out.i16(self.level);
        out.no_tagged_fields();
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let record = Self { name: reader.compact_string()?.to_owned(), level: reader.i16()? };
        reader.skip_tagged_fields()?;
        Ok(record)
    }
}

impl ProducerIdsRecord {
    pub(super) fn write(&self, out: &mut Out<'_>) {
        out.i32(self.broker.0);
        out.i64(self.epoch);
        out.i64(self.next);
        out.no_tagged_fields();
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let record =
            Self { broker: BrokerId(reader.i32()?), epoch: reader.i64()?, next: reader.i64()? };
        reader.skip_tagged_fields()?;
        Ok(record)
    }
}
