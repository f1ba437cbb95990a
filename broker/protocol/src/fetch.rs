//! Fetch, versions 4 to 18, decoded and answered by hand.
//!
//! The answer is written around the records: they are left out, to be sent from a file, or copied
//! in where they are few. See [`ResponseWriter`].

mod request;
mod response;

#[cfg(test)]
mod tests;

pub use crate::endpoint::NodeEndpoint;
pub use request::{FetchPartition, FetchRequest, FetchTopic, ForgottenTopic, decode};
pub use response::{PartitionHeader, ResponseHead, ResponseWriter};

/// Topics taken in one request, those to be forgotten included.
pub const MAX_TOPICS: usize = 16_384;
/// Partitions taken in one request, those to be forgotten included.
pub const MAX_PARTITIONS: usize = 131_072;

/// First version with a log start offset, in both directions.
const LOG_START_OFFSET: i16 = 5;
/// First version with fetch sessions (KIP-227).
const SESSIONS: i16 = 7;
/// First version with the leader epoch that the client knows (KIP-320).
const LEADER_EPOCH: i16 = 9;
/// First version with racks (KIP-392).
const RACKS: i16 = 11;
/// First version with compact types and tagged fields.
const FLEXIBLE: i16 = 12;
/// First version that names topics by id (KIP-516).
const TOPIC_IDS: i16 = 13;
/// First version that has the replica in a tagged field (KIP-903).
const REPLICA_STATE: i16 = 15;
/// First version that says where new leaders are reached (KIP-951).
const NODE_ENDPOINTS: i16 = 16;
/// First version with the follower's directory id (KIP-853).
const DIRECTORY_ID: i16 = 17;
/// First version with the follower's high watermark (KIP-1166).
const HIGH_WATERMARK: i16 = 18;
