//! Where each field of the 61-byte header lies.

/// Smallest value of the length field: the header behind it.
pub(super) const MIN_LENGTH: i32 = 49;
/// `partitionLeaderEpoch`, i32.
pub(super) const LEADER_EPOCH: usize = 12;
/// `crc`, u32.
pub(super) const CRC: usize = 17;
/// The checksum covers the bytes from here to the end.
pub(super) const CHECKED: usize = 21;
/// `attributes`, i16.
pub(super) const ATTRIBUTES: usize = 21;
/// `maxTimestamp`, i64.
pub(super) const MAX_TIMESTAMP: usize = 35;

/// Attribute bits 0 to 2: the codec.
pub(super) const CODEC: i16 = 0b111;
/// Attribute bit 3: timestamps are the broker's append time.
pub(super) const LOG_APPEND_TIME: i16 = 1 << 3;
/// Attribute bit 4: part of a transaction.
pub(super) const TRANSACTIONAL: i16 = 1 << 4;
/// Attribute bit 5: control records.
pub(super) const CONTROL: i16 = 1 << 5;
/// Attribute bit 6: the base timestamp is a delete horizon (KIP-534).
pub(super) const DELETE_HORIZON: i16 = 1 << 6;
