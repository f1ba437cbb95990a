//! The small language that requests are described in.
//!
//! `string("Name").since(3).nullable(5)` reads as it is meant. Field names are Kafka's, so that
//! the table can be compared with the message definitions inside kafka-clients
//! (`tests/upstream.rs`) and so that an error names the field that its reader will look up.

use crate::messages::ApiKey;
use crate::protocol::StrBytes;

/// The most elements in any array; Kafka 4.4 has the same limit.
pub const MOST: usize = 1_000_000;

/// The first flexible version of a request that has none.
pub const NEVER: i16 = i16::MAX;

/// A range of versions, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The first version.
    pub min: i16,
    /// The last version.
    pub max: i16,
}

impl Versions {
    /// No version at all.
    pub const NONE: Versions = Versions { min: 0, max: -1 };
    /// Every version.
    pub const ALL: Versions = Versions { min: 0, max: i16::MAX };

    /// Whether `version` is one of them.
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }
}

/// One request of one API in all its versions.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// The API.
    pub api: ApiKey,
    /// The versions that Kafka 4.1 calls stable.
    pub versions: Versions,
    /// The first flexible version (KIP-482): compact lengths and tagged fields; or [`NEVER`].
    pub flexible: i16,
    /// The fields, in the order of the wire.
    pub fields: &'static [Field],
}

/// One field of a struct.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Kafka's name for it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The versions that have it.
    pub versions: Versions,
    /// The versions in which it may be null.
    pub nullable: Versions,
    /// Its tag, if it is a tagged field in all versions that have it.
    pub tag: Option<u32>,
}

/// The type of a field or element.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// One byte, zero or not.
    Bool,
    /// One byte.
    Int8,
    /// Two bytes.
    Int16,
    /// Two bytes without a sign: a port.
    Uint16,
    /// Four bytes.
    Int32,
    /// Eight bytes.
    Int64,
    /// Eight bytes, a number with a fraction.
    Float64,
    /// Sixteen bytes.
    Uuid,
    /// UTF-8 with its length.
    String,
    /// Bytes with their length.
    Bytes,
    /// Record batches with their length: bytes, as far as the walker goes.
    Records,
    /// A struct in place; a byte goes before one that may be null and says whether it is there.
    Struct(&'static [Field]),
    /// An array.
    Array(Array),
}

/// An array's elements, and how many of them are taken.
#[derive(Debug, Clone, Copy)]
pub struct Array {
    /// The type of one element; never an array itself.
    pub of: &'static Kind,
    /// Elements taken at most.
    pub most: usize,
    /// Bytes that one decoded element takes in its vector.
    pub memory: usize,
}

impl Kind {
    /// The fewest bytes that a value takes on the wire.
    pub fn smallest(&self, version: i16, flexible: bool) -> usize {
        match self {
            Kind::String | Kind::Bytes | Kind::Records | Kind::Array(_) if flexible => 1,
            Kind::Bool | Kind::Int8 => 1,
            Kind::Int16 | Kind::Uint16 | Kind::String => 2,
            Kind::Int32 | Kind::Bytes | Kind::Records | Kind::Array(_) => 4,
            Kind::Int64 | Kind::Float64 => 8,
            Kind::Uuid => 16,
            Kind::Struct(fields) => {
                let present = fields.iter().filter(|field| field.is_plain_in(version));
                let sum: usize = present.map(|field| field.smallest(version, flexible)).sum();
                sum + usize::from(flexible)
            }
        }
    }
}

impl Field {
    const fn new(name: &'static str, kind: Kind) -> Self {
        let (versions, nullable) = (Versions::ALL, Versions::NONE);
        Field { name, kind, versions, nullable, tag: None }
    }

    /// The fewest bytes that the field takes on the wire: one for a struct that may be null.
    fn smallest(&self, version: i16, flexible: bool) -> usize {
        match self.kind {
            Kind::Struct(_) if self.nullable.contains(version) => 1,
            kind => kind.smallest(version, flexible),
        }
    }

    /// Whether `version` has the field, outside of the tagged ones.
    pub const fn is_plain_in(&self, version: i16) -> bool {
        self.tag.is_none() && self.versions.contains(version)
    }

