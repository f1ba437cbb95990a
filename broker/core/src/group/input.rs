//! What the coordinator of a `__consumer_offsets` partition can be told.

use bytes::Bytes;
use uuid::Uuid;

use super::{
    name::{GroupId, InstanceId, MemberId},
    record::Record,
};
use crate::machine::Ticket;

/// A request, a notice from elsewhere, or the passing of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The log has been replayed to its end: members that it names get a fresh session each.
    Loaded,
    /// A member wants into the next generation.
    Join(Box<Join>),
    /// A member asks for its assignment; the leader brings everybody's.
    Sync(Box<Sync>),
    /// A member says that it lives.
    Heartbeat(Heartbeat),
    /// Members leave for good.
    Leave(Leave),
    /// Offsets to keep.
    CommitOffsets(Box<CommitOffsets>),
    /// Offsets to look up.
    FetchOffsets(FetchOffsets),
    /// A group to show.
    Describe(Describe),
    /// All groups to show.
    List(List),
    /// A group to forget, offsets and all.
    DeleteGroup(DeleteGroup),
    /// Offsets of a group to forget.
    DeleteOffsets(DeleteOffsets),
    /// Other settings hold from now on.
    Configure(Box<super::Settings>),
    /// A topic is gone, and what was committed for it with it.
    TopicDeleted {
        /// Its name.
        topic: String,
        /// Its id; offsets of a later topic of the same name stay. Nil: offsets of any.
        id: Uuid,
    },
    /// The log refused these records of an [`Effect::Append`](super::Effect::Append).
    Refused {
        /// The records.
        records: Vec<Record>,
    },
    /// Time has passed.
    Tick,
}

/// `JoinGroup`, all versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Whom to answer.
    pub ticket: Ticket,
    /// The group.
    pub group: GroupId,
    /// Who joins; empty the first time.
    pub member: MemberId,
    /// The static member's own name.
    pub instance: Option<InstanceId>,
    /// The client's name for itself.
    pub client_id: String,
    /// Where it calls from, as `DescribeGroups` shows it.
    pub client_host: String,
    /// How long the group waits for its members to rejoin, in milliseconds; version 0 has none and
    /// means the session timeout.
    pub rebalance_timeout_ms: i32,
    /// How long a member may stay silent, in milliseconds.
    pub session_timeout_ms: i32,
    /// What kind of group this is: "consumer", "connect", "sr", ...
    pub protocol_type: String,
    /// What the member speaks, best first.
    pub protocols: Vec<Protocol>,
    /// Version 4 and later: a newcomer is first given an id and joins again with it (KIP-394).
    pub requires_known_member: bool,
    /// Version 9 and later: a leader can be told to leave the assignment alone (KIP-814).
    pub skips_assignment: bool,
    /// Makes a fresh member id unique.
    pub unique: Uuid,
}

/// One way of sharing out work that a member speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol {
    /// Its name.
    pub name: String,
    /// What the leader needs to know; opaque to the broker.
    pub metadata: Bytes,
}

/// `SyncGroup`, all versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    /// Whom to answer.
    pub ticket: Ticket,
    /// The group.
    pub group: GroupId,
    /// The generation that the member was told.
    pub generation: i32,
    /// Who asks.
    pub member: MemberId,
    /// The static member's own name.
    pub instance: Option<InstanceId>,
    /// Version 5 and later: what the member believes the group's type to be (KIP-559).
    pub protocol_type: Option<String>,
    /// Version 5 and later: what the member believes the protocol to be.
    pub protocol: Option<String>,
    /// From the leader: who gets what; opaque.
    pub assignments: Vec<(MemberId, Bytes)>,
}

/// Heartbeat, all versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Whom to answer.
    pub ticket: Ticket,
    /// The group.
    pub group: GroupId,
    /// The generation that the member was told.
    pub generation: i32,
    /// Who lives.
    pub member: MemberId,
    /// The static member's own name.
    pub instance: Option<InstanceId>,
}

/// `LeaveGroup`, all versions; up to version 2 there is one member without an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leave {
    /// Whom to answer.
    pub ticket: Ticket,
    /// The group.
    pub group: GroupId,
    /// Who leaves; an empty id with an instance means whoever holds the instance.
    pub members: Vec<(MemberId, Option<InstanceId>)>,
}

/// `OffsetCommit`, all versions; the shell has put topics that do not exist aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitOffsets {
    /// Whom to answer.
    pub ticket: Ticket,
    /// The group.
    pub group: GroupId,
    /// Below 0 for a consumer outside of group management.
    pub generation: i32,
    /// Who commits; may be empty.
    pub member: MemberId,
    /// The static member's own name.
    pub instance: Option<InstanceId>,
    /// Versions 2 to 4: how long to keep the offsets, in milliseconds; below 0 for the broker's
    /// rule.
    pub retention_ms: i64,
    /// Version 9 and later answer `GROUP_ID_NOT_FOUND` where older ones say `ILLEGAL_GENERATION`.
    pub tells_missing_group: bool,
    /// What to keep.
    pub offsets: Vec<OffsetToCommit>,
}

/// One offset to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetToCommit {
    /// The topic's name.
    pub topic: String,
    /// The topic's id.
    pub topic_id: Uuid,
    /// The partition's index.
    pub partition: i32,
    /// Where to go on.
    pub offset: i64,
    /// The epoch of the last record read, or -1.
    pub leader_epoch: i32,
    /// The client's note.
    pub metadata: String,
}

/// `OffsetFetch` for one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOffsets {
    /// Whom to answer.
    pub ticket: Ticket,
    /// The group.
    pub group: GroupId,
    /// What to look up; `None` for all that there is.
    pub topics: Option<Vec<TopicToFetch>>,
}

/// One topic of an `OffsetFetch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicToFetch {
    /// The topic's name.
    pub topic: String,
    /// The topic's id today, nil where unknown: offsets of an older topic of that name do not
    /// count.
    pub topic_id: Uuid,
    /// The partitions.
    pub partitions: Vec<i32>,
}

/// `DescribeGroups` for one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Describe {
    /// Whom to answer.
    pub ticket: Ticket,
    /// The group.
    pub group: GroupId,
}

/// `ListGroups`; the filters do not mind case, an empty one lets everything pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Whom to answer.
    pub ticket: Ticket,
    /// The states to show.
    pub states: Vec<String>,
    /// The types to show; here are only "classic" ones.
    pub types: Vec<String>,
}

/// `DeleteGroups` for one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteGroup {
    /// Whom to answer.
    pub ticket: Ticket,
    /// The group.
    pub group: GroupId,
}

/// `OffsetDelete`; the shell has put topics and partitions that do not exist aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteOffsets {
    /// Whom to answer.
    pub ticket: Ticket,
    /// The group.
    pub group: GroupId,
    /// What to forget: topics, each with partitions.
    pub topics: Vec<(String, Vec<i32>)>,
}
