//! Record batches of magic 2 as bytes: the header view, what the broker patches, what it checks of
//! a client's batch, the records inside, and a writer for batches of our own.
//!
//! A batch is stored and sent as the client wrote it. Only the base offset and the leader epoch are
//! set by the broker, and both lie in front of the checksummed part, so that appending needs no new
//! CRC. Layout of the 61 bytes in front of the records: KIP-98 and Kafka's `DefaultRecordBatch`.
//!
//! Nothing here panics on any bytes, and memory follows what was read: see [`Scratch`].

mod builder;
mod filter;
mod header;
mod layout;
mod patch;
mod record;
mod scratch;
mod sequence;
mod validate;
mod varint;

#[cfg(test)]
mod tests;

pub use builder::{Builder, ControlType};
pub use filter::{Fate, Filtered, filter, recompress};
pub use header::Header;
pub use patch::{check_crc, patch, set_log_append_time, set_max_timestamp};
pub use record::{Headers, RecordView, for_each_record};
pub use scratch::Scratch;
pub use sequence::{Batches, batches, sole};
pub use validate::{Fault, InvalidBatch, Rules, TimestampRules, Valid, validate};

use crate::compression::InflateError;

/// Bytes in front of the records.
pub const HEADER_LEN: usize = 61;
/// Bytes of base offset and length: what `batch_length` does not count.
pub const PREFIX_LEN: usize = 12;
/// The only format that is read or written.
pub const MAGIC: i8 = 2;

/// Why bytes are not a record batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end before the batch does.
    #[error("a record batch needs {need} bytes, there are {have}")]
    TooShort {
        /// Bytes needed to go on.
        need: usize,
        /// Bytes present.
        have: usize,
    },
    /// An older or an unknown format.
    #[error("record batch magic {0} is not served, only 2")]
    Magic(i8),
    /// The length field holds less than a header.
    #[error("record batch length {0} is shorter than its header")]
    Length(i32),
    /// A negative count or offset delta in the header.
    #[error("record batch header has a negative count or offset delta")]
    Counts,
    /// Codec bits 5 to 7.
    #[error("record batch has the unknown compression codec {0}")]
    Codec(i16),
    /// The compressed part does not inflate, or to too much.
    #[error(transparent)]
    Inflate(#[from] InflateError),
    /// The record with this index is cut, or one of its lengths is wrong.
    #[error("record {0} of the batch is malformed")]
    Record(i32),
    /// Bytes are left behind the last record.
    #[error("bytes are left behind the last record of the batch")]
    Trailing,
}
