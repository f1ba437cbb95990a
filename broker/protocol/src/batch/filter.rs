//! Rewriting a batch: with fewer records, as compaction does, or with another codec.

use super::{
    Header, Malformed, RecordView, Scratch, layout,
    record::{plain, split, view, walk},
    varint,
};
use crate::compression::{self, Codec};

/// What is to become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes.
    Drop,
    /// It stays.
    Keep,
    /// It stays until the batch's delete horizon, which begins to count now if it has none yet.
    KeepForNow,
}

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
    /// The batch was copied byte for byte.
    pub unchanged: bool,
}

/// Appends to `out` the batch at the start of `batch` with only those records that `judge` keeps.
///
/// Base offset, last offset, sequence, leader epoch and flags stay, records keep their offsets and
/// their bytes (repeated headers included), and compressed batches are compressed again with their
/// codec. Where a record is kept for now, `delete_horizon` (milliseconds since 1970) is noted in
/// the batch as KIP-534 has it, unless it has one already. A batch that loses nothing and gets no
/// horizon is copied as it is. The CRC is not checked: what is rewritten gets a new one, so check
/// it before.
pub fn filter(
    batch: &[u8],
    delete_horizon: i64,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
    mut judge: impl FnMut(&RecordView<'_>) -> Fate,
) -> Result<Filtered, Malformed> {
    let (header, records) = split(batch)?;
    let mut staged = std::mem::take(&mut scratch.staged);
    let mut kept = std::mem::take(&mut scratch.kept);
    kept.clear();
    let plain = plain(&header, records, scratch)?;
    let mut verdict = Verdict::default();
    walk(plain, header.count, |_, record| {
        let record = view(&header, record);
        let fate = judge(&record);
        verdict.take_in(&record, fate);
        kept.push(fate != Fate::Drop);
        Ok::<_, Malformed>(())
    })?;
    let horizon = (verdict.doomed && header.delete_horizon().is_none()).then_some(delete_horizon);
    let unchanged = verdict.kept == header.count && horizon.is_none();
    let written = if unchanged {
        out.extend_from_slice(batch.get(..header.size()).unwrap_or_default());
        header
    } else if verdict.kept == 0 {
        empty(header, out)
    } else {
        staged.clear();
        stage(&header, plain, &kept, horizon, &mut staged)?;
        recompressed(verdict.header(header, horizon), &staged, scratch, out)
    };
    scratch.staged = staged;
    scratch.kept = kept;
    Ok(Filtered {
        header: written,
        kept: verdict.kept,
        dropped: header.count - verdict.kept,
        unchanged,
    })
}

/// What is known of a batch's records once all were judged.
#[derive(Debug, Default)]
struct Verdict {
    kept: i32,
    doomed: bool,
    max_timestamp: Option<i64>,
}

impl Verdict {
    fn take_in(&mut self, record: &RecordView<'_>, fate: Fate) {
        if fate != Fate::Drop {
            self.kept += 1;
            self.doomed |= fate == Fate::KeepForNow;
            self.max_timestamp = self.max_timestamp.max(Some(record.timestamp));
        }
    }

    /// The header of what stays of the batch.
    fn header(&self, mut header: Header, horizon: Option<i64>) -> Header {
        header.count = self.kept;
        if let Some(horizon) = horizon {
            header.base_timestamp = horizon;
            header.attributes |= layout::DELETE_HORIZON;
        }
        if !header.log_append_time() {
            header.max_timestamp = self.max_timestamp.unwrap_or(header.max_timestamp);
        }
        header
    }
}

/// Writes the records that are kept, counted from a new base where there is a horizon.
fn stage(
    header: &Header,
    plain: &[u8],
    kept: &[bool],
    horizon: Option<i64>,
    staged: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let mut kept = kept.iter();
    // records beside each other are copied together
    let (mut from, mut to) = (0, 0);
    walk(plain, header.count, |_, record| {
        let record = view(header, record);
        let behind = to + record.raw.len();
        let stays = kept.next() == Some(&true);
        match horizon {
            Some(horizon) if stays => put_rebased(&record, horizon, staged),
            None if !stays => {
                staged.extend_from_slice(plain.get(from..to).unwrap_or_default());
                from = behind;
            }
            _ => {}
        }
        to = behind;
        Ok::<_, Malformed>(())
    })?;
    if horizon.is_none() {
        staged.extend_from_slice(plain.get(from..to).unwrap_or_default());
    }
    Ok(())
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
    header.count = 0;
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
