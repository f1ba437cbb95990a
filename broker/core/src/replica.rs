//! What a follower does beside its partitions: it fetches from the leaders, node by node.

pub mod fetcher;
pub mod quota;
pub mod rack;

pub use self::{
    fetcher::{Fetcher, Request, Settled},
    quota::Quota,
};
use crate::id::Uuid;

/// A partition as brokers name it to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey {
    /// The topic's id.
    pub topic: Uuid,
    /// The partition's number in it.
    pub index: i32,
}
