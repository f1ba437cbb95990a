//! Record batches (magic 2) built by the judge: good ones, and every kind of bad one.

use std::io::Write as _;

use anyhow::{Context as _, Result, ensure};

/// A batch to be encoded. `Default` is a good, empty one without producer.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields of Kafka's record batch, in its order")]
pub struct Batch {
    pub base_offset: i64,
    pub leader_epoch: i32,
    pub magic: i8,
    pub attributes: i16,
    pub base_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub records: Vec<Record>,
    /// Instead of the number of records less one.
    pub last_offset_delta: Option<i32>,
    /// Instead of the number of records.
    pub count: Option<i32>,
    /// Instead of the greatest timestamp.
    pub max_timestamp: Option<i64>,
    /// Instead of the true one.
    pub length: Option<i32>,
    /// Turns bits of the checksum over.
    pub crc_flip: u32,
    /// Instead of the encoded records: for compressed and broken bodies.
    pub body: Option<Vec<u8>>,
}

/// One record of a batch.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields of Kafka's record")]
pub struct Record {
    pub timestamp_delta: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Instead of its place in the batch.
    pub offset_delta: Option<i32>,
}

impl Default for Batch {
    fn default() -> Batch {
        Batch {
            base_offset: 0,
            leader_epoch: -1,
            magic: 2,
            attributes: 0,
            base_timestamp: 0,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            records: Vec::new(),
            last_offset_delta: None,
            count: None,
            max_timestamp: None,
            length: None,
            crc_flip: 0,
            body: None,
        }
    }
}

impl Batch {
    /// A batch with one record per value, a millisecond apart from `timestamp` on.
    pub fn of(timestamp: i64, values: &[&str]) -> Batch {
        let records = values.iter().zip(0..).map(|(value, turn)| Record {
            timestamp_delta: turn,
            value: Some(value.as_bytes().to_vec()),
            ..Record::default()
        });
        Batch { base_timestamp: timestamp, records: records.collect(), ..Batch::default() }
    }

    /// The records alone, as they stand in an uncompressed batch.
    pub fn encoded_records(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (record, place) in self.records.iter().zip(0_i32..) {
            let mut body = vec![0_u8]; // attributes
            varint(&mut body, record.timestamp_delta);
            varint(&mut body, i64::from(record.offset_delta.unwrap_or(place)));
            bytes(&mut body, record.key.as_deref());
            bytes(&mut body, record.value.as_deref());
            varint(&mut body, length(record.headers.len()));
            for (name, value) in &record.headers {
                bytes(&mut body, Some(name.as_bytes()));
                bytes(&mut body, value.as_deref());
            }
            varint(&mut out, length(body.len()));
            out.extend_from_slice(&body);
        }
        out
    }

    /// The whole batch.
    pub fn encode(&self) -> Vec<u8> {
        let count = i32::try_from(self.records.len()).unwrap_or(i32::MAX);
        let greatest = self.records.iter().map(|record| record.timestamp_delta).max().unwrap_or(0);
        let mut tail = Vec::new();
        tail.extend_from_slice(&self.attributes.to_be_bytes());
        tail.extend_from_slice(&self.last_offset_delta.unwrap_or(count - 1).to_be_bytes());
        tail.extend_from_slice(&self.base_timestamp.to_be_bytes());
        tail.extend_from_slice(
            &self.max_timestamp.unwrap_or(self.base_timestamp + greatest).to_be_bytes(),
        );
        tail.extend_from_slice(&self.producer_id.to_be_bytes());
        tail.extend_from_slice(&self.producer_epoch.to_be_bytes());
        tail.extend_from_slice(&self.base_sequence.to_be_bytes());
        tail.extend_from_slice(&self.count.unwrap_or(count).to_be_bytes());
        tail.extend_from_slice(&self.body.clone().unwrap_or_else(|| self.encoded_records()));
        let mut out = Vec::new();
        out.extend_from_slice(&self.base_offset.to_be_bytes());
        // leader epoch, magic and checksum follow before the tail
        let size = i32::try_from(tail.len() + 9).unwrap_or(i32::MAX);
        out.extend_from_slice(&self.length.unwrap_or(size).to_be_bytes());
        out.extend_from_slice(&self.leader_epoch.to_be_bytes());
        out.extend_from_slice(&self.magic.to_be_bytes());
        out.extend_from_slice(&(crc32c::crc32c(&tail) ^ self.crc_flip).to_be_bytes());
        out.extend_from_slice(&tail);
        out
    }

    /// The same batch with its records compressed by gzip.
    pub fn gzipped(mut self) -> Batch {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        // Writing to a Vec cannot fail.
        let body = encoder
            .write_all(&self.encoded_records())
            .and_then(|()| encoder.finish())
            .unwrap_or_default();
        self.body = Some(body);
        self.attributes |= 1;
        self
    }

