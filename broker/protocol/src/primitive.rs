//! Kafka's primitive types, read from and written to plain bytes.
//!
//! [`Reader`] never panics and never allocates: every length is checked against the bytes that are
//! left, varints are capped at 5 and 10 bytes, strings at 32,767 bytes of UTF-8. [`Writer`] is its
//! mirror over anything that is a [`bytes::BufMut`].
//!
//! The types are those of the [protocol guide](https://kafka.apache.org/protocol#protocol_types);
//! "compact" and tagged ones come from KIP-482.

mod reader;
mod tagged;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::Reader;
pub use tagged::{MAX_TAGGED_FIELD_BYTES, MAX_TAGGED_FIELDS};
pub use writer::{Writer, unsigned_varint_len, varint_len, varlong_len};

/// The longest string that Kafka's types can hold, in bytes.
pub const MAX_STRING_BYTES: usize = 32_767;

/// Why bytes are not the value they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A value goes on after the last byte.
    #[error("{needed} bytes are needed and {left} are left")]
    Truncated {
        /// Bytes that the value needs.
        needed: usize,
        /// Bytes that there are.
        left: usize,
    },
    /// A varint that does not end within 5 bytes (10 for a varlong), or overflows its type.
    #[error("a varint is longer than its type allows")]
    Varint,
    /// A length or count below zero that does not mean null.
    #[error("the length {0} is negative")]
    Negative(i32),
    /// Null where a value has to be.
    #[error("null is not allowed here")]
    Null,
    /// A byte that says neither that a struct is there nor that it is null.
    #[error("{0} says neither that a struct is there nor that it is null")]
    Presence(i8),
    /// A string that is not UTF-8.
    #[error("a string is not UTF-8")]
    NotUtf8,
    /// A string above [`MAX_STRING_BYTES`].
    #[error("a string of {0} bytes is longer than 32767")]
    StringTooLong(usize),
    /// A count of elements that cannot fit in the bytes that are left.
    #[error("{count} elements cannot be in {left} bytes")]
    Count {
        /// Elements announced.
        count: usize,
        /// Bytes that there are.
        left: usize,
    },
    /// More than [`MAX_TAGGED_FIELDS`] tagged fields in one struct.
    #[error("{0} tagged fields in one struct, at most 64 are taken")]
    TooManyTags(usize),
    /// A tagged field above [`MAX_TAGGED_FIELD_BYTES`].
    #[error("a tagged field of {0} bytes, at most 131072 are taken")]
    TagTooLong(usize),
    /// Tags that do not strictly rise, as KIP-482 asks.
    #[error("tag {0} comes after a tag that is not smaller")]
    TagOrder(u32),
    /// Bytes after the end of the value.
    #[error("{0} bytes are left over")]
    Trailing(usize),
}

/// `len`, if it is one that a string may have.
pub(crate) fn string_len(len: usize) -> Result<usize, Malformed> {
    if len > MAX_STRING_BYTES {
        return Err(Malformed::StringTooLong(len));
    }
    Ok(len)
}
