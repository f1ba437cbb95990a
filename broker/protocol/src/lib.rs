//! The Kafka wire, sans-IO: bytes in, bytes out.
//!
//! Cold APIs go through the crate `kafka-protocol`, but only after [`walk`](crate) has checked every
//! count and length; Produce, Fetch and record batches are ours in both directions.

pub mod batch;
pub mod compression;
pub mod frame;
pub mod primitive;
mod refused;

pub use kafka_protocol::messages::ApiKey;
pub use kafka_protocol::{ResponseError as ErrorCode, messages, protocol};
pub use refused::Refused;
