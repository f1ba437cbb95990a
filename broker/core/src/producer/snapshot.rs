//! Kafka's producer snapshot, version 1: the `.snapshot` files beside the segments.
//!
//! version i16 | CRC-32C u32 of all that follows | count i32 | per producer: id i64, epoch i16,
//! last sequence i32, last offset i64, offset delta i32, timestamp i64, coordinator epoch i32,
//! first offset of its transaction i64. Only the newest batch of each producer is kept, as Kafka
//! does.

use kastellan_protocol::primitive::Reader;

use super::{Producers, Sequenced, entry::Entry};

const VERSION: i16 = 1;
/// Where the bytes begin that the CRC covers.
const BODY: usize = 6;
/// The length of one producer.
const ENTRY: usize = 46;

/// Why a snapshot is not read; the state is rebuilt from the log instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSnapshot {
    /// Written by a broker that is newer than this one.
    #[error("version {0} of the producer snapshot is unknown")]
    Version(i16),
    /// The checksum does not fit.
    #[error("the producer snapshot is damaged")]
    Crc,
    /// There are fewer or more bytes than it says.
    #[error("the producer snapshot has the wrong length")]
    Length,
}

impl Producers {
    /// The state in Kafka's file format.
    pub fn to_snapshot(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BODY + 4 + ENTRY * self.entries.len());
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        let count = i32::try_from(self.entries.len()).expect("the number of producers is capped");
        bytes.extend_from_slice(&count.to_be_bytes());
        for (id, entry) in &self.entries {
            write(&mut bytes, *id, entry);
        }
        let crc = crc32c::crc32c(bytes.get(BODY..).unwrap_or_default());
        if let Some(place) = bytes.get_mut(2..BODY) {
            place.copy_from_slice(&crc.to_be_bytes());
        }
        bytes
    }

    /// Reads what [`Self::to_snapshot`] or Kafka has written. With more than `limit` producers in
    /// it, the ones that have been silent for longest are left out.
    pub fn from_snapshot(bytes: &[u8], limit: usize) -> Result<Self, BadSnapshot> {
        let mut reader = Reader::new(bytes);
        let version = reader.i16().map_err(|_short| BadSnapshot::Length)?;
        if version != VERSION {
            return Err(BadSnapshot::Version(version));
        }
        let crc = reader.i32().map_err(|_short| BadSnapshot::Length)?;
        let body = bytes.get(BODY..).unwrap_or_default();
        if crc32c::crc32c(body) != crc.cast_unsigned() {
            return Err(BadSnapshot::Crc);
        }
        let count = reader.i32().map_err(|_short| BadSnapshot::Length)?;
        let entries = body.get(4..).unwrap_or_default();
        if usize::try_from(count).ok().and_then(|count| count.checked_mul(ENTRY))
            != Some(entries.len())
        {
            return Err(BadSnapshot::Length);
        }
        let mut producers = Self::new(limit);
        for _ in 0..count {
            read(&mut reader, &mut producers).ok_or(BadSnapshot::Length)?;
        }
        Ok(producers)
    }
}

fn write(bytes: &mut Vec<u8>, id: i64, entry: &Entry) {
    let none =
        Sequenced { last_sequence: -1, last_offset: -1, offset_delta: 0, timestamp: entry.seen };
    let batch = entry.newest().unwrap_or(&none);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&entry.epoch().to_be_bytes());
    bytes.extend_from_slice(&batch.last_sequence.to_be_bytes());
    bytes.extend_from_slice(&batch.last_offset.to_be_bytes());
    bytes.extend_from_slice(&batch.offset_delta.to_be_bytes());
    bytes.extend_from_slice(&batch.timestamp.to_be_bytes());
    // No transaction has touched it: no coordinator, no open transaction.
    bytes.extend_from_slice(&(-1_i32).to_be_bytes());
    bytes.extend_from_slice(&(-1_i64).to_be_bytes());
}

fn read(reader: &mut Reader<'_>, producers: &mut Producers) -> Option<()> {
    let id = reader.i64().ok()?;
    let epoch = reader.i16().ok()?;
    let batch = Sequenced {
        last_sequence: reader.i32().ok()?,
        last_offset: reader.i64().ok()?,
        offset_delta: reader.i32().ok()?,
        timestamp: reader.i64().ok()?,
    };
    let _coordinator_epoch = reader.i32().ok()?;
    let _transaction = reader.i64().ok()?;
    let known = batch.last_offset >= 0 && batch.last_sequence >= 0 && batch.offset_delta >= 0;
    producers.insert(id, epoch, known.then_some(batch), batch.timestamp);
    Some(())
}
