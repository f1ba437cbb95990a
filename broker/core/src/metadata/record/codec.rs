//! Records to bytes and back.

use kastellan_protocol::primitive::{Malformed, Reader, Writer};

use super::{
    AccessControlEntryRecord, BrokerRegistrationChange, ClientQuotaRecord, ConfigRecord,
    DelegationTokenRecord, FeatureLevelRecord, PartitionChangeRecord, PartitionRecord,
    ProducerIdsRecord, Record, RegisterBroker, RemoveUserScramCredentialRecord, TopicRecord,
    UserScramCredentialRecord, fields::Out,
};
use crate::id::BrokerId;

/// What comes first in every metadata record.
pub const FRAME_VERSION: u32 = 1;

/// Why bytes are not a metadata record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The frame is newer than this version of Kastellan.
    #[error("metadata record frame version {0} is not known, only {FRAME_VERSION}")]
    Frame(u32),
    /// A schema that this version of Kastellan does not have.
    #[error(
        "metadata record type {api_key} ({name}) is not supported by this version; it may have \
         been written by a newer one"
    )]
    Unknown {
        /// The schema's number.
        api_key: u32,
        /// Kafka's name for it.
        name: &'static str,
    },
    /// A newer version of a known schema.
    #[error("version {version} of metadata record {name} is not supported, at most {max}")]
    Version {
        /// Kafka's name for the schema.
        name: &'static str,
        /// The version found.
        version: u32,
        /// The newest one that is known.
        max: u32,
    },
    /// The bytes do not follow the schema.
    #[error("a metadata record is malformed: {0}")]
    Malformed(#[from] Malformed),
}

/// One schema: its number, name and newest known version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Schema {
    pub(super) api_key: u32,
    pub(super) name: &'static str,
    /// `None`: the schema exists and is not supported.
    pub(super) max: Option<u32>,
}

const fn schema(api_key: u32, name: &'static str, max: Option<u32>) -> Schema {
    Schema { api_key, name, max }
}

/// All schemas of Kafka 4.1, by number.
pub(super) const SCHEMAS: &[Schema] = &[
    schema(0, "RegisterBrokerRecord", Some(3)),
    schema(1, "UnregisterBrokerRecord", Some(0)),
    schema(2, "TopicRecord", Some(0)),
    schema(3, "PartitionRecord", Some(2)),
    schema(4, "ConfigRecord", Some(0)),
    schema(5, "PartitionChangeRecord", Some(2)),
    schema(7, "FenceBrokerRecord", Some(0)),
    schema(8, "UnfenceBrokerRecord", Some(0)),
    schema(9, "RemoveTopicRecord", Some(0)),
    schema(10, "DelegationTokenRecord", Some(0)),
    schema(11, "UserScramCredentialRecord", Some(0)),
    schema(12, "FeatureLevelRecord", Some(0)),
    schema(14, "ClientQuotaRecord", Some(0)),
    schema(15, "ProducerIdsRecord", Some(0)),
    schema(17, "BrokerRegistrationChangeRecord", Some(2)),
    schema(18, "AccessControlEntryRecord", Some(0)),
    schema(19, "RemoveAccessControlEntryRecord", Some(0)),
    schema(20, "NoOpRecord", Some(0)),
    schema(21, "ZkMigrationStateRecord", None),
    schema(22, "RemoveUserScramCredentialRecord", Some(0)),
    schema(23, "BeginTransactionRecord", None),
    schema(24, "EndTransactionRecord", None),
    schema(25, "AbortTransactionRecord", None),
    schema(26, "RemoveDelegationTokenRecord", Some(0)),
    schema(27, "RegisterControllerRecord", None),
    schema(28, "ClearElrRecord", None),
];

