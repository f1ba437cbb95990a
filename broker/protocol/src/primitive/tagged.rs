//! Tagged fields (KIP-482) and how many of them are taken.

use super::reader::to_usize;
use super::{Malformed, Reader};

/// Tagged fields taken in one struct. Kafka's messages have fewer than ten; tens of millions in one
/// request header were CVE-2026-111115.
pub const MAX_TAGGED_FIELDS: usize = 64;

/// Bytes taken in one tagged field.
pub const MAX_TAGGED_FIELD_BYTES: usize = 128 * 1024;

impl<'a> Reader<'a> {
    /// The count of a struct's tagged fields, at most [`MAX_TAGGED_FIELDS`].
    pub fn tag_count(&mut self) -> Result<usize, Malformed> {
        let count = to_usize(self.unsigned_varint()?);
        if count > MAX_TAGGED_FIELDS {
            return Err(Malformed::TooManyTags(count));
        }
        Ok(count)
    }

    /// The next tagged field: its tag, which has to be above `previous`, and its bytes. Tags are
    /// signed in Kafka and never negative.
    pub fn tagged_field(&mut self, previous: Option<u32>) -> Result<(u32, &'a [u8]), Malformed> {
        let tag = self.unsigned_varint()?;
        if tag > i32::MAX.cast_unsigned() {
            return Err(Malformed::Varint);
        }
        if previous.is_some_and(|previous| tag <= previous) {
            return Err(Malformed::TagOrder(tag));
        }
        let len = to_usize(self.unsigned_varint()?);
        if len > MAX_TAGGED_FIELD_BYTES {
            return Err(Malformed::TagTooLong(len));
        }
        Ok((tag, self.take(len)?))
    }

    /// Reads a struct's tagged fields and gives each to `take`.
    pub fn tagged_fields<E: From<Malformed>>(
        &mut self,
        mut take: impl FnMut(u32, &'a [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut previous = None;
        for _ in 0..self.tag_count()? {
            let (tag, bytes) = self.tagged_field(previous)?;
            take(tag, bytes)?;
            previous = Some(tag);
        }
        Ok(())
    }

    /// Reads past a struct's tagged fields, whatever they are.
    pub fn skip_tagged_fields(&mut self) -> Result<(), Malformed> {
        self.tagged_fields(|_tag, _bytes| Ok(()))
    }
}
