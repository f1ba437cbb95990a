//! Snappy: bare blocks as librdkafka sends them, and the framing of snappy-java ("xerial") that
//! Java clients send. We write the latter, which all clients read.

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use super::{Codec, InflateError, grow};

/// Magic of the framing; a version and the oldest compatible version follow, both i32.
const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
/// Both versions, as snappy-java writes them.
const VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
/// What snappy-java puts into one block.
const BLOCK: usize = 32 << 10;
/// A block's bytes hold at most this many times themselves: a copy of 64 bytes takes 3.
const MAX_RATIO: usize = 22;

const MALFORMED: InflateError = InflateError::Malformed(Codec::Snappy);

pub(super) fn inflate(
    compressed: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), InflateError> {
    let Some(framed) = compressed.strip_prefix(&MAGIC) else {
        return inflate_block(compressed, limit, out);
    };
    let mut rest = framed.get(VERSIONS.len()..).ok_or(MALFORMED)?;
    while !rest.is_empty() {
        let (len, behind) = rest.split_first_chunk::<4>().ok_or(MALFORMED)?;
        let len = usize::try_from(i32::from_be_bytes(*len)).map_err(|_negative| MALFORMED)?;
        let (block, behind) = behind.split_at_checked(len).ok_or(MALFORMED)?;
        inflate_block(block, limit, out)?;
        rest = behind;
    }
    Ok(())
}

/// Appends what one block holds.
fn inflate_block(block: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), InflateError> {
    let declared = decompress_len(block).map_err(|_no_snappy| MALFORMED)?;
    if declared > limit.saturating_sub(out.len()) {
        return Err(InflateError::TooLarge { limit });
    }
    if declared > block.len().saturating_mul(MAX_RATIO) {
        return Err(MALFORMED);
    }
    let space = grow(out, declared);
    let written = Decoder::new().decompress(block, space).map_err(|_no_snappy| MALFORMED)?;
    if written == declared { Ok(()) } else { Err(MALFORMED) }
}

pub(super) fn deflate(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSIONS);
    let mut encoder = Encoder::new();
    let mut block = vec![0; max_compress_len(bytes.len().min(BLOCK))];
    for chunk in bytes.chunks(BLOCK) {
        let written =
            encoder.compress(chunk, &mut block).expect("the block has room for the worst case");
        let len = u32::try_from(written).expect("a block is about 32 KiB");
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(block.get(..written).unwrap_or_default());
    }
}
