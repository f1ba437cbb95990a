//! What a client's batch must satisfy before it is appended, and which error it gets otherwise.
//!
//! The rules and codes are those of Kafka's `LogValidator`, `DefaultRecordBatch` and
//! `ProduceRequest`, a little stricter where Kafka lets through what its own consumers choke on.

use super::{
    HEADER_LEN, Header, Malformed, Scratch, check_crc, patch,
    record::{Packed, walk},
    set_log_append_time, set_max_timestamp,
};
use crate::{
    ErrorCode,
    compression::{Codec, InflateError},
};

/// What a topic and a Produce version allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// `max.message.bytes`: the largest batch as sent.
    pub max_batch_bytes: usize,
    /// The largest batch once inflated.
    pub max_inflated_bytes: usize,
    /// Compacted topics take no record without a key.
    pub require_key: bool,
    /// Produce version 7 and newer (KIP-110).
    pub allow_zstd: bool,
    /// Limits for the client's timestamps; `None` where `message.timestamp.type` is
    /// `LogAppendTime`, which replaces them.
    pub timestamps: Option<TimestampRules>,
}

impl Rules {
    /// How far a batch of at most `max_batch_bytes` may inflate: 48 times as far, but always 48 MiB
    /// and never more than [`Scratch::DEFAULT_LIMIT`], up to which what is stored can be read.
    /// Otherwise a client makes 128 MiB of 100 KiB on each thread at will.
    pub fn inflated(max_batch_bytes: usize) -> usize {
        max_batch_bytes.saturating_mul(48).clamp(48 << 20, Scratch::DEFAULT_LIMIT)
    }
}

impl Default for Rules {
    /// Kafka's defaults for a topic, without limits on timestamps.
    fn default() -> Self {
        Self {
            max_batch_bytes: 1_048_588,
            max_inflated_bytes: Self::inflated(1_048_588),
            require_key: false,
            allow_zstd: true,
            timestamps: None,
        }
    }
}

/// `message.timestamp.before.max.ms` and `message.timestamp.after.max.ms` (KIP-937).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampRules {
    /// The broker's wall clock in milliseconds since 1970.
    pub now: i64,
    /// How far a timestamp may lie behind `now`; `i64::MAX` for any.
    pub before_max_ms: i64,
    /// How far it may lie ahead.
    pub after_max_ms: i64,
}

/// A batch that may be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Valid {
    /// The header as the client sent it.
    pub header: Header,
    /// The largest timestamp of the records, -1 where none has one.
    pub max_timestamp: i64,
    /// Offset delta of the first record with that timestamp, for the time index.
    pub max_timestamp_delta: i32,
}

impl Valid {
    /// Makes `batch` the log's: offsets, leader epoch, the append time where the topic wants it,
    /// and the true `maxTimestamp` where the client's was wrong. Only the last two need a new CRC.
    ///
    /// Returns the largest timestamp and its offset, for the time index.
    pub fn assign(
        &self,
        batch: &mut [u8],
        base_offset: i64,
        leader_epoch: i32,
        append_time: Option<i64>,
    ) -> (i64, i64) {
        patch(batch, base_offset, leader_epoch);
        if let Some(now) = append_time {
            set_log_append_time(batch, now);
            return (now, base_offset);
        }
        if self.max_timestamp != self.header.max_timestamp {
            set_max_timestamp(batch, self.max_timestamp);
        }
        (self.max_timestamp, base_offset.saturating_add(i64::from(self.max_timestamp_delta)))
    }
}

/// Why a batch is refused: the code for the answer and a sentence for its `error_message`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidBatch {
    /// The partition's error.
    pub code: ErrorCode,
    /// What is wrong, for the producer's log.
    pub reason: &'static str,
    /// The records at fault in ascending order, for `record_errors` (KIP-467).
    pub records: Vec<Fault>,
}

