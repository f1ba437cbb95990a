//! The Kafka wire, sans-IO: bytes in, bytes out.
//!
//! A frame's size is checked by [`frame`], its header by [`header`], its body by [`walk`]; only
//! then does [`decode`] hand the cold APIs' bodies to the crate `kafka-protocol`, whose message
//! types are [`messages`]. Produce, Fetch and record batches are ours in both directions.
//!
//! Nothing here panics on bytes from the network, whatever they are, and decoding a request takes
//! no more memory than [`walk::memory_allowed`]; what a compressed batch may inflate to is limited
//! by its caller. A [`Refused`] request is not answered: its connection is closed, as Kafka does.
//! The only request answered in any version is `ApiVersions` ([`api_version::answer`]).
//!
//! ```
//! use kastellan_protocol::messages::{ApiKey, MetadataRequest, MetadataResponse};
//! use kastellan_protocol::{decode, encode_request, encode_response, frame, header};
//!
//! // a client's frame, as it comes from a socket
//! let sent = encode_request(12, 7, Some("kafkajs"), &MetadataRequest::default())?;
//! let len = frame::body_len(&sent, &frame::Limits::default())?.expect("more than six bytes");
//! let request = sent.slice(4..4 + len);
//!
//! let (header, start) = header::decode(&request)?;
//! let body: MetadataRequest = decode(header.api_version, request.slice(start..))?;
//! assert_eq!(body.topics, Some(vec![]));
//!
//! let answer = MetadataResponse::default();
//! encode_response(ApiKey::Metadata, header.api_version, header.correlation_id, &answer)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod api_version;
pub mod batch;
pub mod compression;
mod endpoint;
pub mod fetch;
pub mod frame;
pub mod header;
mod message;
pub mod primitive;
pub mod produce;
mod refused;
pub mod throttle;
pub mod walk;

pub use kafka_protocol::messages::ApiKey;
pub use kafka_protocol::{ResponseError as ErrorCode, messages, protocol};
pub use message::{EncodeError, decode, decode_response, encode_request, encode_response};
pub use refused::Refused;
