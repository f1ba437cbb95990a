//! The request: which batches for which partitions.

use std::ops::Range;

use uuid::Uuid;

use super::{FLEXIBLE, MAX_PARTITIONS, MAX_TOPICS, TOPIC_IDS};
use crate::{Refused, messages::ApiKey, primitive::Reader};

/// A decoded request. Ranges count from the start of the body given to [`decode`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProduceRequest {
    /// Where the transactional id lies, if there is one.
    pub transactional_id: Option<Range<usize>>,
    /// 0: no answer; 1: the leader has it; -1: all in-sync replicas have it. Not checked here.
    pub acks: i16,
    /// How long to wait for the replicas, in milliseconds.
    pub timeout_ms: i32,
    /// The topics in the request's order.
    pub topics: Vec<Topic>,
    /// The partitions of all topics, in the request's order.
    pub partitions: Vec<Partition>,
}

/// One topic of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Where the name lies; empty from version 13 on.
    pub name: Range<usize>,
    /// The id from version 13 on, nil before.
    pub id: Uuid,
    /// Which of [`ProduceRequest::partitions`] are this topic's.
    pub partitions: Range<usize>,
}

/// One partition of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The partition's number. Not checked here.
    pub index: i32,
    /// Where its record batch lies.
    pub records: Option<Range<usize>>,
}

impl ProduceRequest {
    /// The partitions of `topic`.
    pub fn partitions_of(&self, topic: &Topic) -> &[Partition] {
        self.partitions.get(topic.partitions.clone()).unwrap_or_default()
    }

    /// Every partition with its topic, in the request's order.
    pub fn each(&self) -> impl Iterator<Item = (&Topic, &Partition)> {
        self.topics.iter().flat_map(|topic| {
            self.partitions_of(topic).iter().map(move |partition| (topic, partition))
        })
    }

    /// The transactional id in the `body` that was decoded, if there is one.
    pub fn transactional_id<'a>(&self, body: &'a [u8]) -> Option<&'a str> {
        let bytes = body.get(self.transactional_id.clone()?).unwrap_or_default();
        Some(std::str::from_utf8(bytes).unwrap_or_default())
    }

    fn clear(&mut self) {
        self.transactional_id = None;
        self.topics.clear();
        self.partitions.clear();
    }
}

impl Topic {
    /// The name in the `body` that was decoded; empty from version 13 on.
    pub fn name<'a>(&self, body: &'a [u8]) -> &'a str {
        let bytes = body.get(self.name.clone()).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// Decodes `body` into `into`, whose vectors are reused. After an error `into` holds anything.
///
/// Memory stays below 4 times the body and 1 MiB.
pub fn decode(version: i16, body: &[u8], into: &mut ProduceRequest) -> Result<(), Refused> {
    if !(3..=13).contains(&version) {
        return Err(Refused::UnsupportedVersion { api: ApiKey::Produce as i16, version });
    }
    into.clear();
    let flexible = version >= FLEXIBLE;
    let reader = &mut Reader::new(body);
    let transactional_id =
        if flexible { reader.compact_nullable_string()? } else { reader.nullable_string()? };
    into.transactional_id = transactional_id.map(|id| ending_here(reader, id.len()));
    into.acks = reader.i16()?;
    into.timeout_ms = reader.i32()?;
    let topics = match version {
        TOPIC_IDS.. => reader.compact_array_len(18)?,
        FLEXIBLE.. => reader.compact_array_len(3)?,
        _ => reader.array_len(6)?,
    };
    most("topic_data", topics, MAX_TOPICS)?;
    into.topics.reserve_exact(topics);
    for _ in 0..topics {
        topic(version, reader, into)?;
    }
    if flexible {
        reader.skip_tagged_fields()?;
    }
    Ok(())
}

fn topic(version: i16, reader: &mut Reader<'_>, into: &mut ProduceRequest) -> Result<(), Refused> {
    let flexible = version >= FLEXIBLE;
    let (name, id) = if version >= TOPIC_IDS {
        (0..0, reader.uuid()?)
    } else {
        let name = if flexible { reader.compact_string()? } else { reader.string()? };
        (ending_here(reader, name.len()), Uuid::nil())
    };
    let count = if flexible { reader.compact_array_len(6)? } else { reader.array_len(8)? };
    let first = into.partitions.len();
    most("partition_data", first + count, MAX_PARTITIONS)?;
    into.partitions.reserve(count);
    for _ in 0..count {
        let index = reader.i32()?;
        let records =
            if flexible { reader.compact_nullable_bytes()? } else { reader.nullable_bytes()? };
        let records = records.map(|records| ending_here(reader, records.len()));
        if flexible {
            reader.skip_tagged_fields()?;
        }
        into.partitions.push(Partition { index, records });
    }
    if flexible {
        reader.skip_tagged_fields()?;
    }
    into.topics.push(Topic { name, id, partitions: first..first + count });
    Ok(())
}

/// The range of the last `len` bytes that were read.
fn ending_here(reader: &Reader<'_>, len: usize) -> Range<usize> {
    let end = reader.position();
    end.saturating_sub(len)..end
}

fn most(field: &'static str, count: usize, most: usize) -> Result<(), Refused> {
    if count > most { Err(Refused::TooMany { field, count, most }) } else { Ok(()) }
}
