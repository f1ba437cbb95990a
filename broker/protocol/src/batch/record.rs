//! The records inside a batch: one walk for validation and for reading.

use super::{HEADER_LEN, Header, Malformed, Scratch, varint::Cursor};
use crate::compression::Codec;

/// One record as its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordView<'a> {
    /// Its offset in the partition.
    pub offset: i64,
    /// Milliseconds since 1970, or the append time of a batch that has it.
    pub timestamp: i64,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers with their count in front, as on the wire: repeated keys stay repeated.
    pub headers: &'a [u8],
    /// The whole record, its length in front.
    pub raw: &'a [u8],
    /// From the offset delta to the end: what a change of timestamps leaves as it is.
    pub(super) tail: &'a [u8],
}

impl<'a> RecordView<'a> {
    /// The headers in order.
    pub fn headers(&self) -> Headers<'a> {
        let mut cursor = Cursor::new(self.headers);
        let left = cursor.varint().unwrap_or(0);
        Headers { cursor, left }
    }
}

/// Iterates over a record's headers: key and value. Ends early on bytes that are not headers, which
/// a [`RecordView`] never holds.
#[derive(Debug, Clone)]
pub struct Headers<'a> {
    cursor: Cursor<'a>,
    left: i32,
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left <= 0 {
            return None;
        }
        self.left -= 1;
        Some((self.cursor.sized()?, self.cursor.nullable()?))
    }
}

/// A record before the batch's bases are added.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packed<'a> {
    pub(super) timestamp_delta: i64,
    pub(super) offset_delta: i32,
    pub(super) key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: &'a [u8],
    raw: &'a [u8],
    tail: &'a [u8],
}

/// Reads the next record; it must fill the length it declares exactly.
#[inline]
fn next<'a>(records: &mut Cursor<'a>) -> Option<Packed<'a>> {
    let before = records.rest();
    let body = records.sized()?;
    let raw = before.get(..before.len() - records.rest().len())?;
    let mut body = Cursor::new(body);
    body.byte()?; // record attributes: unused so far
    let timestamp_delta = body.varlong()?;
    let tail = body.rest();
    let offset_delta = body.varint()?;
    let key = body.nullable()?;
    let value = body.nullable()?;
    let headers = body.rest();
    skip_headers(&mut body)?;
    body.is_empty().then_some(Packed {
        timestamp_delta,
        offset_delta,
        key,
        value,
        headers,
        raw,
        tail,
    })
}

#[inline]
fn skip_headers(body: &mut Cursor<'_>) -> Option<()> {
    let count = usize::try_from(body.varint()?).ok()?;
    // a header takes two bytes at least
    if count > body.rest().len() / 2 {
        return None;
    }
    for _ in 0..count {
        body.sized()?;
        body.nullable()?;
    }
    Some(())
}

/// Calls `each` for `count` records, which must fill `records` exactly.
#[inline]
pub(super) fn walk<'a, E: From<Malformed>>(
    records: &'a [u8],
    count: i32,
    mut each: impl FnMut(i32, &Packed<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let mut cursor = Cursor::new(records);
    for index in 0..count {
        let record = next(&mut cursor).ok_or(Malformed::Record(index))?;
        each(index, &record)?;
    }
    if cursor.is_empty() { Ok(()) } else { Err(Malformed::Trailing.into()) }
}

/// The header and the bytes behind it, of a `batch` that may have bytes of a next one behind it.
pub(super) fn split(batch: &[u8]) -> Result<(Header, &[u8]), Malformed> {
    let header = Header::parse(batch)?;
    let records = batch
        .get(HEADER_LEN..header.size())
        .ok_or(Malformed::TooShort { need: header.size(), have: batch.len() })?;
    Ok((header, records))
}

/// The view of one record of the batch that `header` belongs to.
pub(super) fn view<'a>(header: &Header, record: &Packed<'a>) -> RecordView<'a> {
    let timestamp = if header.log_append_time() {
        header.max_timestamp
    } else {
        header.base_timestamp.saturating_add(record.timestamp_delta)
    };
    RecordView {
        offset: header.base_offset.saturating_add(i64::from(record.offset_delta)),
        timestamp,
        key: record.key,
        value: record.value,
        headers: record.headers,
        raw: record.raw,
        tail: record.tail,
    }
}

/// Calls `each` for every record of the batch at the start of `batch`, in order, until it errs.
///
/// For batches of a log: the CRC is not checked, and gaps that compaction left are fine. A
/// compressed batch is inflated into `scratch`, up to its limit.
pub fn for_each_record<E: From<Malformed>>(
    batch: &[u8],
    scratch: &mut Scratch,
    mut each: impl FnMut(RecordView<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let (header, records) = split(batch)?;
    let records = plain(&header, records, scratch)?;
    walk(records, header.count, |_, record| each(view(&header, record)))
}

/// The records as they are, or inflated. An empty batch has nothing to inflate.
pub(super) fn plain<'a>(
    header: &Header,
    records: &'a [u8],
    scratch: &'a mut Scratch,
) -> Result<&'a [u8], Malformed> {
    let codec = header.codec().ok_or(Malformed::Codec(header.attributes & 7))?;
    if codec == Codec::None || header.count == 0 {
        return Ok(records);
    }
    let limit = scratch.limit();
    scratch.inflate(codec, records, limit)?;
    Ok(&scratch.inflated)
}
