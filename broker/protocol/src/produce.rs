//! Produce, versions 3 to 13, decoded and answered by hand.
//!
//! A decoded request holds ranges of the body and no bytes: the shell validates and patches the
//! batches where they lie, in the frame that came from the socket, and looks names up there again
//! when it answers. The request's vectors are reused from one request to the next.

mod request;
mod response;

#[cfg(test)]
mod tests;

pub use crate::endpoint::NodeEndpoint;
pub use request::{Partition, ProduceRequest, Topic, decode};
pub use response::{PartitionResponse, ProduceResponse};

/// Topics taken in one request.
pub const MAX_TOPICS: usize = 8_192;
/// Partitions taken in one request. Java's producer stays below 15,000 with its 1 MiB requests.
pub const MAX_PARTITIONS: usize = 16_384;

/// First version with compact types and tagged fields.
const FLEXIBLE: i16 = 9;
/// First version that names topics by id (KIP-516).
const TOPIC_IDS: i16 = 13;
