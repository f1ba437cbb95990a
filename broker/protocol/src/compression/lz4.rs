//! The LZ4 frame format as Kafka uses it: one frame of independent blocks.
//!
//! Like Kafka, and unlike general readers, this refuses blocks that depend on each other,
//! dictionaries and the legacy format: Java consumers cannot read them. The frame is parsed here
//! because a general reader allocates by the block size that the frame declares.

use std::hash::Hasher;

use lz4_flex::block::{DecompressError, compress_into, decompress_into, get_maximum_output_size};
use twox_hash::XxHash32;

use super::{Codec, InflateError, grow};

/// Of the frame, little endian.
const MAGIC: [u8; 4] = 0x184D_2204_u32.to_le_bytes();
/// Version 1, independent blocks, no checksums, blocks of 64 KiB, and the checksum of these two.
const HEADER: [u8; 3] = [0x60, 0x40, 0x82];
/// What [`HEADER`] says.
const BLOCK: usize = 64 << 10;
/// The block is stored as it is.
const STORED: u32 = 1 << 31;
/// A byte of a block makes at most this many.
const MAX_RATIO: usize = 255;

const MALFORMED: InflateError = InflateError::Malformed(Codec::Lz4);

/// What the frame's descriptor asks for.
struct Frame {
    max_block: usize,
    block_checksums: bool,
    content_checksum: bool,
    content_size: Option<u64>,
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], InflateError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(MALFORMED)?;
    *rest = tail;
    Ok(*head)
}

fn xxh32(bytes: &[u8]) -> u32 {
    XxHash32::oneshot(0, bytes)
}

impl Frame {
    fn read(rest: &mut &[u8]) -> Result<Self, InflateError> {
        if take::<4>(rest)? != MAGIC {
            return Err(MALFORMED);
        }
        let descriptor = *rest;
        let [flags, sizes] = take::<2>(rest)?;
        // version 1, blocks independent, no reserved bit, no dictionary
        if flags & 0b1110_0011 != 0b0110_0000 || sizes & 0b1000_1111 != 0 {
            return Err(MALFORMED);
        }
        let max_block = match sizes >> 4 {
            4 => 64 << 10,
            5 => 256 << 10,
            6 => 1 << 20,
            7 => 4 << 20,
            _ => return Err(MALFORMED),
        };
        let content_size = match flags & 0b1000 {
            0 => None,
            _ => Some(u64::from_le_bytes(take(rest)?)),
        };
        let described = descriptor.get(..descriptor.len() - rest.len()).ok_or(MALFORMED)?;
        let [_, second, ..] = xxh32(described).to_le_bytes();
        if take::<1>(rest)? != [second] {
            return Err(MALFORMED);
        }
        Ok(Self {
            max_block,
            block_checksums: flags & 0b1_0000 != 0,
            content_checksum: flags & 0b100 != 0,
            content_size,
        })
    }
}

pub(super) fn inflate(
    compressed: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), InflateError> {
    let rest = &mut &*compressed;
    let frame = Frame::read(rest)?;
    loop {
        let word = u32::from_le_bytes(take(rest)?);
        if word == 0 {
            break;
        }
        let len = usize::try_from(word & !STORED).map_err(|_lossless| MALFORMED)?;
        if len > frame.max_block {
            return Err(MALFORMED);
        }
        let (block, behind) = rest.split_at_checked(len).ok_or(MALFORMED)?;
        *rest = behind;
        if frame.block_checksums && u32::from_le_bytes(take(rest)?) != xxh32(block) {
            return Err(MALFORMED);
        }
        if word & STORED == 0 {
            inflate_block(block, frame.max_block, limit, out)?;
        } else {
            if block.len() > limit - out.len() {
                return Err(InflateError::TooLarge { limit });
            }
            out.reserve_exact(block.len());
            out.extend_from_slice(block);
        }
    }
    if frame.content_checksum {
        let mut hasher = XxHash32::with_seed(0);
        hasher.write(out);
        if u64::from(u32::from_le_bytes(take(rest)?)) != hasher.finish() {
            return Err(MALFORMED);
        }
    }
    let sized = frame.content_size.is_none_or(|size| usize::try_from(size) == Ok(out.len()));
    if sized && rest.is_empty() { Ok(()) } else { Err(MALFORMED) }
}

/// Appends what one compressed block holds; `out` is within `limit`, and stays there.
fn inflate_block(
    block: &[u8],
    max_block: usize,
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), InflateError> {
    let start = out.len();
    let most = max_block.min(block.len().saturating_mul(MAX_RATIO));
    let room = most.min(limit - start);
    let written = match decompress_into(block, grow(out, room)) {
        Ok(written) => written,
        Err(DecompressError::OutputTooSmall { .. }) if room < most => {
            return Err(InflateError::TooLarge { limit });
        }
        Err(_) => return Err(MALFORMED),
    };
    out.truncate(start + written);
    Ok(())
}

pub(super) fn deflate(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&HEADER);
    let mut block = vec![0; get_maximum_output_size(bytes.len().min(BLOCK))];
    for chunk in bytes.chunks(BLOCK) {
        let written =
            compress_into(chunk, &mut block).expect("the block has room for the worst case");
        let (flag, data) = match block.get(..written) {
            Some(smaller) if written < chunk.len() => (0, smaller),
            _ => (STORED, chunk),
        };
        let len = u32::try_from(data.len()).expect("a block is at most 64 KiB");
        out.extend_from_slice(&(len | flag).to_le_bytes());
        out.extend_from_slice(data);
    }
    out.extend_from_slice(&[0; 4]);
}
