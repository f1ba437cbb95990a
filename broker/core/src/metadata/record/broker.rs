//! Records about brokers.

use kastellan_protocol::primitive::{Malformed, Reader};

use super::fields::{Out, Tags, read_array, read_uuids, write_uuids};
use crate::id::{BrokerId, Uuid};

/// A broker came, or came back: `RegisterBrokerRecord`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterBroker {
    /// Its node id.
    pub broker: BrokerId,
    /// Random per process: tells a restarted broker from a second one of the same id.
    pub incarnation: Uuid,
    /// Grows with every registration.
    pub epoch: i64,
    /// Where it listens.
    pub endpoints: Vec<Endpoint>,
    /// The features it can serve.
    pub features: Vec<SupportedFeature>,
    /// Where it stands.
    pub rack: Option<String>,
    /// It must not lead yet.
    pub fenced: bool,
    /// It is about to stop.
    pub in_controlled_shutdown: bool,
    /// The ids of its log directories, sorted.
    pub log_dirs: Vec<Uuid>,
}

/// Where a broker listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name.
    pub name: String,
    /// The host to dial.
    pub host: String,
    /// The port to dial.
    pub port: u16,
    /// How to speak there.
    pub protocol: SecurityProtocol,
}

/// How to speak on a listener, with Kafka's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// In plain text.
    Plaintext,
    /// TLS.
    Ssl,
    /// SASL in plain text.
    SaslPlaintext,
    /// SASL inside TLS.
    SaslSsl,
    /// A number that is not known here.
    Other(i16),
}

/// A range of levels of one feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupportedFeature {
    /// The feature's name: `metadata.version`.
    pub name: String,
    /// The lowest level served.
    pub min: i16,
    /// The highest level served.
    pub max: i16,
}

/// A broker's state changed: `BrokerRegistrationChangeRecord`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerRegistrationChange {
    /// Its node id.
    pub broker: BrokerId,
    /// The registration that changes.
    pub epoch: i64,
    /// Fenced now, or not any more; `None`: as it was.
    pub fenced: Option<bool>,
    /// About to stop; this cannot be taken back, so that false says: as it was.
    pub in_controlled_shutdown: bool,
    /// The ids of its log directories; empty: as they were.
    pub log_dirs: Vec<Uuid>,
}

impl RegisterBroker {
    pub(super) fn write(&self, out: &mut Out<'_>) {
        out.i32(self.broker.0);
        // a ZooKeeper broker in migration: there is none in this house
        out.bool(false);
        out.uuid(&self.incarnation);
        out.i64(self.epoch);
        out.compact_array_len(self.endpoints.len());
        for endpoint in &self.endpoints {
            endpoint.write(out);
        }
        out.compact_array_len(self.features.len());
        for feature in &self.features {
            out.compact_string(&feature.name);
            out.i16(feature.min);
            out.i16(feature.max);
            out.no_tagged_fields();
        }
        out.compact_nullable_string(self.rack.as_deref());
        out.bool(self.fenced);
        out.bool(self.in_controlled_shutdown);
        let mut tags = Tags::default();
        if !self.log_dirs.is_empty() {
            tags.add(0, |out| write_uuids(out, &self.log_dirs));
        }
        tags.write(out);
    }

    pub(super) fn read(reader: &mut Reader<'_>, version: u32) -> Result<Self, Malformed> {
        let broker = BrokerId(reader.i32()?);
        if version >= 2 {
            let _migrating = reader.bool()?;
        }
        let mut record = Self {
            broker,
            incarnation: reader.uuid()?,
            epoch: reader.i64()?,
            endpoints: read_array(reader, 7, Endpoint::read)?,
            features: read_array(reader, 6, SupportedFeature::read)?,
            rack: reader.compact_nullable_string()?.map(str::to_owned),
            fenced: reader.bool()?,
            in_controlled_shutdown: version >= 1 && reader.bool()?,
            log_dirs: Vec::new(),
        };
        reader.tagged_fields(|tag, bytes| {
            if tag == 0 {
                record.log_dirs = read_uuids(&mut Reader::new(bytes))?;
            }
            Ok::<_, Malformed>(())
        })?;
        Ok(record)
    }
}

impl Endpoint {
    fn write(&self, out: &mut Out<'_>) {
        out.compact_string(&self.name);
        out.compact_string(&self.host);
        out.u16(self.port);
        out.i16(self.protocol.code());
        out.no_tagged_fields();
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let endpoint = Self {
            name: reader.compact_string()?.to_owned(),
            host: reader.compact_string()?.to_owned(),
            port: reader.u16()?,
            protocol: SecurityProtocol::from_code(reader.i16()?),
        };
        reader.skip_tagged_fields()?;
        Ok(endpoint)
    }
}

impl SecurityProtocol {
    /// The one with this name in Kafka, in any case.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl];
        let names = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];
        let known = names.into_iter().zip(all).find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, protocol)| protocol)
    }

    /// Its number.
    pub fn code(self) -> i16 {
        match self {
            Self::Plaintext => 0,
            Self::Ssl => 1,
            Self::SaslPlaintext => 2,
            Self::SaslSsl => 3,
            Self::Other(code) => code,
        }
    }

    /// The protocol with this number.
    pub fn from_code(code: i16) -> Self {
        match code {
            0 => Self::Plaintext,
            1 => Self::Ssl,
            2 => Self::SaslPlaintext,
            3 => Self::SaslSsl,
            other => Self::Other(other),
        }
    }
}

impl SupportedFeature {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let feature = Self {
            name: reader.compact_string()?.to_owned(),
            min: reader.i16()?,
            max: reader.i16()?,
        };
        reader.skip_tagged_fields()?;
        Ok(feature)
    }
}

impl BrokerRegistrationChange {
    pub(super) fn write(&self, out: &mut Out<'_>) {
        out.i32(self.broker.0);
        out.i64(self.epoch);
        let mut tags = Tags::default();
        if let Some(fenced) = self.fenced {
            // 1 fences, -1 lifts it, 0 (never written) leaves it
            tags.add(0, |out| out.i8(if fenced { 1 } else { -1 }));
        }
        if self.in_controlled_shutdown {
            tags.add(1, |out| out.i8(1));
        }
        if !self.log_dirs.is_empty() {
            tags.add(2, |out| write_uuids(out, &self.log_dirs));
        }
        tags.write(out);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut change = Self {
            broker: BrokerId(reader.i32()?),
            epoch: reader.i64()?,
            fenced: None,
            in_controlled_shutdown: false,
            log_dirs: Vec::new(),
        };
        reader.tagged_fields(|tag, bytes| {
            let mut field = Reader::new(bytes);
            match tag {
                0 => change.fenced = switch(field.i8()?),
                1 => change.in_controlled_shutdown = field.i8()? > 0,
                2 => change.log_dirs = read_uuids(&mut field)?,
                _ => (),
            }
            Ok::<_, Malformed>(())
        })?;
        Ok(change)
    }
}

fn switch(value: i8) -> Option<bool> {
    match value {
        0 => None,
        value => Some(value > 0),
    }
}
