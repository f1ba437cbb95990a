//! What a consumer tells its group's leader: the topics that it reads.
//!
//! The one thing inside of a group's opaque bytes that the coordinator ever looks at, and only for
//! `OffsetDelete` (KIP-496). Every version of `ConsumerProtocolSubscription` begins as version 0
//! does: the version, the topics, bytes of the client's own. What comes after is not looked at.

use kastellan_protocol::primitive::{Malformed, Reader};

/// The protocol type of groups whose members say so.
pub(super) const CONSUMER: &str = "consumer";

/// The fewest bytes of a topic's name on the wire: its length.
const SMALLEST_NAME: usize = 2;

/// Calls `each` with every topic that `metadata` subscribes to. Takes no memory, whatever the bytes
/// claim; after an error some topics may have been told.
pub(super) fn for_each_topic<'a>(
    metadata: &'a [u8],
    mut each: impl FnMut(&'a str),
) -> Result<(), Malformed> {
    let mut reader = Reader::new(metadata);
    reader.i16()?;
    for _ in 0..reader.array_len(SMALLEST_NAME)? {
        each(reader.string()?);
    }
    reader.nullable_bytes()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn topics(metadata: &[u8]) -> Result<Vec<&str>, Malformed> {
        let mut topics = Vec::new();
        for_each_topic(metadata, |topic| topics.push(topic)).map(|()| topics)
    }

    #[test]
    fn topics_are_read_in_every_version_and_what_follows_is_not_looked_at() {
        for version in [0_u8, 1, 3, 9] {
            let head = [0, version, 0, 0, 0, 2, 0, 1, b'a', 0, 2, b'b', b'c'];
            let whole = [&head[..], &[0xff; 4]].concat();
            assert_eq!(topics(&whole), Ok(vec!["a", "bc"]));
            let later = [&whole[..], &[0, 0, 0, 1, 7, 7, 7]].concat();
            assert_eq!(topics(&later), Ok(vec!["a", "bc"]));
            for cut in 0..whole.len() {
                assert!(topics(&whole[..cut]).is_err(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_count_that_lies_and_names_that_are_null_or_no_text_are_refused() {
        assert!(topics(&[0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0]).is_err());
        assert!(topics(&[0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
        assert!(topics(&[0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
        assert!(topics(&[0, 0, 0, 0, 0, 1, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let read = topics(&bytes);
            prop_assert!(read.is_ok() || read.is_err());
        }
    }
}
