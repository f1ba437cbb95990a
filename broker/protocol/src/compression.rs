//! The codecs of record batches: gzip, snappy, lz4 and zstd, inflated under a limit.
//!
//! Sizes that compressed bytes declare are never believed: output grows as bytes come out, or a
//! declared size is first checked against the limit and against what so few bytes can hold.

mod gzip;
mod lz4;
mod snappy;
mod zstd;

#[cfg(test)]
mod tests;

use std::fmt;

/// How the records of a batch are compressed: attribute bits 0 to 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// Snappy blocks, in the framing of snappy-java or bare.
    Snappy,
    /// The LZ4 frame format.
    Lz4,
    /// RFC 8878.
    Zstd,
}

impl Codec {
    /// Every codec, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec in a batch's attributes; 5 to 7 mean none.
    pub fn from_attributes(attributes: i16) -> Option<Self> {
        let index = usize::try_from(attributes & 0b111).ok()?;
        Self::ALL.get(index).copied()
    }

    /// The number for a batch's attributes.
    pub fn bits(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// The name in `compression.type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why compressed bytes were not inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// More came out than the caller takes.
    #[error("the compressed records inflate to more than {limit} bytes")]
    TooLarge {
        /// The limit in force, in bytes.
        limit: usize,
    },
    /// These are no bytes of that codec, or they end early.
    #[error("the bytes are not valid {0}")]
    Malformed(Codec),
}

/// Inflates; keeps the codecs' own state from one call to the next.
#[derive(Default)]
pub struct Inflater {
    zstd: Option<zstd::Inflater>,
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}

impl Inflater {
    /// Replaces the content of `out` by what `compressed` holds, at most `limit` bytes of it: more
    /// is an error, found out without holding more. After an error `out` holds anything.
    pub fn inflate(
        &mut self,
        codec: Codec,
        compressed: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), InflateError> {
        out.clear();
        match codec {
            Codec::None if compressed.len() > limit => Err(InflateError::TooLarge { limit }),
            Codec::None => {
                out.extend_from_slice(compressed);
                Ok(())
            }
            Codec::Gzip => gzip::inflate(compressed, limit, out),
            Codec::Snappy => snappy::inflate(compressed, limit, out),
            Codec::Lz4 => lz4::inflate(compressed, limit, out),
            Codec::Zstd => {
                let inflater = self.zstd.get_or_insert_with(Default::default);
                inflater.inflate(compressed, limit, out)
            }
        }
    }
}

/// [`Inflater::inflate`] without state to reuse.
pub fn inflate(
    codec: Codec,
    compressed: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), InflateError> {
    Inflater::default().inflate(codec, compressed, limit, out)
}

/// Appends `bytes` compressed to `out`, as Kafka's Java clients write and read it.
pub fn deflate(codec: Codec, bytes: &[u8], out: &mut Vec<u8>) {
    deflate_at(codec, None, bytes, out);
}

/// [`deflate`] with a level: 0 to 9 for gzip, what libzstd takes for zstd, of no effect for others.
/// Levels outside are brought inside; `None` is the codec's own default.
pub fn deflate_at(codec: Codec, level: Option<i32>, bytes: &[u8], out: &mut Vec<u8>) {
    match codec {
        Codec::None => out.extend_from_slice(bytes),
        Codec::Gzip => gzip::deflate(level, bytes, out),
        Codec::Snappy => snappy::deflate(bytes, out),
        Codec::Lz4 => lz4::deflate(bytes, out),
        Codec::Zstd => zstd::deflate(level, bytes, out),
    }
}

/// Makes room for `len` more bytes, zeroed, and returns them; capacity grows by no more than that.
fn grow(out: &mut Vec<u8>, len: usize) -> &mut [u8] {
    let start = out.len();
    out.reserve_exact(len);
    out.resize(start + len, 0);
    out.get_mut(start..).unwrap_or_default()
}
