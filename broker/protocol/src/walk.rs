//! The bounds walker: looks at every byte of a request before anything is decoded.
//!
//! `kafka-protocol` takes memory for a count as the count says; eight bytes can ask for gigabytes
//! and abort the process. So a table says what each served request looks like in each version, and
//! the walker checks along it, without allocating: that every count fits in the bytes that are left
//! and below a cap that makes sense for the array, that every length does, that strings are UTF-8
//! and short enough, that nothing is null that may not be, that tagged fields are few and small.
//! What passes, decodes. Bytes after the request are ignored, as Apache Kafka does: librdkafka
//! (seen in 2.16.1) sends three of them after a flexible Metadata request for all topics.
//!
//! It also bounds what decoding will cost: a struct of two bytes on the wire may take seventy in
//! memory, so every array is charged with its elements' size in memory, and a request of `n` bytes
//! may run up [`memory_allowed`]`(n)` bytes. Depth is bounded by the table, which has no recursion.

mod acls;
mod budget;
mod caps;
mod cluster;
mod configs;
mod data;
mod groups;
mod peers;
mod quorum;
mod quotas;
mod replicas;
pub mod schema;
mod tokens;
mod users;

use crate::messages::ApiKey;
use crate::primitive::{Malformed, Reader};
pub use crate::refused::Refused;
use budget::Budget;
pub use budget::memory_allowed;
use schema::{Array, Field, Kind, Schema};

/// Every request that is served, to clients or to other brokers, by family.
static SCHEMAS: [&[Schema]; 11] = [
    data::SCHEMAS,
    groups::SCHEMAS,
    cluster::SCHEMAS,
    configs::SCHEMAS,
    replicas::SCHEMAS,
    quorum::SCHEMAS,
    acls::SCHEMAS,
    peers::SCHEMAS,
    users::SCHEMAS,
    tokens::SCHEMAS,
    quotas::SCHEMAS,
];

/// Checks the body of a request, the bytes after its header.
pub fn request(api: ApiKey, version: i16, body: &[u8]) -> Result<(), Refused> {
    elements(api, version, body).map(|_| ())
}

/// The same, and says how many elements all its arrays have together: what it names, and by which
/// its answer grows.
pub fn elements(api: ApiKey, version: i16, body: &[u8]) -> Result<usize, Refused> {
    let schema = schema(api).ok_or(Refused::UnknownApi(api as i16))?;
    if !schema.versions.contains(version) {
        return Err(Refused::UnsupportedVersion { api: api as i16, version });
    }
    let mut walker = Walker {
        reader: Reader::new(body),
        version,
        flexible: version >= schema.flexible,
        budget: Budget::for_body(body.len()),
        elements: 0,
    };
    walker.structure(schema.fields)?;
    Ok(walker.elements)
}

/// The table's row for `api`; `None` for an API that is not served.
pub fn schema(api: ApiKey) -> Option<&'static Schema> {
    schemas().find(|schema| schema.api == api)
}

/// The whole table, family by family.
pub fn schemas() -> impl Iterator<Item = &'static Schema> {
    SCHEMAS.iter().flat_map(|family| family.iter())
}

struct Walker<'a> {
    reader: Reader<'a>,
    version: i16,
    flexible: bool,
    budget: Budget,
    elements: usize,
}

impl Walker<'_> {
    fn structure(&mut self, fields: &'static [Field]) -> Result<(), Refused> {
        let version = self.version;
        for field in fields.iter().filter(|field| field.is_plain_in(version)) {
            self.field(field)?;
        }
        if self.flexible { self.tagged_fields(fields) } else { Ok(()) }
    }

    fn field(&mut self, field: &'static Field) -> Result<(), Refused> {
        match field.kind {
            Kind::Struct(fields) => {
                let nullable = field.nullable.contains(self.version);
                let at_field = |why| Refused::Field { field: field.name, why };
                if nullable && !self.reader.presence().map_err(at_field)? {
                    return Ok(());
                }
                self.structure(fields)
            }
            Kind::Array(array) => self.array(field, array),
            kind => {
                let nullable = field.nullable.contains(self.version);
                self.scalar(kind, nullable).map_err(|why| Refused::Field { field: field.name, why })
            }
        }
    }

    fn array(&mut self, field: &'static Field, array: Array) -> Result<(), Refused> {
        let smallest = array.of.smallest(self.version, self.flexible);
        let count = if self.flexible {
            self.reader.compact_nullable_array_len(smallest)
        } else {
            self.reader.nullable_array_len(smallest)
        };
        let at_field = |why| Refused::Field { field: field.name, why };
        let Some(count) = count.map_err(at_field)? else {
            let nullable = field.nullable.contains(self.version);
            return if nullable { Ok(()) } else { Err(at_field(Malformed::Null)) };
        };
        if count > array.most {
            return Err(Refused::TooMany { field: field.name, count, most: array.most });
        }
        self.budget.elements(field.name, count, array.memory)?;
        self.elements = self.elements.saturating_add(count);
        match *array.of {
            Kind::Struct(fields) => (0..count).try_for_each(|_| self.structure(fields)),
            kind => (0..count).try_for_each(|_| self.scalar(kind, false).map_err(at_field)),
        }
    }

    /// A value without parts. A nested array is none: [`field`](Self::field) takes those.
    fn scalar(&mut self, kind: Kind, nullable: bool) -> Result<(), Malformed> {
        let reader = &mut self.reader;
        let present = match (kind, self.flexible) {
            (Kind::String, false) => reader.nullable_string()?.is_some(),
            (Kind::String, true) => reader.compact_nullable_string()?.is_some(),
            (Kind::Bytes | Kind::Records, false) => reader.nullable_bytes()?.is_some(),
            (Kind::Bytes | Kind::Records, true) => reader.compact_nullable_bytes()?.is_some(),
            (fixed, flexible) => {
                reader.take(fixed.smallest(self.version, flexible)).map(|_| true)?
            }
        };
        if present || nullable { Ok(()) } else { Err(Malformed::Null) }
    }

    /// A known tagged field has to fill its bytes exactly, as the decoder goes by its type and not
    /// by its length; an unknown one is passed over, but the decoder keeps it.
    fn tagged_fields(&mut self, fields: &'static [Field]) -> Result<(), Refused> {
        let count = self.reader.tag_count()?;
        let mut previous = None;
        for seen in 0..count {
            let (tag, bytes) = self.reader.tagged_field(previous)?;
            previous = Some(tag);
            let known = |field: &&Field| field.has_tag_in(tag, self.version);
            let Some(field) = fields.iter().find(known) else {
                if fields.iter().any(|field| field.tag == Some(tag)) {
                    return Err(Refused::EarlyTag { tag, version: self.version });
                }
                self.budget.unknown_tag(seen)?;
                continue;
            };
            let outer = std::mem::replace(&mut self.reader, Reader::new(bytes));
            self.field(field)?;
            self.reader.finish().map_err(|why| Refused::Field { field: field.name, why })?;
            self.reader = outer;
        }
        Ok(())
    }
}
