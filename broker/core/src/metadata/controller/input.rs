//! What the controller can be told.

use kastellan_protocol::ErrorCode;

#[cfg(doc)]
use super::Reply;
use super::{
    DirectoryAssignment, Failure, QuotaChange, Requester, ScramChange, ScramUser, TokenRequest,
};
use crate::{
    id::{BrokerId, LeaderEpoch, Offset, Uuid},
    machine::Ticket,
    metadata::{ConfigResource, RegisterBroker},
    security::{Acl, AclFilter, BadAcl},
};

/// A request to the controller, or news.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The log is open: a new cluster begins. Answered with [`Reply::Done`]; nothing happens to one
    /// that exists.
    Bootstrap {
        /// Whom to answer.
        ticket: Ticket,
    },
    /// A request whose partitions count on the account of who asks (KIP-599). Answered as the
    /// request is, within [`Reply::Throttled`] where the client has to wait.
    OnBehalf {
        /// Who asks.
        requester: Requester,
        /// For what.
        input: Box<Input>,
    },
    /// [`Controller::deadline`](super::Controller) has passed. Nobody is answered.
    Tick,
    /// The process behind a registration refused a connection or reset it: it is gone. Nobody is
    /// answered.
    Refused {
        /// The broker.
        broker: BrokerId,
        /// Its registration when it was dialled.
        epoch: i64,
    },
    /// A broker came, or came back. Answered with [`Reply::Registered`].
    RegisterBroker {
        /// Whom to answer.
        ticket: Ticket,
        /// Who it is; its `epoch` is chosen here. It is fenced until its heartbeats say that it has
        /// caught up, unless it is the broker of the sole voter.
        registration: RegisterBroker,
        /// The epoch under which it last ended in order; `None` where it did not.
        previous_epoch: Option<i64>,
    },
    /// A broker lives. Answered with [`Reply::Heartbeat`].
    Heartbeat {
        /// Whom to answer.
        ticket: Ticket,
        /// What it says.
        heartbeat: Heartbeat,
    },
    /// A leader found other replicas to be in sync. Answered with [`Reply::Altered`].
    AlterPartition {
        /// Whom to answer.
        ticket: Ticket,
        /// The leader.
        broker: BrokerId,
        /// Its registration.
        epoch: i64,
        /// What it proposes, by topic.
        topics: Vec<(Uuid, Vec<IsrProposal>)>,
    },
    /// A broker is gone for good. Answered with [`Reply::Done`].
    UnregisterBroker {
        /// Whom to answer.
        ticket: Ticket,
        /// The broker.
        broker: BrokerId,
    },
    /// Levels of features are to change, all of them or none. Answered with [`Reply::Results`], in
    /// the order asked; where one failed, nothing happened.
    UpdateFeatures {
        /// Whom to answer.
        ticket: Ticket,
        /// What is wanted.
        updates: Vec<FeatureUpdate>,
        /// Only say what would happen.
        validate_only: bool,
    },
    /// Topics are wanted. Answered with [`Reply::Created`].
    CreateTopics {
        /// Whom to answer.
        ticket: Ticket,
        /// What is wanted.
        topics: Vec<NewTopic>,
        /// Only say what would happen.
        validate_only: bool,
    },
    /// Topics are to go. Answered with [`Reply::Deleted`].
    DeleteTopics {
        /// Whom to answer.
        ticket: Ticket,
        /// Which ones.
        topics: Vec<TopicRef>,
    },
    /// Topics need more partitions. Answered with [`Reply::Results`], in the order asked.
    CreatePartitions {
        /// Whom to answer.
        ticket: Ticket,
        /// What is wanted.
        topics: Vec<NewPartitions>,
        /// Only say what would happen.
        validate_only: bool,
    },
    /// Passwords are to change. Answered with [`Reply::Results`], one per user, in the order asked.
    AlterScram {
        /// Whom to answer.
        ticket: Ticket,
        /// What is wanted.
        changes: Vec<ScramChange>,
    },
    /// A delegation token is to be made, renewed or ended. Answered with [`Reply::Token`].
    Token {
        /// Whom to answer.
        ticket: Ticket,
        /// What is wanted.
        request: TokenRequest,
    },
    /// Who may log in where nobody can yet. Answered with [`Reply::Done`].
    FirstUsers {
        /// Whom to answer.
        ticket: Ticket,
        /// Them.
        users: Vec<ScramUser>,
    },
    /// A broker has handed out its producer ids. Answered with [`Reply::ProducerIds`].
    AllocateProducerIds {
        /// Whom to answer.
        ticket: Ticket,
        /// Who asks.
        broker: BrokerId,
        /// Its registration; `None` for a broker in the controller's own process.
        epoch: Option<i64>,
    },
    /// Log directories of a broker failed. Answered with [`Reply::Done`].
    FailDirectories {
        /// Whom to answer.
        ticket: Ticket,
        /// Whose.
        broker: BrokerId,
        /// Those that are left; one at least.
        online: Vec<Uuid>,
    },
    /// A broker has put replicas into log directories. Answered with [`Reply::Assigned`].
    AssignDirectories {
        /// Whom to answer.
        ticket: Ticket,
        /// Which broker.
        broker: BrokerId,
        /// Its registration; `None` for a broker in the controller's own process.
        epoch: Option<i64>,
        /// Which replica lies where.
        assignments: Vec<DirectoryAssignment>,
    },
    /// Client quotas are to change. Answered with [`Reply::Quotas`].
    AlterQuotas {
        /// Whom to answer.
        ticket: Ticket,
        /// What is to change.
        changes: Vec<QuotaChange>,
        /// Only whether it could.
        validate_only: bool,
    },
    /// Entries are wanted in the access control lists. Answered with [`Reply::CreatedAcls`].
    CreateAcls {
        /// Whom to answer.
        ticket: Ticket,
        /// What is wanted, or why it is no entry; each with a random id.
        acls: Vec<(Uuid, Result<Acl, BadAcl>)>,
    },
    /// Entries of the access control lists are to go. Answered with [`Reply::DeletedAcls`].
    DeleteAcls {
        /// Whom to answer.
        ticket: Ticket,
        /// Which ones, or why that is no filter.
        filters: Vec<Result<AclFilter, BadAcl>>,
    },
    /// Leaders are to be elected. Answered with [`Reply::Partitions`], in the order asked.
    ElectLeaders {
        /// Whom to answer.
        ticket: Ticket,
        /// Which leader is wanted.
        election: Election,
        /// For which partitions, by topic; `None` for all of them, and then the answer leaves out
        /// those that had nothing to elect.
        partitions: Option<Vec<(String, Vec<i32>)>>,
    },
    /// Partitions are to move to other brokers. Answered with [`Reply::Partitions`], in the order
    /// asked.
    ReassignPartitions {
        /// Whom to answer.
        ticket: Ticket,
        /// Which ones, and where to.
        topics: Vec<Reassignment>,
        /// Whether a partition may get more or fewer replicas than it has.
        allow_factor_change: bool,
    },
    /// Settings are to change. Answered with [`Reply::Results`], in the order asked.
    AlterConfigs {
        /// Whom to answer.
        ticket: Ticket,
        /// What is to change.
        resources: Vec<AlterConfigs>,
        /// Only say what would happen.
        validate_only: bool,
    },
}

