//! What the coordinator can want: records to append, callers to answer.

use bytes::Bytes;
use kastellan_protocol::ErrorCode;
use uuid::Uuid;

use super::{
    input::Input,
    name::{GroupId, InstanceId, MemberId},
    record::Record,
    state::State,
};
use crate::machine::Ticket;

/// Something for the shell to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Append these records as one batch. Taken: apply them, and hold the replies behind until the
    /// high watermark has passed them. Refused: apply nothing, answer each [`Effect::Reply`] up to
    /// the next append with [`Reply::refused`], and step [`Input::Refused`].
    Append {
        /// The group that the records are about.
        group: GroupId,
        /// The records.
        records: Vec<Record>,
    },
    /// Answer a caller.
    Reply(Ticket, Reply),
}

/// An answer, one kind per kind of request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To `JoinGroup`.
    Join(Box<Joined>),
    /// To `SyncGroup`.
    Sync(Result<Synced, ErrorCode>),
    /// To Heartbeat.
    Heartbeat(Result<(), ErrorCode>),
    /// To `LeaveGroup`: each member's fate in the order of the request, or a refusal of all.
    Leave(Result<Vec<Result<(), ErrorCode>>, ErrorCode>),
    /// To `OffsetCommit`: each offset's fate in the order of the request, or a refusal of all.
    CommitOffsets(Result<Vec<Result<(), ErrorCode>>, ErrorCode>),
    /// To `OffsetFetch`.
    FetchOffsets(Result<Vec<FetchedTopic>, ErrorCode>),
    /// To `DescribeGroups`; `GROUP_ID_NOT_FOUND` is the shell's to soften for old versions.
    Describe(Result<Description, ErrorCode>),
    /// To `ListGroups`.
    List(Result<Vec<Listed>, ErrorCode>),
    /// To `DeleteGroups`.
    DeleteGroup(Result<(), ErrorCode>),
    /// To `OffsetDelete`: each topic's fate in the order of the request, or a refusal of all.
    DeleteOffsets(Result<Vec<Result<(), ErrorCode>>, ErrorCode>),
}

/// A place in a generation, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Why not.
    pub error: Option<ErrorCode>,
    /// The generation, -1 on an error.
    pub generation: i32,
    /// The group's type.
    pub protocol_type: Option<String>,
    /// The protocol chosen by the members' votes; empty on an error.
    pub protocol: String,
    /// Who shares out the work; empty on an error.
    pub leader: MemberId,
    /// Whether this leader keeps the assignment as it is (KIP-814).
    pub skip_assignment: bool,
    /// The caller's id: also with `MEMBER_ID_REQUIRED`, where it is what the caller is to join
    /// with.
    pub member: MemberId,
    /// For the leader: everybody.
    pub members: Vec<JoinedMember>,
}

/// A member as its leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member: MemberId,
    /// Its own name.
    pub instance: Option<InstanceId>,
    /// What it said about itself under the chosen protocol.
    pub metadata: Bytes,
}

/// An assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// The group's type.
    pub protocol_type: Option<String>,
    /// The protocol that the assignment is written in.
    pub protocol: Option<String>,
    /// What the leader wrote for this member.
    pub assignment: Bytes,
}

/// What was committed for a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedTopic {
    /// The topic's name.
    pub topic: String,
    /// The id that the caller gave, or the committed one where all was asked for.
    pub topic_id: Uuid,
    /// Its partitions.
    pub partitions: Vec<FetchedOffset>,
}

/// What was committed for a partition; offset -1 where nothing was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedOffset {
    /// The partition's index.
    pub partition: i32,
    /// Where to go on.
    pub offset: i64,
    /// The epoch of the last record read, or -1.
    pub leader_epoch: i32,
    /// The client's note.
    pub metadata: String,
}

/// A group from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// How far it is.
    pub state: State,
    /// Its type; empty for a group that only keeps offsets.
    pub protocol_type: String,
    /// The chosen protocol; empty unless stable.
    pub protocol: String,
    /// Its members.
    pub members: Vec<DescribedMember>,
}

/// A member from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedMember {
    /// Its id.
    pub member: MemberId,
    /// Its own name.
    pub instance: Option<InstanceId>,
    /// The client's name for itself.
    pub client_id: String,
    /// Where it calls from.
    pub client_host: String,
    /// What it said about itself; empty unless the group is stable.
    pub metadata: Bytes,
    /// What it was given last; during a rebalance that is about to change.
    pub assignment: Bytes,
}

/// A line of `ListGroups`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The group.
    pub group: GroupId,
    /// Its type; empty for a group that only keeps offsets.
    pub protocol_type: String,
    /// How far it is.
    pub state: State,
}

impl Joined {
    /// A refusal that tells `member` back.
    pub fn refused(member: MemberId, error: ErrorCode) -> Self {
        Self {
            error: Some(error),
            generation: -1,
            protocol_type: None,
            protocol: String::new(),
            leader: MemberId::default(),
            skip_assignment: false,
            member,
            members: Vec::new(),
        }
    }
}

impl Reply {
    /// The same kind of answer, saying `error`: for a reply whose records the log did not take.
    pub fn refused(self, error: ErrorCode) -> Self {
        match self {
            Self::Join(joined) => Self::Join(Box::new(Joined::refused(joined.member, error))),
            Self::Sync(_) => Self::Sync(Err(error)),
            Self::Heartbeat(_) => Self::Heartbeat(Err(error)),
            Self::Leave(_) => Self::Leave(Err(error)),
            Self::CommitOffsets(_) => Self::CommitOffsets(Err(error)),
            Self::FetchOffsets(_) => Self::FetchOffsets(Err(error)),
            Self::Describe(_) => Self::Describe(Err(error)),
            Self::List(_) => Self::List(Err(error)),
            Self::DeleteGroup(_) => Self::DeleteGroup(Err(error)),
            Self::DeleteOffsets(_) => Self::DeleteOffsets(Err(error)),
        }
    }
}

impl Input {
    /// The answer to this input from somebody who is not its coordinator, or not yet:
    /// `NOT_COORDINATOR`, `COORDINATOR_LOAD_IN_PROGRESS`, `COORDINATOR_NOT_AVAILABLE`. `None` where
    /// nobody asks.
    pub fn refusal(&self, error: ErrorCode) -> Option<(Ticket, Reply)> {
        Some(match self {
            Self::Join(join) => {
                let joined = Joined::refused(join.member.clone(), error);
                (join.ticket, Reply::Join(Box::new(joined)))
            }
            Self::Sync(sync) => (sync.ticket, Reply::Sync(Err(error))),
            Self::Heartbeat(heartbeat) => (heartbeat.ticket, Reply::Heartbeat(Err(error))),
            Self::Leave(leave) => (leave.ticket, Reply::Leave(Err(error))),
            Self::CommitOffsets(commit) => (commit.ticket, Reply::CommitOffsets(Err(error))),
            Self::FetchOffsets(fetch) => (fetch.ticket, Reply::FetchOffsets(Err(error))),
            Self::Describe(describe) => (describe.ticket, Reply::Describe(Err(error))),
            Self::List(list) => (list.ticket, Reply::List(Err(error))),
            Self::DeleteGroup(delete) => (delete.ticket, Reply::DeleteGroup(Err(error))),
            Self::DeleteOffsets(delete) => (delete.ticket, Reply::DeleteOffsets(Err(error))),
            Self::Loaded
            | Self::Configure(_)
            | Self::TopicDeleted { .. }
            | Self::Refused { .. }
            | Self::Tick => {
                return None;
            }
        })
    }
}