/// A record that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Its index in the batch.
    pub index: i32,
    /// What is wrong with it, where that is not what the batch is refused for.
    pub reason: Option<&'static str>,
}

impl InvalidBatch {
    /// A batch that is refused as a whole.
    pub fn new(code: ErrorCode, reason: &'static str) -> Self {
        Self { code, reason, records: Vec::new() }
    }

    fn record(code: ErrorCode, reason: &'static str, index: i32) -> Self {
        Self { code, reason, records: vec![Fault { index, reason: None }] }
    }
}

impl From<InvalidBatch> for ErrorCode {
    fn from(invalid: InvalidBatch) -> Self {
        invalid.code
    }
}

impl From<Malformed> for InvalidBatch {
    fn from(malformed: Malformed) -> Self {
        use ErrorCode::{
            CorruptMessage, InvalidRecord, MessageTooLarge, UnsupportedCompressionType,
        };
        match malformed {
            Malformed::Magic(0 | 1) => Self::new(
                InvalidRecord,
                "record format 0 and 1 are not taken: send batches of magic 2",
            ),
            Malformed::Magic(_) | Malformed::TooShort { .. } | Malformed::Length(_) => {
                Self::new(CorruptMessage, "the bytes are no record batch")
            }
            Malformed::Counts => {
                Self::new(InvalidRecord, "the batch header has a negative count or offset delta")
            }
            Malformed::Codec(_) => {
                Self::new(UnsupportedCompressionType, "the compression codec is unknown")
            }
            Malformed::Inflate(InflateError::TooLarge { .. }) => {
                Self::new(MessageTooLarge, "the batch inflates to more than the broker takes")
            }
            Malformed::Inflate(InflateError::Malformed(_)) => {
                Self::new(InvalidRecord, "the compressed records do not inflate")
            }
            Malformed::Record(index) => {
                Self::record(InvalidRecord, "the record is malformed", index)
            }
            Malformed::Trailing => {
                Self::new(InvalidRecord, "bytes are left behind the last record of the batch")
            }
        }
    }
}

/// Checks one batch of a client: `batch` holds it and nothing else (see [`super::sole`]).
///
/// Size, CRC and header first, then one walk over the records, inflated through `scratch` where
/// they are compressed.
pub fn validate(batch: &[u8], rules: &Rules, scratch: &mut Scratch) -> Result<Valid, InvalidBatch> {
    if batch.len() > rules.max_batch_bytes {
        let reason = "the batch is larger than max.message.bytes of the topic";
        return Err(InvalidBatch::new(ErrorCode::MessageTooLarge, reason));
    }
    let header = Header::parse(batch)?;
    let Some(records) = batch.get(HEADER_LEN..).filter(|_| header.size() == batch.len()) else {
        let reason = "the batch length in the header is not the bytes sent";
        return Err(InvalidBatch::new(ErrorCode::CorruptMessage, reason));
    };
    if !check_crc(batch) {
        return Err(InvalidBatch::new(ErrorCode::CorruptMessage, "the CRC is wrong"));
    }
    let codec = check_header(&header, rules)?;
    let records = if codec == Codec::None {
        records
    } else {
        let limit = rules.max_inflated_bytes;
        scratch.inflate(codec, records, limit).map_err(Malformed::Inflate)?;
        &scratch.inflated
    };
    check_records(header, records, rules, batch.len() / Fault::BYTES)
}

fn check_header(header: &Header, rules: &Rules) -> Result<Codec, InvalidBatch> {
    let invalid = |reason| Err(InvalidBatch::new(ErrorCode::InvalidRecord, reason));
    if header.is_control() {
        return invalid("clients may not write control records");
    }
    if header.count == 0 || header.last_offset_delta != header.count - 1 {
        return invalid("the number of records and the offset deltas of the batch do not agree");
    }
    if header.has_producer() && header.base_sequence < 0 {
        return invalid("an idempotent batch needs a sequence number");
    }
    if header.log_append_time() {
        let reason = "producers may not set the timestamp type to LogAppendTime";
        return Err(InvalidBatch::new(ErrorCode::InvalidTimestamp, reason));
    }
    match header.codec() {
        None => Err(Malformed::Codec(header.attributes & 7).into()),
        Some(Codec::Zstd) if !rules.allow_zstd => {
            let reason = "zstd needs Produce version 7 or newer";
            Err(InvalidBatch::new(ErrorCode::UnsupportedCompressionType, reason))
        }
        Some(codec) => Ok(codec),
    }
}