impl Record {
    /// The record's bytes, as the value of a log record.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        let out = &mut Writer::new(&mut bytes);
        let mut header = |api_key: u32, version: u32| {
            out.unsigned_varint(FRAME_VERSION);
            out.unsigned_varint(api_key);
            out.unsigned_varint(version);
        };
        header(self.api_key(), self.version());
        self.write_fields(out);
        bytes
    }

    /// Reads a record from the value of a log record.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let reader = &mut Reader::new(value);
        let frame = reader.unsigned_varint()?;
        if frame != FRAME_VERSION {
            return Err(DecodeError::Frame(frame));
        }
        let api_key = reader.unsigned_varint()?;
        let version = reader.unsigned_varint()?;
        let schema = SCHEMAS.iter().find(|schema| schema.api_key == api_key);
        let name = schema.map_or("unknown", |schema| schema.name);
        let max =
            schema.and_then(|schema| schema.max).ok_or(DecodeError::Unknown { api_key, name })?;
        if version > max {
            return Err(DecodeError::Version { name, version, max });
        }
        let record = read_fields(api_key, version, reader)?;
        reader.finish()?;
        Ok(record)
    }

    /// The schema's number.
    pub fn api_key(&self) -> u32 {
        match self {
            Self::RegisterBroker(_) => 0,
            Self::UnregisterBroker { .. } => 1,
            Self::Topic(_) => 2,
            Self::Partition(_) => 3,
            Self::Config(_) => 4,
            Self::PartitionChange(_) => 5,
            Self::FenceBroker { .. } => 7,
            Self::UnfenceBroker { .. } => 8,
            Self::RemoveTopic { .. } => 9,
            Self::FeatureLevel(_) => 12,
            Self::ProducerIds(_) => 15,
            Self::BrokerRegistrationChange(_) => 17,
            Self::UserScramCredential(_) => 11,
            Self::RemoveUserScramCredential(_) => 22,
            Self::ClientQuota(_) => 14,
            Self::AccessControlEntry(_) => 18,
            Self::RemoveAccessControlEntry { .. } => 19,
            Self::NoOp => 20,
            Self::DelegationToken(_) => 10,
            Self::RemoveDelegationToken { .. } => 26,
        }
    }

    /// The version it is written in.
    fn version(&self) -> u32 {
        match self {
            Self::RegisterBroker(_) => 3,
            Self::BrokerRegistrationChange(_) => 2,
            Self::Partition(partition) => partition.version(),
            Self::PartitionChange(change) => change.version(),
            Self::UnregisterBroker { .. }
            | Self::Topic(_)
            | Self::Config(_)
            | Self::FenceBroker { .. }
            | Self::UnfenceBroker { .. }
            | Self::RemoveTopic { .. }
            | Self::FeatureLevel(_)
            | Self::ProducerIds(_)
            | Self::UserScramCredential(_)
            | Self::RemoveUserScramCredential(_)
            | Self::ClientQuota(_)
            | Self::AccessControlEntry(_)
            | Self::RemoveAccessControlEntry { .. }
            | Self::DelegationToken(_)
            | Self::RemoveDelegationToken { .. }
            | Self::NoOp => 0,
        }
    }

    fn write_fields(&self, out: &mut Out<'_>) {
        match self {
            Self::RegisterBroker(record) => record.write(out),
            Self::BrokerRegistrationChange(record) => record.write(out),
            Self::Topic(record) => record.write(out),
            Self::Partition(record) => record.write(out),
            Self::PartitionChange(record) => record.write(out),
            Self::Config(record) => record.write(out),
            Self::FeatureLevel(record) => record.write(out),
            Self::ProducerIds(record) => record.write(out),
            Self::UserScramCredential(record) => record.write(out),
            Self::RemoveUserScramCredential(record) => record.write(out),
            Self::ClientQuota(record) => record.write(out),
            Self::AccessControlEntry(record) => record.write(out),
            Self::UnregisterBroker { broker, epoch }
            | Self::FenceBroker { broker, epoch }
            | Self::UnfenceBroker { broker, epoch } => {
                out.i32(broker.0);
                out.i64(*epoch);
                out.no_tagged_fields();
            }
            Self::RemoveTopic { id } | Self::RemoveAccessControlEntry { id } => {
                out.uuid(id);
                out.no_tagged_fields();
            }
            Self::DelegationToken(record) => record.write(out),
            Self::RemoveDelegationToken { id } => {
                out.compact_string(id);
                out.no_tagged_fields();
            }
            Self::NoOp => out.no_tagged_fields(),
        }
    }
}

fn read_fields(api_key: u32, version: u32, reader: &mut Reader<'_>) -> Result<Record, DecodeError> {
    Ok(match api_key {
        0 => Record::RegisterBroker(RegisterBroker::read(reader, version)?),
        1 => {
            let (broker, epoch) = read_registration(reader)?;
            Record::UnregisterBroker { broker, epoch }
        }
        2 => Record::Topic(TopicRecord::read(reader)?),
        3 => Record::Partition(PartitionRecord::read(reader, version)?),
        4 => Record::Config(ConfigRecord::read(reader)?),
        5 => Record::PartitionChange(PartitionChangeRecord::read(reader)?),
        7 => {
            let (broker, epoch) = read_registration(reader)?;
            Record::FenceBroker { broker, epoch }
        }
        8 => {
            let (broker, epoch) = read_registration(reader)?;
            Record::UnfenceBroker { broker, epoch }
        }
        9 => {
            let id = reader.uuid()?;
            reader.skip_tagged_fields()?;
            Record::RemoveTopic { id }
        }
        10 => Record::DelegationToken(DelegationTokenRecord::read(reader)?),
        11 => Record::UserScramCredential(UserScramCredentialRecord::read(reader)?),
        12 => Record::FeatureLevel(FeatureLevelRecord::read(reader)?),
        14 => Record::ClientQuota(ClientQuotaRecord::read(reader)?),
        15 => Record::ProducerIds(ProducerIdsRecord::read(reader)?),
        17 => Record::BrokerRegistrationChange(BrokerRegistrationChange::read(reader)?),
        18 => Record::AccessControlEntry(AccessControlEntryRecord::read(reader)?),
        19 => {
            let id = reader.uuid()?;
            reader.skip_tagged_fields()?;
            Record::RemoveAccessControlEntry { id }
        }
        20 => {
            reader.skip_tagged_fields()?;
            Record::NoOp
        }
        22 => Record::RemoveUserScramCredential(RemoveUserScramCredentialRecord::read(reader)?),
        26 => {
            let id = reader.compact_string()?.to_owned();
            reader.skip_tagged_fields()?;
            Record::RemoveDelegationToken { id }
        }
        _ => return Err(DecodeError::Unknown { api_key, name: "unknown" }),
    })
}

fn read_registration(reader: &mut Reader<'_>) -> Result<(BrokerId, i64), Malformed> {
    let registration = (BrokerId(reader.i32()?), reader.i64()?);
    reader.skip_tagged_fields()?;
    Ok(registration)
}
