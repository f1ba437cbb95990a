//! A cursor over borrowed bytes that reads one Kafka value at a time.
//!
//! After an error the position is unspecified: give the whole input up.

use super::{Malformed, string_len};
use uuid::Uuid;

/// Reads Kafka's primitive types from the front of a slice.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    all: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { all: bytes, rest: bytes }
    }

    /// How many bytes have been read.
    pub fn position(&self) -> usize {
        self.all.len() - self.rest.len()
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left, without reading it.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Refuses bytes that are left over.
    pub fn finish(&self) -> Result<(), Malformed> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(Malformed::Trailing(left)),
        }
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(Malformed::Truncated { needed: len, left: self.rest.len() })?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes, as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(Malformed::Truncated { needed: N, left: self.rest.len() })?;
        self.rest = rest;
        Ok(*taken)
    }

    /// BOOLEAN: any byte but zero is true.
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        Ok(self.u8()? != 0)
    }

    /// The byte before a struct that may be null: 1 when it is there, negative when it is not.
    ///
    /// Apache Kafka writes only 1 and -1. It would read any other byte from 0 up as "there" and
    /// the message types would not, so those are refused.
    pub fn presence(&mut self) -> Result<bool, Malformed> {
        match self.i8()? {
            1 => Ok(true),
            ..=-1 => Ok(false),
            other => Err(Malformed::Presence(other)),
        }
    }

    /// One unsigned byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    /// INT8.
    pub fn i8(&mut self) -> Result<i8, Malformed> {
        Ok(i8::from_be_bytes(self.array()?))
    }

    /// INT16.
    pub fn i16(&mut self) -> Result<i16, Malformed> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    /// UINT16.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// INT32.
    pub fn i32(&mut self) -> Result<i32, Malformed> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// UINT32.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// INT64.
    pub fn i64(&mut self) -> Result<i64, Malformed> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// FLOAT64.
    pub fn f64(&mut self) -> Result<f64, Malformed> {
        Ok(f64::from_be_bytes(self.array()?))
    }

    /// UUID, most significant byte first.
    pub fn uuid(&mut self) -> Result<Uuid, Malformed> {
        Ok(Uuid::from_bytes(self.array()?))
    }

    /// `UNSIGNED_VARINT`: at most 5 bytes.
    pub fn unsigned_varint(&mut self) -> Result<u32, Malformed> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.u8()?;
            let bits = u32::from(byte & 0x7f);
            if shift == 28 && byte > 0x0f {
                return Err(Malformed::Varint);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed::Varint)
    }

    /// The unsigned form of a VARLONG: at most 10 bytes.
    pub fn unsigned_varlong(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in [0, 7, 14, 21, 28, 35, 42, 49, 56, 63] {
            let byte = self.u8()?;
            if shift == 63 && byte > 0x01 {
                return Err(Malformed::Varint);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed::Varint)
    }

    /// VARINT: zigzag, at most 5 bytes.
    pub fn varint(&mut self) -> Result<i32, Malformed> {
        let raw = self.unsigned_varint()?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// VARLONG: zigzag, at most 10 bytes.
    pub fn varlong(&mut self) -> Result<i64, Malformed> {
        let raw = self.unsigned_varlong()?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// STRING.
    pub fn string(&mut self) -> Result<&'a str, Malformed> {
        self.nullable_string()?.ok_or(Malformed::Null)
    }

    /// `NULLABLE_STRING`.
    pub fn nullable_string(&mut self) -> Result<Option<&'a str>, Malformed> {
        let len = i32::from(self.i16()?);
        self.text(signed_len(len)?)
    }

    /// `COMPACT_STRING`.
    pub fn compact_string(&mut self) -> Result<&'a str, Malformed> {
        self.compact_nullable_string()?.ok_or(Malformed::Null)
    }

    /// `COMPACT_NULLABLE_STRING`.
    pub fn compact_nullable_string(&mut self) -> Result<Option<&'a str>, Malformed> {
        let len = self.compact_len()?;
        self.text(len)
    }

    /// BYTES.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        self.nullable_bytes()?.ok_or(Malformed::Null)
    }

    /// `NULLABLE_BYTES`, also RECORDS.
    pub fn nullable_bytes(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let len = self.i32()?;
        signed_len(len)?.map(|len| self.take(len)).transpose()
    }

    /// `COMPACT_BYTES`.
    pub fn compact_bytes(&mut self) -> Result<&'a [u8], Malformed> {
        self.compact_nullable_bytes()?.ok_or(Malformed::Null)
    }

    /// `COMPACT_NULLABLE_BYTES`, also `COMPACT_RECORDS`.
    pub fn compact_nullable_bytes(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        self.compact_len()?.map(|len| self.take(len)).transpose()
    }

    /// The count of an ARRAY whose elements take at least `smallest` bytes each (0 counts as 1).
    pub fn array_len(&mut self, smallest: usize) -> Result<usize, Malformed> {
        self.nullable_array_len(smallest)?.ok_or(Malformed::Null)
    }

    /// The count of an ARRAY that may be null; see [`array_len`](Self::array_len).
    pub fn nullable_array_len(&mut self, smallest: usize) -> Result<Option<usize>, Malformed> {
        let len = signed_len(self.i32()?)?;
        self.fitting(len, smallest)
    }

    /// The count of a `COMPACT_ARRAY`; see [`array_len`](Self::array_len).
    pub fn compact_array_len(&mut self, smallest: usize) -> Result<usize, Malformed> {
        self.compact_nullable_array_len(smallest)?.ok_or(Malformed::Null)
    }

    /// The count of a `COMPACT_ARRAY` that may be null; see [`array_len`](Self::array_len).
    pub fn compact_nullable_array_len(
        &mut self,
        smallest: usize,
    ) -> Result<Option<usize>, Malformed> {
        let len = self.compact_len()?;
        self.fitting(len, smallest)
    }

    fn compact_len(&mut self) -> Result<Option<usize>, Malformed> {
        Ok(self.unsigned_varint()?.checked_sub(1).map(to_usize))
    }

    fn text(&mut self, len: Option<usize>) -> Result<Option<&'a str>, Malformed> {
        let Some(len) = len else { return Ok(None) };
        let bytes = self.take(string_len(len)?)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_invalid) => Err(Malformed::NotUtf8),
        }
    }

    fn fitting(&self, len: Option<usize>, smallest: usize) -> Result<Option<usize>, Malformed> {
        match len {
            Some(count) if count > self.rest.len() / smallest.max(1) => {
                Err(Malformed::Count { count, left: self.rest.len() })
            }
            other => Ok(other),
        }
    }
}

/// A length as Kafka's old types write it: -1 is null.
fn signed_len(len: i32) -> Result<Option<usize>, Malformed> {
    match len {
        -1 => Ok(None),
        len => usize::try_from(len).map(Some).or(Err(Malformed::Negative(len))),
    }
}

/// Kastellan runs on 64-bit machines only; a smaller one would refuse every long length.
pub(super) fn to_usize(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
