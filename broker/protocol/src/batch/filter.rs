//! Rewriting a batch: with fewer records, as compaction does, or with another codec.

use super::{
    Header, Malformed, RecordView, Scratch, layout,
    record::{plain, split, view, walk},
    varint,
};
use crate::compression::{self, Codec};

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filtered {
    /// The header of the batch that was appended.
    pub header: Header,
    /// Records kept: none makes an empty batch, which keeps the producer's last sequence and the
    /// offsets; truncate the output again where neither matters.
    pub kept: i32,
    /// Records dropped.
    pub dropped: i32,
}

/// Appends to `out` the batch at the start of `batch` with only those records that `keep` wants.
///
/// Base offset, last offset, sequence, leader epoch and flags stay, records keep their offsets and
/// their bytes (repeated headers included), and compressed batches are compressed again with their
/// codec. A `delete_horizon` (milliseconds since 1970) is noted in the batch as KIP-534 has it,
/// unless it has one already. A batch that loses nothing and gets no horizon is copied as it is.
pub fn filter(
    batch: &[u8],
    delete_horizon: Option<i64>,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
    mut keep: impl FnMut(&RecordView<'_>) -> bool,
) -> Result<Filtered, Malformed> {
    let (header, records) = split(batch)?;
    let horizon = delete_horizon.filter(|_| header.delete_horizon().is_none());
    let mut new = Header { count: 0, ..header };
    if let Some(horizon) = horizon {
        new.base_timestamp = horizon;
        new.attributes |= layout::DELETE_HORIZON;
    }
    let mut staged = std::mem::take(&mut scratch.staged);
    staged.clear();
    let mut max_timestamp = None;
    let plain = plain(&header, records, scratch)?;
    walk(plain, header.count, |_, record| {
        let record = view(&header, record);
        if keep(&record) {
            new.count += 1;
            max_timestamp = max_timestamp.max(Some(record.timestamp));
            match horizon {
                None => staged.extend_from_slice(record.raw),
                Some(horizon) => put_rebased(&record, horizon, &mut staged),
            }
        }
        Ok::<_, Malformed>(())
    })?;
    let unchanged = new.count == header.count && horizon.is_none();
    let written = if unchanged {
        out.extend_from_slice(batch.get(..header.size()).unwrap_or_default());
        header
    } else if new.count == 0 {
        empty(new, out)
    } else {
        if !header.log_append_time() {
            new.max_timestamp = max_timestamp.unwrap_or(header.max_timestamp);
        }
        recompressed(new, &staged, scratch, out)
    };
    scratch.staged = staged;
    Ok(Filtered { header: written, kept: written.count, dropped: header.count - written.count })
}

/// A record with its timestamp counted from `base`; the rest of it as it was.
fn put_rebased(record: &RecordView<'_>, base: i64, out: &mut Vec<u8>) {
    let delta = record.timestamp.wrapping_sub(base);
    let size = 1 + varint::varlong_size(delta) + record.tail.len();
    varint::put_varlong(out, varint::length(size));
    out.push(0); // record attributes
    varint::put_varlong(out, delta);
    out.extend_from_slice(record.tail);
}

/// An empty batch is never compressed and has no horizon, as Kafka's cleaner writes it.
fn empty(mut header: Header, out: &mut Vec<u8>) -> Header {
    header.attributes &= layout::LOG_APPEND_TIME | layout::TRANSACTIONAL | layout::CONTROL;
    header.base_timestamp = header.max_timestamp;
    header.write(&[], out)
}

fn recompressed(
    header: Header,
    records: &[u8],
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Header {
    match header.codec() {
        None | Some(Codec::None) => header.write(records, out),
        Some(codec) => {
            scratch.inflated.clear();
            compression::deflate(codec, records, &mut scratch.inflated);
            header.write(&scratch.inflated, out)
        }
    }
}

/// Appends to `out` the batch at the start of `batch` with its records compressed by `codec`, for
/// topics whose `compression.type` is not the producer's. All else stays; a batch of that codec is
/// copied as it is. Levels are those of [`compression::deflate_at`].
///
/// The result may be larger than what came: check it against `max.message.bytes` again.
pub fn recompress(
    batch: &[u8],
    codec: Codec,
    level: Option<i32>,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<Header, Malformed> {
    let (header, records) = split(batch)?;
    if header.codec() == Some(codec) || header.count == 0 {
        out.extend_from_slice(batch.get(..header.size()).unwrap_or_default());
        return Ok(header);
    }
    let mut staged = std::mem::take(&mut scratch.staged);
    staged.clear();
    let plain = plain(&header, records, scratch)?;
    compression::deflate_at(codec, level, plain, &mut staged);
    let attributes = header.attributes & !layout::CODEC | codec.bits();
    let header = Header { attributes, ..header }.write(&staged, out);
    scratch.staged = staged;
    Ok(header)
}