/// A topic that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// A random id, to be used if the topic is created.
    pub id: Uuid,
    /// How many partitions; -1: as the broker's settings say, or as the assignment does.
    pub partitions: i32,
    /// How many replicas; -1: as the broker's settings say, or as the assignment does.
    pub replication_factor: i16,
    /// Which brokers hold which partition; empty: placed by the controller.
    pub assignments: Vec<(i32, Vec<BrokerId>)>,
    /// Its settings.
    pub configs: Vec<(String, Option<String>)>,
}

/// What a broker says of itself every now and then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Who it is.
    pub broker: BrokerId,
    /// Its registration.
    pub epoch: i64,
    /// The offset of the last metadata record that it has applied.
    pub metadata_offset: Offset,
    /// It does not want to lead.
    pub want_fence: bool,
    /// It wants to stop.
    pub want_shut_down: bool,
    /// Log directories that failed since it registered.
    pub offline_dirs: Vec<Uuid>,
}

/// What a leader proposes for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IsrProposal {
    /// The partition's index.
    pub partition: i32,
    /// The epoch it leads in.
    pub leader_epoch: LeaderEpoch,
    /// The partition epoch that the proposal builds on.
    pub partition_epoch: i32,
    /// Who is in sync, itself included, and under which registrations as far as it knows.
    pub isr: Vec<(BrokerId, Option<i64>)>,
    /// 0: recovered; 1: still recovering from an unclean election.
    pub leader_recovery_state: i8,
}

