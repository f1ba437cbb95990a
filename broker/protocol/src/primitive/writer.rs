//! The mirror of the reader: appends one Kafka value at a time.
//!
//! Writing cannot fail. A string that is longer than Kafka's types allow (an error message of ours;
//! nothing that came from a client can be) is cut at a character, so that the frame stays readable.

use super::MAX_STRING_BYTES;
use bytes::BufMut;
use uuid::Uuid;

/// Appends Kafka's primitive types to a `Vec<u8>`, a `BytesMut` or any other [`BufMut`].
#[derive(Debug)]
pub struct Writer<'a, B> {
    out: &'a mut B,
}

impl<'a, B: BufMut> Writer<'a, B> {
    /// A writer at the end of `out`.
    pub fn new(out: &'a mut B) -> Self {
        Writer { out }
    }

    /// Bytes as they are, without a length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.put_slice(bytes);
    }

    /// BOOLEAN.
    pub fn bool(&mut self, value: bool) {
        self.out.put_u8(u8::from(value));
    }

    /// One unsigned byte.
    pub fn u8(&mut self, value: u8) {
        self.out.put_u8(value);
    }

    /// INT8.
    pub fn i8(&mut self, value: i8) {
        self.out.put_i8(value);
    }

    /// INT16.
    pub fn i16(&mut self, value: i16) {
        self.out.put_i16(value);
    }

    /// UINT16.
    pub fn u16(&mut self, value: u16) {
        self.out.put_u16(value);
    }

    /// INT32.
    pub fn i32(&mut self, value: i32) {
        self.out.put_i32(value);
    }

    /// UINT32.
    pub fn u32(&mut self, value: u32) {
        self.out.put_u32(value);
    }

    /// INT64.
    pub fn i64(&mut self, value: i64) {
        self.out.put_i64(value);
    }

    /// FLOAT64.
    pub fn f64(&mut self, value: f64) {
        self.out.put_f64(value);
    }

    /// UUID, most significant byte first.
    pub fn uuid(&mut self, value: &Uuid) {
        self.out.put_slice(value.as_bytes());
    }

    /// `UNSIGNED_VARINT`.
    pub fn unsigned_varint(&mut self, value: u32) {
        self.unsigned_varlong(u64::from(value));
    }

    /// The unsigned form of a VARLONG.
    pub fn unsigned_varlong(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.put_u8(low_bits(value) | 0x80);
            value >>= 7;
        }
        self.out.put_u8(low_bits(value));
    }

    /// VARINT: zigzag.
    pub fn varint(&mut self, value: i32) {
        self.unsigned_varint(zigzag(value));
    }

    /// VARLONG: zigzag.
    pub fn varlong(&mut self, value: i64) {
        self.unsigned_varlong(zigzag_long(value));
    }

    /// STRING.
    pub fn string(&mut self, value: &str) {
        let value = cut(value);
        self.out.put_i16(i16::try_from(value.len()).unwrap_or(i16::MAX));
        self.out.put_slice(value.as_bytes());
    }

    /// `NULLABLE_STRING`.
    pub fn nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.string(value),
            None => self.out.put_i16(-1),
        }
    }

    /// `COMPACT_STRING`.
    pub fn compact_string(&mut self, value: &str) {
        self.compact_bytes(cut(value).as_bytes());
    }

    /// `COMPACT_NULLABLE_STRING`.
    pub fn compact_nullable_string(&mut self, value: Option<&str>) {
        self.compact_nullable_bytes(value.map(|value| cut(value).as_bytes()));
    }

    /// BYTES.
    pub fn bytes(&mut self, value: &[u8]) {
        self.array_len(value.len());
        self.out.put_slice(value);
    }

    /// `NULLABLE_BYTES`, also RECORDS.
    pub fn nullable_bytes(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.bytes(value),
            None => self.out.put_i32(-1),
        }
    }

    /// `COMPACT_BYTES`.
    pub fn compact_bytes(&mut self, value: &[u8]) {
        self.compact_array_len(value.len());
        self.out.put_slice(value);
    }

    /// `COMPACT_NULLABLE_BYTES`, also `COMPACT_RECORDS`.
    pub fn compact_nullable_bytes(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.compact_bytes(value),
            None => self.out.put_u8(0),
        }
    }

    /// The count of an ARRAY, or the length of BYTES.
    pub fn array_len(&mut self, count: usize) {
        self.out.put_i32(i32::try_from(count).expect("frames are far below 2 GiB"));
    }

    /// An ARRAY that is null.
    pub fn null_array(&mut self) {
        self.out.put_i32(-1);
    }

    /// The count of a `COMPACT_ARRAY`, or the length of a compact value.
    pub fn compact_array_len(&mut self, count: usize) {
        let count = u32::try_from(count).expect("frames are far below 2 GiB");
        self.unsigned_varint(count + 1);
    }

    /// A `COMPACT_ARRAY` that is null.
    pub fn compact_null_array(&mut self) {
        self.out.put_u8(0);
    }

    /// The end of a flexible struct that has no tagged fields.
    pub fn no_tagged_fields(&mut self) {
        self.out.put_u8(0);
    }

    /// One tagged field. Before the first, write their count with
    /// [`unsigned_varint`](Self::unsigned_varint); tags have to rise.
    pub fn tagged_field(&mut self, tag: u32, value: &[u8]) {
        let len = u32::try_from(value.len()).expect("frames are far below 2 GiB");
        self.unsigned_varint(tag);
        self.unsigned_varint(len);
        self.out.put_slice(value);
    }
}

/// Bytes that [`Writer::unsigned_varint`] takes for `value`.
pub fn unsigned_varint_len(value: u32) -> usize {
    unsigned_varlong_len(u64::from(value))
}

/// Bytes that [`Writer::varint`] takes for `value`.
pub fn varint_len(value: i32) -> usize {
    unsigned_varint_len(zigzag(value))
}

/// Bytes that [`Writer::varlong`] takes for `value`.
pub fn varlong_len(value: i64) -> usize {
    unsigned_varlong_len(zigzag_long(value))
}

fn unsigned_varlong_len(value: u64) -> usize {
    let bits = u64::BITS - value.max(1).leading_zeros();
    usize::try_from(bits.div_ceil(7)).unwrap_or(10)
}

fn zigzag(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)).cast_unsigned()
}

fn zigzag_long(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn low_bits(value: u64) -> u8 {
    u8::try_from(value & 0x7f).unwrap_or(0x7f)
}

fn cut(value: &str) -> &str {
    if value.len() <= MAX_STRING_BYTES {
        return value;
    }
    value.get(..value.floor_char_boundary(MAX_STRING_BYTES)).unwrap_or("")
}
