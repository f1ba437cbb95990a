//! Why a request is refused. Whoever gets one closes the connection: bytes that are not what they
//! claim to be cannot be answered, and what follows them cannot be trusted.

use crate::primitive::Malformed;

/// Why a request, a header or a response is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No API of Kafka's, or one that is not served.
    #[error("api key {0} is not served")]
    UnknownApi(i16),
    /// A version outside of the served range. An `ApiVersions` request of any version is read.
    #[error("api key {api}: version {version} is not served")]
    UnsupportedVersion {
        /// The API key on the wire.
        api: i16,
        /// The version asked for.
        version: i16,
    },
    /// The bytes are no value of their type.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The same, with the field where it happened.
    #[error("{field}: {why}")]
    Field {
        /// The field's name in Kafka's schema.
        field: &'static str,
        /// What is wrong there.
        why: Malformed,
    },
    /// An array that has more elements than make sense.
    #[error("{field}: {count} elements, at most {most} are taken")]
    TooMany {
        /// The array's name in Kafka's schema.
        field: &'static str,
        /// Elements announced.
        count: usize,
        /// Elements taken at most.
        most: usize,
    },
    /// Decoding would take far more memory than the request has bytes.
    #[error("{field}: {bytes} bytes on the wire would take more than {most} bytes of memory")]
    Amplified {
        /// The array or tagged field that went over.
        field: &'static str,
        /// The size of the whole body on the wire.
        bytes: usize,
        /// The memory that a body of this size may take.
        most: usize,
    },
    /// A tagged field that only later versions have; tags that no version has are skipped.
    #[error("tag {tag} is not valid for version {version}")]
    EarlyTag {
        /// The field's tag.
        tag: u32,
        /// The request's version.
        version: i16,
    },
    /// The message decoder refused bytes that the walker had passed.
    #[error("the message decoder refused: {0}")]
    Decoder(String),
}
