//! The facts that a coordinator keeps in `__consumer_offsets`, in Kafka's own schemas.

mod read;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;
use kastellan_protocol::primitive::Malformed;
use uuid::Uuid;

use super::name::{GroupId, InstanceId, MemberId};

/// A record: what it is about, and the new truth; `None` is a tombstone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// `OffsetCommitKey` and `OffsetCommitValue`.
    Offset {
        /// The group.
        group: GroupId,
        /// The topic's name.
        topic: String,
        /// The partition's index.
        partition: i32,
        /// What was committed.
        value: Option<CommittedOffset>,
    },
    /// `GroupMetadataKey` and `GroupMetadataValue`.
    Group {
        /// The group.
        group: GroupId,
        /// The generation that stands.
        value: Option<GroupMetadata>,
    },
}

/// What a group committed for a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedOffset {
    /// Where to go on.
    pub offset: i64,
    /// The epoch of the last record read, or -1.
    pub leader_epoch: i32,
    /// The client's note.
    pub metadata: String,
    /// When it was committed, in milliseconds since 1970.
    pub committed_at: i64,
    /// When it is to be forgotten whatever the group does: commits of versions 2 to 4 may say so.
    /// The schema that has room for it has none for `leader_epoch` and `topic_id`: they stay -1 and
    /// nil.
    pub expires_at: Option<i64>,
    /// The topic's id at the time; nil where the writer did not know.
    pub topic_id: Uuid,
}

/// A generation that stands: its leader has shared out the work, or everybody has gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMetadata {
    /// The group's type.
    pub protocol_type: String,
    /// Its number; 0 or more.
    pub generation: i32,
    /// The chosen protocol.
    pub protocol: Option<String>,
    /// Who shared out the work.
    pub leader: Option<MemberId>,
    /// When the group came into this state, in milliseconds since 1970, or -1.
    pub since: i64,
    /// Who is in; nobody in an empty group.
    pub members: Vec<MemberMetadata>,
}

/// A member of a generation that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberMetadata {
    /// Its id.
    pub member: MemberId,
    /// Its own name.
    pub instance: Option<InstanceId>,
    /// The client's name for itself.
    pub client_id: String,
    /// Where it called from.
    pub client_host: String,
    /// How long its group waits for it to rejoin, in milliseconds.
    pub rebalance_timeout_ms: i32,
    /// How long it may stay silent, in milliseconds.
    pub session_timeout_ms: i32,
    /// What it said about itself under the chosen protocol.
    pub subscription: Bytes,
    /// What it was given.
    pub assignment: Bytes,
}

/// Why bytes are not a record of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A key or value is cut or ill-formed.
    #[error("the record is ill-formed: {0}")]
    Malformed(#[from] Malformed),
    /// A record without a key.
    #[error("the record has no key")]
    NoKey,
    /// A value that a newer writer wrote.
    #[error("the value has version {0}, known are 0 to 4")]
    ValueVersion(i16),
}

impl Record {
    /// The group that the record is about.
    pub fn group(&self) -> &GroupId {
        match self {
            Self::Offset { group, .. } | Self::Group { group, .. } => group,
        }
    }
}