impl Fault {
    /// What one takes in an answer at least: an index, no reason, no tagged fields.
    const BYTES: usize = 6;
}

/// Records that break the topic's rules. They are all named, as in Kafka, unless the answer gets
/// far longer than the batch: a compressed one may hold very many.
#[derive(Debug)]
struct Faults {
    most: usize,
    found: Vec<Fault>,
    out_of_time: bool,
}

impl Faults {
    #[cold]
    fn keyless(&mut self, index: i32) {
        // short: it is said once a record
        self.note(Fault { index, reason: Some("no key") });
    }

    #[cold]
    fn out_of_time(&mut self, index: i32) {
        self.out_of_time = true;
        self.note(Fault { index, reason: None });
    }

    fn note(&mut self, fault: Fault) {
        if self.found.len() < self.most {
            self.found.push(fault);
        }
    }

    /// One bad timestamp makes it a matter of timestamps, as in Kafka.
    #[cold]
    fn refusal(mut self) -> InvalidBatch {
        if self.out_of_time {
            let reason =
                "the timestamp is outside of message.timestamp.before.max.ms and after.max.ms";
            let code = ErrorCode::InvalidTimestamp;
            return InvalidBatch { code, reason, records: self.found };
        }
        self.found.iter_mut().for_each(|fault| fault.reason = None);
        let reason = "a compacted topic takes no record without a key";
        InvalidBatch { code: ErrorCode::InvalidRecord, reason, records: self.found }
    }
}

/// Checks each record. Names `most` of those that break a rule of the topic's, and no other ones
/// where a record is malformed.
#[inline]
fn check_records(
    header: Header,
    records: &[u8],
    rules: &Rules,
    most: usize,
) -> Result<Valid, InvalidBatch> {
    let mut valid =
        Valid { header, max_timestamp: -1, max_timestamp_delta: header.last_offset_delta };
    let mut none_yet = true;
    let mut faults = Faults { most, found: Vec::new(), out_of_time: false };
    walk(records, header.count, |index, record: &Packed<'_>| {
        if record.offset_delta != index {
            let reason = "the offset deltas of the records are not 0, 1, 2 and so on";
            return Err(InvalidBatch::record(ErrorCode::InvalidRecord, reason, index));
        }
        let Some(timestamp) = header.base_timestamp.checked_add(record.timestamp_delta) else {
            let reason = "the timestamp does not fit 64 bits";
            return Err(InvalidBatch::record(ErrorCode::InvalidTimestamp, reason, index));
        };
        if none_yet || timestamp > valid.max_timestamp {
            none_yet = false;
            valid.max_timestamp = timestamp;
            valid.max_timestamp_delta = index;
        }
        if rules.require_key && record.key.is_none() {
            faults.keyless(index);
        } else if rules.timestamps.is_some_and(|limits| !limits.take(timestamp)) {
            faults.out_of_time(index);
        }
        Ok::<_, InvalidBatch>(())
    })?;
    if faults.found.is_empty() { Ok(valid) } else { Err(faults.refusal()) }
}

impl TimestampRules {
    /// Whether a record may have this timestamp; one that has none may.
    #[inline]
    fn take(&self, timestamp: i64) -> bool {
        let too_old = self.now.saturating_sub(timestamp) > self.before_max_ms;
        let too_new = timestamp.saturating_sub(self.now) > self.after_max_ms;
        timestamp == -1 || !(too_old || too_new)
    }
}
