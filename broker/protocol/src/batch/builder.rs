//! Writes batches of our own: internal topics, the metadata log, tests.

use super::{HEADER_LEN, Header, MAGIC, layout, varint};
use crate::compression::{self, Codec};

/// What a control record says; the number in its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlType {
    /// A transaction ended without effect.
    Abort,
    /// A transaction ended.
    Commit,
    /// A new leader of a quorum's log begins.
    LeaderChange,
    /// First record of a metadata snapshot.
    SnapshotHeader,
    /// Last record of a metadata snapshot.
    SnapshotFooter,
    /// The quorum's protocol version (KIP-853).
    KraftVersion,
    /// The set of voters (KIP-853).
    KraftVoters,
}

impl ControlType {
    const ALL: [(Self, u8); 7] = [
        (Self::Abort, 0),
        (Self::Commit, 1),
        (Self::LeaderChange, 2),
        (Self::SnapshotHeader, 3),
        (Self::SnapshotFooter, 4),
        (Self::KraftVersion, 5),
        (Self::KraftVoters, 6),
    ];

    /// The record's key: version 0 and the type.
    pub fn key(self) -> [u8; 4] {
        let number =
            Self::ALL.iter().find(|(kind, _)| *kind == self).map_or(0, |(_, number)| *number);
        [0, 0, 0, number]
    }

    /// Reads a key; unknown types and short keys are `None`.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        let [_, _, high, low] = *key.first_chunk::<4>()?;
        let number = u16::from_be_bytes([high, low]);
        Self::ALL.iter().find(|(_, other)| u16::from(*other) == number).map(|(kind, _)| *kind)
    }
}

/// Collects records into one batch.
///
/// ```
/// use kastellan_protocol::batch::{Builder, Header};
/// let batch = Builder::new(42, 7).record(1_000, Some(b"key"), Some(b"value"), &[]).finish();
/// assert_eq!(Header::parse(&batch).unwrap().last_offset(), 42);
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    header: Header,
    codec: Codec,
    records: Vec<u8>,
    body: Vec<u8>,
}

impl Builder {
    /// An empty batch without producer, not compressed.
    pub fn new(base_offset: i64, leader_epoch: i32) -> Self {
        let header = Header {
            base_offset,
            batch_length: 0,
            leader_epoch,
            magic: MAGIC,
            crc: 0,
            attributes: 0,
            last_offset_delta: -1,
            base_timestamp: -1,
            max_timestamp: -1,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            count: 0,
        };
        Self { header, codec: Codec::None, records: Vec::new(), body: Vec::new() }
    }

    /// Written by an idempotent producer.
    pub fn producer(&mut self, id: i64, epoch: i16, base_sequence: i32) -> &mut Self {
        self.header.producer_id = id;
        self.header.producer_epoch = epoch;
        self.header.base_sequence = base_sequence;
        self
    }

    /// Part of a transaction.
    pub fn transactional(&mut self) -> &mut Self {
        self.header.attributes |= layout::TRANSACTIONAL;
        self
    }

    /// Compress the records when the batch is finished.
    pub fn compressed(&mut self, codec: Codec) -> &mut Self {
        self.codec = codec;
        self
    }

    /// Adds a record; its offset is the next one, its timestamp in milliseconds since 1970.
    pub fn record(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
    ) -> &mut Self {
        let header = &mut self.header;
        if header.count == 0 {
            header.base_timestamp = timestamp;
            header.max_timestamp = timestamp;
        }
        header.max_timestamp = header.max_timestamp.max(timestamp);
        header.last_offset_delta += 1;
        self.body.clear();
        self.body.push(0);
        varint::put_varlong(&mut self.body, timestamp.wrapping_sub(header.base_timestamp));
        varint::put_varint(&mut self.body, header.last_offset_delta);
        varint::put_nullable(&mut self.body, key);
        varint::put_nullable(&mut self.body, value);
        varint::put_varlong(&mut self.body, varint::length(headers.len()));
        for (key, value) in headers {
            varint::put_nullable(&mut self.body, Some(key));
            varint::put_nullable(&mut self.body, *value);
        }
        varint::put_nullable(&mut self.records, Some(&self.body));
        header.count += 1;
        self
    }

    /// Adds a control record and makes this a control batch. Markers of transactions are
    /// [`Builder::transactional`] as well.
    pub fn control(&mut self, timestamp: i64, kind: ControlType, value: &[u8]) -> &mut Self {
        self.header.attributes |= layout::CONTROL;
        self.record(timestamp, Some(&kind.key()), Some(value), &[])
    }

    /// Records so far.
    pub fn count(&self) -> i32 {
        self.header.count
    }

    /// Bytes that the batch takes so far, before compression.
    pub fn size(&self) -> usize {
        HEADER_LEN + self.records.len()
    }

    /// The batch, with its CRC. Without a record there is none to write: the result is empty.
    pub fn finish(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.header.count == 0 {
            return out;
        }
        let mut header = self.header;
        if self.codec == Codec::None {
            header.write(&self.records, &mut out);
            return out;
        }
        header.attributes |= self.codec.bits();
        let mut compressed = Vec::new();
        compression::deflate(self.codec, &self.records, &mut compressed);
        header.write(&compressed, &mut out);
        out
    }
}
