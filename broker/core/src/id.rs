//! Names and numbers, each a type of its own so that two of them cannot be swapped.

mod text;

use std::fmt;

pub use uuid::Uuid;

pub use self::text::{uuid_from_text, uuid_to_text};

/// A broker's node id, unique within its cluster; 0 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerId(pub i32);

/// A record's place in its partition's log; 0 or more.
pub type Offset = i64;

/// How many times a partition has changed its leader; -1 where none is known.
pub type LeaderEpoch = i32;

/// A partition of a topic. Topic names are at most 249 characters of `[a-zA-Z0-9._-]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's index; 0 or more.
    pub partition: i32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}
