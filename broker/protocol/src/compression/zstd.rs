//! zstd in one pass into the output, so that no window is allocated beside it.
//!
//! Streams of Java's encoder do not say how much they hold. The blocks do, roughly: [`bound`] walks
//! their headers and says how much can come out, before anything is allocated.

use zstd::bulk::Decompressor;

use super::{Codec, InflateError};

/// Of a frame, little endian.
const MAGIC: u32 = 0xFD2F_B528;
/// Of frames to skip: 16 numbers, the lowest four bits are free.
const SKIPPABLE: u32 = 0x184D_2A50;
/// The most that one block holds.
const MAX_BLOCK: u64 = 128 << 10;
/// The largest window that decoders take unless told otherwise: 128 MiB.
const MAX_WINDOW: u64 = 1 << 27;
/// libzstd's default, and Kafka's.
const LEVEL: i32 = 3;

const MALFORMED: InflateError = InflateError::Malformed(Codec::Zstd);

/// Keeps libzstd's context.
#[derive(Default)]
pub(super) struct Inflater {
    context: Decompressor<'static>,
}

impl Inflater {
    pub(super) fn inflate(
        &mut self,
        compressed: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), InflateError> {
        let too_large = InflateError::TooLarge { limit };
        let bound = bound(compressed)?;
        let (room, enough) = match usize::try_from(bound) {
            Ok(bound) if bound <= limit => (bound, true),
            _ => (limit, false),
        };
        out.reserve_exact(room);
        match self.context.decompress_to_buffer(compressed, out) {
            Ok(written) if written <= limit => Ok(()),
            Ok(_) => Err(too_large),
            // the output was full, or would have been
            Err(_) if !enough => Err(too_large),
            Err(_) => Err(MALFORMED),
        }
    }
}

pub(super) fn deflate(level: Option<i32>, bytes: &[u8], out: &mut Vec<u8>) {
    let range = zstd::compression_level_range();
    let level = level.unwrap_or(LEVEL).clamp(*range.start(), *range.end());
    let compressed =
        zstd::bulk::compress(bytes, level).expect("compressing in memory does not fail");
    out.extend_from_slice(&compressed);
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], InflateError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(MALFORMED)?;
    *rest = tail;
    Ok(*head)
}

/// Little endian, up to 8 bytes.
fn number(rest: &mut &[u8], bytes: usize) -> Result<u64, InflateError> {
    let (head, tail) = rest.split_at_checked(bytes).ok_or(MALFORMED)?;
    *rest = tail;
    Ok(head.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn skip(rest: &mut &[u8], bytes: u64) -> Result<(), InflateError> {
    let bytes = usize::try_from(bytes).map_err(|_too_many| MALFORMED)?;
    *rest = rest.get(bytes..).ok_or(MALFORMED)?;
    Ok(())
}

/// At most this many bytes come out of the frames in `compressed` (RFC 8878, 3.1.1).
fn bound(compressed: &[u8]) -> Result<u64, InflateError> {
    if compressed.is_empty() {
        return Err(MALFORMED);
    }
    let rest = &mut &*compressed;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let magic = u32::from_le_bytes(take(rest)?);
        if magic & !0xf == SKIPPABLE {
            let size = u32::from_le_bytes(take(rest)?);
            skip(rest, u64::from(size))?;
        } else if magic == MAGIC {
            total = total.saturating_add(frame_bound(rest)?);
        } else {
            return Err(MALFORMED);
        }
    }
    Ok(total)
}

fn frame_bound(rest: &mut &[u8]) -> Result<u64, InflateError> {
    let [descriptor] = take::<1>(rest)?;
    let single_segment = descriptor & 0b10_0000 != 0;
    let window = if single_segment {
        None
    } else {
        let [window] = take::<1>(rest)?;
        let base = 1_u64 << (10 + (window >> 3));
        Some(base + base / 8 * u64::from(window & 7))
    };
    let dictionary = match descriptor & 0b11 {
        0 => 0,
        1 => 1,
        2 => 2,
        _ => 4,
    };
    if number(rest, dictionary)? != 0 {
        return Err(MALFORMED);
    }
    let size = match descriptor >> 6 {
        0 if single_segment => Some(number(rest, 1)?),
        0 => None,
        1 => Some(number(rest, 2)? + 256),
        2 => Some(number(rest, 4)?),
        _ => Some(number(rest, 8)?),
    };
    let window = window.or(size).unwrap_or(0);
    if window > MAX_WINDOW {
        return Err(MALFORMED);
    }
    let blocks = blocks_bound(rest, window.min(MAX_BLOCK))?;
    if descriptor & 0b100 != 0 {
        skip(rest, 4)?;
    }
    Ok(size.map_or(blocks, |size| size.min(blocks)))
}

fn blocks_bound(rest: &mut &[u8], max_block: u64) -> Result<u64, InflateError> {
    let mut total = 0_u64;
    loop {
        let header = number(rest, 3)?;
        let size = header >> 3;
        let (stored, held) = match header >> 1 & 0b11 {
            0 => (size, size),
            1 => (1, size),
            2 => (size, max_block),
            _ => return Err(MALFORMED),
        };
        if stored.min(held) > MAX_BLOCK || held > MAX_BLOCK {
            return Err(MALFORMED);
        }
        skip(rest, stored)?;
        total = total.saturating_add(held);
        if header & 1 != 0 {
            return Ok(total);
        }
    }
}
