//! The Kafka wire, sans-IO: bytes in, bytes out.
//!
//! Cold APIs go through the crate `kafka-protocol`, but only after [`walk`](crate) has checked every
//! count and length; Produce, Fetch and record batches are ours in both directions.

pub use kafka_protocol::{ResponseError as ErrorCode, messages, protocol};
