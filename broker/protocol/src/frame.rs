//! Frames: a 4-byte size, then that many bytes.
//!
//! The size alone is checked here, before memory is taken for what it announces. Only Produce may
//! be large; to tell it from the rest the API key is needed, which are the two bytes after the
//! size.

use crate::messages::ApiKey;
use crate::primitive::Reader;

/// What a TLS handshake begins with, read as the upper half of a size: a frame of 353 MiB.
const TLS: usize = 0x1603;

/// The shortest request: API key, version, correlation id and a null client id.
const SHORTEST: usize = 10;

/// How many bytes a request may have after its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A Produce request. Kafka's `socket.request.max.bytes`.
    pub produce: usize,
    /// Any other request.
    pub other: usize,
    /// The shortest frame: 10 bytes are a request, a login in the old way sends less.
    pub shortest: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { produce: 104_857_600, other: 8 * 1024 * 1024, shortest: SHORTEST }
    }
}

/// Why a frame is not read. The connection is closed without an answer, as Kafka does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The size is negative: not the Kafka protocol.
    #[error("a frame of {0} bytes")]
    Negative(i32),
    /// TLS where plain text is spoken.
    #[error(
        "a TLS handshake where plain text is spoken: set the client's security.protocol to \
         PLAINTEXT, or connect it to a listener with TLS"
    )]
    Tls,
    /// The size is above the limit of its API. HTTP on a plain port ends up here.
    #[error("a frame of {size} bytes, at most {limit} are taken")]
    TooLarge {
        /// Bytes announced.
        size: usize,
        /// Bytes taken at most.
        limit: usize,
    },
    /// The frame cannot even hold a request header.
    #[error("a frame of {0} bytes holds no request header")]
    TooShort(usize),
}

/// The length of a frame's body, the bytes after the 4-byte size.
///
/// `prefix` are the first bytes of the stream. `Ok(None)`: more of them are needed, at most six.
pub fn body_len(prefix: &[u8], limits: &Limits) -> Result<Option<usize>, FrameError> {
    let mut reader = Reader::new(prefix);
    let Ok(size) = reader.i32() else { return Ok(None) };
    let Ok(size) = usize::try_from(size) else { return Err(FrameError::Negative(size)) };
    if size < limits.shortest {
        return Err(FrameError::TooShort(size));
    }
    if size <= limits.other.min(limits.produce) {
        return Ok(Some(size));
    }
    if size > limits.other.max(limits.produce) {
        if size >> 16 == TLS {
            return Err(FrameError::Tls);
        }
        return Err(FrameError::TooLarge { size, limit: limits.other.max(limits.produce) });
    }
    let Ok(key) = reader.i16() else { return Ok(None) };
    let limit = if key == ApiKey::Produce as i16 { limits.produce } else { limits.other };
    if size > limit { Err(FrameError::TooLarge { size, limit }) } else { Ok(Some(size)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { produce: 1000, other: 100, shortest: SHORTEST };

    fn frame(size: i32, key: i16) -> Vec<u8> {
        [size.to_be_bytes().as_slice(), &key.to_be_bytes()].concat()
    }

    #[test]
    fn a_small_frame_is_known_by_its_size_alone() {
        assert_eq!(body_len(&frame(100, 3)[..4], &LIMITS), Ok(Some(100)));
        assert_eq!(body_len(&[0, 0, 0], &LIMITS), Ok(None));
        assert_eq!(body_len(&[], &LIMITS), Ok(None));
    }

    #[test]
    fn a_large_frame_waits_for_its_api_key_and_has_to_be_a_produce() {
        assert_eq!(body_len(&frame(101, 0)[..5], &LIMITS), Ok(None));
        assert_eq!(body_len(&frame(101, 0), &LIMITS), Ok(Some(101)));
        assert_eq!(
            body_len(&frame(101, 1), &LIMITS),
            Err(FrameError::TooLarge { size: 101, limit: 100 })
        );
    }

    #[test]
    fn a_frame_above_every_limit_is_refused_before_its_api_key_arrives() {
        assert_eq!(
            body_len(&frame(1001, 0)[..4], &LIMITS),
            Err(FrameError::TooLarge { size: 1001, limit: 1000 })
        );
        assert!(body_len(b"GET / HTTP/1.1", &Limits::default()).is_err());
        assert_eq!(body_len(&[0x16, 3, 1, 2, 0, 1], &Limits::default()), Err(FrameError::Tls));
    }

    #[test]
    fn a_negative_size_and_one_without_room_for_a_header_are_refused() {
        assert_eq!(body_len(&frame(-1, 0), &LIMITS), Err(FrameError::Negative(-1)));
        assert_eq!(body_len(&frame(i32::MIN, 0), &LIMITS), Err(FrameError::Negative(i32::MIN)));
        assert_eq!(body_len(&frame(0, 0), &LIMITS), Err(FrameError::TooShort(0)));
        assert_eq!(body_len(&frame(9, 0), &LIMITS), Err(FrameError::TooShort(9)));
    }
}
