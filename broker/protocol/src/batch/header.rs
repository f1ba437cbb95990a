//! The header as a value: parsed from 61 bytes, written back when a batch is built or rewritten.

use super::{HEADER_LEN, MAGIC, Malformed, PREFIX_LEN, layout, patch::set_crc};
use crate::compression::Codec;

/// The fields in front of the records, in wire order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Offset of the first record (of the original batch, where compaction dropped some).
    pub base_offset: i64,
    /// Bytes behind this field: the batch's size less 12.
    pub batch_length: i32,
    /// Epoch of the leader that appended the batch, -1 in a client's.
    pub leader_epoch: i32,
    /// Always 2.
    pub magic: i8,
    /// CRC-32C of attributes to end, as the header claims it.
    pub crc: u32,
    /// Codec, timestamp type and the flags; read them with the methods.
    pub attributes: i16,
    /// Last offset less base offset; stays when compaction drops records.
    pub last_offset_delta: i32,
    /// What the records' timestamp deltas count from, in milliseconds since 1970; the delete
    /// horizon where [`Header::delete_horizon`] says so.
    pub base_timestamp: i64,
    /// Largest timestamp of the records, or the append time.
    pub max_timestamp: i64,
    /// Producer id, -1 without idempotence.
    pub producer_id: i64,
    /// Producer epoch, -1 without idempotence.
    pub producer_epoch: i16,
    /// Sequence number of the first record, -1 without idempotence.
    pub base_sequence: i32,
    /// Records in the batch.
    pub count: i32,
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

impl Header {
    /// Reads the first 61 bytes of `bytes`; the records need not be there.
    ///
    /// Checks what later arithmetic rests on: magic 2, a length that holds the header, no negative
    /// count or offset delta. The codec, the CRC and the records are not looked at.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let short = || Malformed::TooShort { need: HEADER_LEN, have: bytes.len() };
        // the magic first: older formats are shorter than 61 bytes
        if let Some(&magic) = bytes.get(16)
            && magic.cast_signed() != MAGIC
        {
            return Err(Malformed::Magic(magic.cast_signed()));
        }
        let header = bytes.first_chunk::<HEADER_LEN>().ok_or_else(short)?;
        let header = Self::fields(header).ok_or_else(short)?;
        if header.batch_length < layout::MIN_LENGTH {
            return Err(Malformed::Length(header.batch_length));
        }
        if header.count < 0 || header.last_offset_delta < 0 {
            return Err(Malformed::Counts);
        }
        Ok(header)
    }

    fn fields(bytes: &[u8; HEADER_LEN]) -> Option<Self> {
        let rest = &mut bytes.as_slice();
        Some(Self {
            base_offset: i64::from_be_bytes(take(rest)?),
            batch_length: i32::from_be_bytes(take(rest)?),
            leader_epoch: i32::from_be_bytes(take(rest)?),
            magic: i8::from_be_bytes(take(rest)?),
            crc: u32::from_be_bytes(take(rest)?),
            attributes: i16::from_be_bytes(take(rest)?),
            last_offset_delta: i32::from_be_bytes(take(rest)?),
            base_timestamp: i64::from_be_bytes(take(rest)?),
            max_timestamp: i64::from_be_bytes(take(rest)?),
            producer_id: i64::from_be_bytes(take(rest)?),
            producer_epoch: i16::from_be_bytes(take(rest)?),
            base_sequence: i32::from_be_bytes(take(rest)?),
            count: i32::from_be_bytes(take(rest)?),
        })
    }

    /// Appends `records` behind this header to `out`, with length and CRC worked out anew.
    pub(super) fn write(mut self, records: &[u8], out: &mut Vec<u8>) -> Self {
        let length = HEADER_LEN - PREFIX_LEN + records.len();
        self.batch_length = i32::try_from(length).expect("a batch is built from less than 2 GiB");
        self.magic = MAGIC;
        let start = out.len();
        out.reserve_exact(HEADER_LEN + records.len());
        out.extend_from_slice(&self.base_offset.to_be_bytes());
        out.extend_from_slice(&self.batch_length.to_be_bytes());
        out.extend_from_slice(&self.leader_epoch.to_be_bytes());
        out.extend_from_slice(&self.magic.to_be_bytes());
        out.extend_from_slice(&[0; 4]); // the CRC of what follows
        out.extend_from_slice(&self.attributes.to_be_bytes());
        out.extend_from_slice(&self.last_offset_delta.to_be_bytes());
        out.extend_from_slice(&self.base_timestamp.to_be_bytes());
        out.extend_from_slice(&self.max_timestamp.to_be_bytes());
        out.extend_from_slice(&self.producer_id.to_be_bytes());
        out.extend_from_slice(&self.producer_epoch.to_be_bytes());
        out.extend_from_slice(&self.base_sequence.to_be_bytes());
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(records);
        self.crc = set_crc(out.get_mut(start..).unwrap_or_default());
        self
    }

    /// Bytes of the whole batch.
    pub fn size(&self) -> usize {
        PREFIX_LEN + usize::try_from(self.batch_length).unwrap_or(0)
    }

    /// Offset of the last record.
    pub fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// Offset behind the batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    /// The codec of the records, or `None` for the numbers that mean none.
    pub fn codec(&self) -> Option<Codec> {
        Codec::from_attributes(self.attributes)
    }

    /// Transaction markers, leader changes, snapshot headers: never sent by a client.
    pub fn is_control(&self) -> bool {
        self.attributes & layout::CONTROL != 0
    }

    /// Part of a transaction (or its marker).
    pub fn is_transactional(&self) -> bool {
        self.attributes & layout::TRANSACTIONAL != 0
    }

    /// Written by an idempotent producer.
    pub fn has_producer(&self) -> bool {
        self.producer_id >= 0
    }

    /// Whether every record's timestamp is the broker's append time, `max_timestamp`.
    pub fn log_append_time(&self) -> bool {
        self.attributes & layout::LOG_APPEND_TIME != 0
    }

    /// When tombstones and markers of a compacted batch may go (KIP-534), in milliseconds since
    /// 1970.
    pub fn delete_horizon(&self) -> Option<i64> {
        (self.attributes & layout::DELETE_HORIZON != 0).then_some(self.base_timestamp)
    }

    /// Sequence number of the last record: sequences wrap from `i32::MAX` to 0. -1 without one.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return -1;
        }
        let wrapped =
            (i64::from(self.base_sequence) + i64::from(self.last_offset_delta)) % (1 << 31);
        i32::try_from(wrapped).unwrap_or(-1)
    }
}