    /// The same batch from an idempotent producer.
    pub fn by_producer(mut self, id: i64, epoch: i16, sequence: i32) -> Batch {
        self.producer_id = id;
        self.producer_epoch = epoch;
        self.base_sequence = sequence;
        self
    }
}

fn length(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

fn bytes(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => varint(out, -1),
        Some(value) => {
            varint(out, length(value.len()));
            out.extend_from_slice(value);
        }
    }
}

/// Zig-zag, seven bits a byte, lowest first.
fn varint(out: &mut Vec<u8>, value: i64) {
    let mut rest = (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned();
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap_or(0x7f);
        rest >>= 7;
        if rest == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// One past the last offset of the batches in `log`, each of which is whole; 0 without any.
pub fn end(log: &[u8]) -> Result<i64> {
    let mut end = 0;
    let (mut rest, mut at) = (log, 0);
    while !rest.is_empty() {
        let (base, size) =
            ends(rest).with_context(|| format!("a batch is cut off at byte {at}"))?;
        let last = number(rest, 23).context("a batch is short")?;
        end = base + last + 1;
        (rest, at) = (rest.get(size..).unwrap_or_default(), at + size);
    }
    Ok(end)
}

/// Offsets and values of the records in uncompressed `batches`, the last of which may be cut off.
pub fn read(batches: &[u8]) -> Result<Vec<(i64, Vec<u8>)>> {
    let (mut rest, mut records) = (batches, Vec::new());
    while let Some((base, size)) = ends(rest) {
        let (batch, after) = rest.split_at(size);
        let attributes = batch.get(21..23).context("a batch is short")?;
        // whatever its times are: 8 says that the leader has set them
        ensure!(matches!(attributes, [0, 0 | 8]), "a batch has the attributes {attributes:?}");
        let sum = number(batch, 17).context("a batch is short")?;
        let tail = batch.get(21..).unwrap_or_default();
        ensure!(sum == i64::from(crc32c::crc32c(tail)), "the checksum at offset {base} is wrong");
        let count = number(batch, 57).context("a batch is short")?;
        let mut body = batch.get(61..).unwrap_or_default();
        for offset in base..base + count {
            records.push((offset, value(&mut body).context("a record is cut off")?));
        }
        rest = after;
    }
    Ok(records)
}

/// The first offset of the batch at the front, and its length, if all of it is there.
fn ends(batches: &[u8]) -> Option<(i64, usize)> {
    let base = i64::from_be_bytes(*batches.first_chunk()?);
    let size = 12 + usize::try_from(number(batches, 8)?).ok()?;
    (size <= batches.len()).then_some((base, size))
}

/// The four bytes at `at`.
fn number(bytes: &[u8], at: usize) -> Option<i64> {
    Some(i64::from(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?)))
}

/// The value of the record at the front, which has no key.
fn value(records: &mut &[u8]) -> Option<Vec<u8>> {
    let size = usize::try_from(unvarint(records)?).ok()?;
    let (mut record, rest) = records.split_at_checked(size)?;
    *records = rest;
    record = record.get(1..)?;
    for _ in ["timestamp", "offset", "key"] {
        unvarint(&mut record)?;
    }
    let size = usize::try_from(unvarint(&mut record)?).ok()?;
    Some(record.get(..size)?.to_vec())
}

/// The opposite of [`varint`].
fn unvarint(bytes: &mut &[u8]) -> Option<i64> {
    let (mut whole, mut shift) = (0_u64, 0);
    loop {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        whole |= u64::from(first & 0x7f).checked_shl(shift)?;
        shift += 7;
        if first & 0x80 == 0 {
            return Some((whole >> 1).cast_signed() ^ -(whole & 1).cast_signed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, end, read};

    #[test]
    fn batches_are_read_as_they_were_written() {
        let values = [&["a", "bc"][..], &[""], &["d"]];
        let mut bytes = Vec::new();
        let mut base_offset = 5;
        for values in values {
            bytes.extend(Batch { base_offset, ..Batch::of(1000, values) }.encode());
            base_offset += i64::try_from(values.len()).unwrap_or(0);
        }
        let found = read(&bytes).unwrap_or_default();
        let expected = [(5, &b"a"[..]), (6, b"bc"), (7, b""), (8, b"d")];
        assert_eq!(found, expected.map(|(offset, value)| (offset, value.to_vec())));
        assert_eq!(end(&bytes).ok(), Some(9));
        let cut = bytes.get(..bytes.len() - 1).unwrap_or_default();
        assert_eq!(read(cut).unwrap_or_default().len(), 3);
        assert!(end(cut).is_err());
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert!(read(&bytes).is_err());
    }
}
