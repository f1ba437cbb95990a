//! gzip through flate2: one member or several, as Java reads them.

use std::io::{Read, Write};

use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};

use super::{Codec, InflateError};

/// First step of the output, in bytes.
const STEP: usize = 16 << 10;

pub(super) fn inflate(
    compressed: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), InflateError> {
    let malformed = InflateError::Malformed(Codec::Gzip);
    if compressed.is_empty() {
        return Err(malformed);
    }
    let mut decoder = MultiGzDecoder::new(compressed);
    loop {
        // doubling, but never beyond one byte more than the limit: that byte tells
        let step = out.len().max(STEP).max(out.capacity() - out.len());
        let step = step.min(limit.saturating_add(1) - out.len());
        out.reserve_exact(step);
        let wanted = u64::try_from(step).map_err(|_lossless| malformed)?;
        let read = decoder.by_ref().take(wanted).read_to_end(out).map_err(|_no_gzip| malformed)?;
        if out.len() > limit {
            return Err(InflateError::TooLarge { limit });
        }
        if read < step {
            return Ok(());
        }
    }
}

pub(super) fn deflate(level: Option<i32>, bytes: &[u8], out: &mut Vec<u8>) {
    let level = level.and_then(|level| u32::try_from(level.clamp(0, 9)).ok());
    let mut encoder =
        GzEncoder::new(out, level.map_or_else(Compression::default, Compression::new));
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish().map(drop))
        .expect("writing to memory does not fail");
}