    /// Whether `version` has the field with this tag.
    pub fn has_tag_in(&self, tag: u32, version: i16) -> bool {
        self.tag == Some(tag) && self.versions.contains(version)
    }

    /// The first version that has the field.
    pub const fn since(mut self, version: i16) -> Self {
        self.versions.min = version;
        self
    }

    /// The last version that has the field.
    pub const fn until(mut self, version: i16) -> Self {
        self.versions.max = version;
        if self.nullable.max > version {
            self.nullable.max = version;
        }
        self
    }

    /// The first version in which the field may be null; it stays so.
    pub const fn nullable(mut self, since: i16) -> Self {
        self.nullable = Versions { min: since, max: self.versions.max };
        self
    }

    /// Makes it a tagged field.
    pub const fn tagged(mut self, tag: u32) -> Self {
        self.tag = Some(tag);
        self
    }

    /// Takes no more than `most` elements of an array.
    pub const fn at_most(mut self, most: usize) -> Self {
        if let Kind::Array(mut array) = self.kind {
            array.most = most;
            self.kind = Kind::Array(array);
        }
        self
    }
}

/// A request's row: its versions from `min` to `max`, flexible from `flexible` on.
pub(super) const fn row(
    api: ApiKey,
    min: i16,
    max: i16,
    flexible: i16,
    fields: &'static [Field],
) -> Schema {
    Schema { api, versions: Versions { min, max }, flexible, fields }
}

/// A boolean.
pub(super) const fn boolean(name: &'static str) -> Field {
    Field::new(name, Kind::Bool)
}

/// An INT8.
pub(super) const fn int8(name: &'static str) -> Field {
    Field::new(name, Kind::Int8)
}

/// An INT16.
pub(super) const fn int16(name: &'static str) -> Field {
    Field::new(name, Kind::Int16)
}

/// A UINT16.
pub(super) const fn uint16(name: &'static str) -> Field {
    Field::new(name, Kind::Uint16)
}

/// An INT32.
pub(super) const fn int32(name: &'static str) -> Field {
    Field::new(name, Kind::Int32)
}

/// An INT64.
pub(super) const fn int64(name: &'static str) -> Field {
    Field::new(name, Kind::Int64)
}

/// A FLOAT64.
pub(super) const fn float64(name: &'static str) -> Field {
    Field::new(name, Kind::Float64)
}

/// A UUID.
pub(super) const fn uuid(name: &'static str) -> Field {
    Field::new(name, Kind::Uuid)
}

/// A string.
pub(super) const fn string(name: &'static str) -> Field {
    Field::new(name, Kind::String)
}

/// Opaque bytes.
pub(super) const fn bytes(name: &'static str) -> Field {
    Field::new(name, Kind::Bytes)
}

/// Record batches.
pub(super) const fn records(name: &'static str) -> Field {
    Field::new(name, Kind::Records)
}

/// A struct in place.
pub(super) const fn structure(name: &'static str, fields: &'static [Field]) -> Field {
    Field::new(name, Kind::Struct(fields))
}

/// An array of INT8.
pub(super) const fn int8s(name: &'static str) -> Field {
    array(name, &Kind::Int8, size_of::<i8>())
}

/// An array of INT32.
pub(super) const fn int32s(name: &'static str) -> Field {
    array(name, &Kind::Int32, size_of::<i32>())
}

/// An array of UUIDs.
pub(super) const fn uuids(name: &'static str) -> Field {
    array(name, &Kind::Uuid, size_of::<uuid::Uuid>())
}

/// An array of strings.
pub(super) const fn strings(name: &'static str) -> Field {
    array(name, &Kind::String, size_of::<StrBytes>())
}

/// An array of structs, which decode into `T`; `of` is a [`Kind::Struct`].
pub(super) const fn structs<T>(name: &'static str, of: &'static Kind) -> Field {
    array(name, of, size_of::<T>())
}

const fn array(name: &'static str, of: &'static Kind, memory: usize) -> Field {
    Field::new(name, Kind::Array(Array { of, most: MOST, memory }))
}