/// The level that a feature is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureUpdate {
    /// The feature.
    pub name: String,
    /// The level; 0 turns it off.
    pub level: i16,
    /// Which way it may go.
    pub kind: FeatureUpdateKind,
}

/// Which way a feature's level may go, with Kafka's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureUpdateKind {
    /// 1: up only.
    Upgrade,
    /// 2: down, where nothing is lost by it.
    SafeDowngrade,
    /// 3: down in any case.
    UnsafeDowngrade,
}

/// A topic by its name or by its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicRef {
    /// By name.
    Name(String),
    /// By id.
    Id(Uuid),
}

/// More partitions for a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPartitions {
    /// The topic.
    pub topic: String,
    /// How many partitions it is to have in the end.
    pub count: i32,
    /// Which brokers hold each new one; `None`: placed by the controller.
    pub assignments: Option<Vec<Vec<BrokerId>>>,
}

/// Which leader is wanted (KIP-460).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Election {
    /// The first of the replicas, if it is in sync.
    Preferred,
    /// For a partition without a leader: any replica that runs, records lost or not.
    Unclean,
}

/// A topic's partitions and who is to hold each of them, the preferred leader first; `None` takes
/// back what was wanted before.
pub type Reassignment = (String, Vec<(i32, Option<Vec<BrokerId>>)>);

/// Changes of one resource's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterConfigs {
    /// Whose.
    pub resource: ConfigResource,
    /// What is to change.
    pub changes: Vec<ConfigChange>,
    /// Whether everything else goes back to its default, as `AlterConfigs` has it.
    pub replace: bool,
}

/// The change of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    /// The setting.
    pub name: String,
    /// What is to happen to it.
    pub op: ConfigOp,
}

/// What can happen to a setting (KIP-339).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigOp {
    /// It gets this value.
    Set(String),
    /// It goes back to its default.
    Delete,
    /// These words are added to its list.
    Append(String),
    /// These words are taken from its list.
    Subtract(String),
}

impl ConfigOp {
    /// The change that `IncrementalAlterConfigs` calls `code`. Errors: 42 `INVALID_REQUEST` for a
    /// value that is not there, and for changes that are not known.
    pub fn from_wire(code: i8, name: &str, value: Option<&str>) -> Result<Self, Failure> {
        let refuse = |message| Err(Failure::new(ErrorCode::InvalidRequest, message));
        let op: fn(String) -> Self = match code {
            0 => Self::Set,
            1 => return Ok(Self::Delete),
            2 => Self::Append,
            3 => Self::Subtract,
            _ => return refuse(format!("{name}: there is no change with the number {code}")),
        };
        match value {
            Some(value) => Ok(op(value.to_owned())),
            None => refuse(format!("{name} has no value: delete it for its default")),
        }
    }
}
