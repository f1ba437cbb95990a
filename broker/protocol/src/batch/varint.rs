//! Zigzag varints and length-prefixed bytes of records, read and written.

/// Reads forward over `rest`; `None` means the bytes end early or a number does not fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    #[inline]
    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    /// An i32 in at most 5 bytes.
    #[inline]
    pub(super) fn varint(&mut self) -> Option<i32> {
        let value = match self.short() {
            Some(value) => value,
            None => u32::try_from(self.long(5)?).ok()?,
        };
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// An i64 in at most 10 bytes.
    #[inline]
    pub(super) fn varlong(&mut self) -> Option<i64> {
        let value = match self.short() {
            Some(value) => u64::from(value),
            None => self.long(10)?,
        };
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// One or two bytes: nearly every length and delta there is.
    #[inline]
    fn short(&mut self) -> Option<u32> {
        match self.rest {
            [first, rest @ ..] if *first < 0x80 => {
                self.rest = rest;
                Some(u32::from(*first))
            }
            [first, second, rest @ ..] if *second < 0x80 => {
                self.rest = rest;
                Some(u32::from(first & 0x7f) | u32::from(*second) << 7)
            }
            _ => None,
        }
    }

    /// Up to `max_bytes` bytes.
    fn long(&mut self, max_bytes: u32) -> Option<u64> {
        let mut value = 0;
        for index in 0..max_bytes {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let shift = 7 * index;
            let shifted = bits << shift;
            if shifted >> shift != bits {
                return None;
            }
            value |= shifted;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A length that is not negative, and that many bytes.
    #[inline]
    pub(super) fn sized(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        self.bytes(len)
    }

    /// The same with -1 for null.
    #[inline]
    #[expect(clippy::option_option, reason = "outside: the bytes end early; inside: null")]
    pub(super) fn nullable(&mut self) -> Option<Option<&'a [u8]>> {
        match self.varint()? {
            -1 => Some(None),
            len => self.bytes(usize::try_from(len).ok()?).map(Some),
        }
    }
}

/// Appends `value`, zigzag encoded.
pub(super) fn put_varlong(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push(low_bits(rest) | 0x80);
        rest >>= 7;
    }
    out.push(low_bits(rest));
}

/// Bytes that [`put_varlong`] writes for `value`.
pub(super) fn varlong_size(value: i64) -> usize {
    let zigzag = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let bits = 64 - (zigzag | 1).leading_zeros();
    usize::try_from(bits.div_ceil(7)).unwrap_or(10)
}

fn low_bits(value: u64) -> u8 {
    value.to_le_bytes()[0] & 0x7f
}

/// Appends `value`, zigzag encoded; the wire does not tell it from a varlong.
pub(super) fn put_varint(out: &mut Vec<u8>, value: i32) {
    put_varlong(out, i64::from(value));
}

/// Appends a length and the bytes, or -1 for null.
pub(super) fn put_nullable(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varint(out, -1),
        Some(bytes) => {
            put_varlong(out, length(bytes.len()));
            out.extend_from_slice(bytes);
        }
    }
}

/// A length in memory as the wire has it.
pub(super) fn length(len: usize) -> i64 {
    i64::try_from(len).expect("no buffer is longer than an i64")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_varlong_reads_back(value: i64) {
            let mut bytes = Vec::new();
            put_varlong(&mut bytes, value);
            let mut cursor = Cursor::new(&bytes);
            prop_assert_eq!(cursor.varlong(), Some(value));
            prop_assert!(cursor.is_empty());
            prop_assert_eq!(bytes.len(), varlong_size(value));
        }

        #[test]
        fn a_varint_reads_back(value: i32) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            prop_assert_eq!(Cursor::new(&bytes).varint(), Some(value));
        }
    }

    #[test]
    fn a_number_that_does_not_fit_is_refused() {
        assert_eq!(Cursor::new(&[0xff, 0xff, 0xff, 0xff, 0x1f]).varint(), None);
        assert_eq!(Cursor::new(&[0xff; 6]).varint(), None);
        assert_eq!(Cursor::new(&[0xff; 11]).varlong(), None);
        let mut ten = [0xff; 10];
        ten[9] = 0x02;
        assert_eq!(Cursor::new(&ten).varlong(), None);
        ten[9] = 0x01;
        assert_eq!(Cursor::new(&ten).varlong(), Some(i64::MIN));
        assert_eq!(Cursor::new(&[0x80]).varint(), None);
        assert_eq!(Cursor::new(&[]).varint(), None);
    }
}
