//! The Kafka wire, sans-IO: bytes in, bytes out.
//!
//! A frame's size is checked by [`frame`], its header by [`header`], its body by [`walk`]; only then
//! does [`decode`] hand the cold APIs' bodies to the crate `kafka-protocol`, whose message types are
//! [`messages`]. Produce, Fetch and record batches are ours in both directions.
//!
//! Nothing here panics on bytes from the network, whatever they are, and nothing takes more memory
//! for them than [`walk::memory_allowed`]. A [`Refused`] request is not answered: its connection is
//! closed, as Kafka does. The only request answered in any version is `ApiVersions`
//! ([`api_version::answer`]).

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
pub mod walk;

pub use kafka_protocol::messages::ApiKey;
pub use kafka_protocol::{ResponseError as ErrorCode, messages, protocol};
pub use message::{EncodeError, decode, decode_response, encode_request, encode_response};
pub use refused::Refused;
