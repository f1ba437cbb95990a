//! What the controller can be told and what it answers.

use kastellan_protocol::ErrorCode;

use super::DirectoryAssignment;
use crate::{
    config::Overrides,
    id::{BrokerId, Uuid},
    machine::Ticket,
    metadata::{ConfigResource, Record, RegisterBroker},
};

/// A request to the controller.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The log is open: a new cluster begins. Answered with [`Reply::Done`]; nothing happens to one
    /// that exists.
    Bootstrap {
        /// Whom to answer.
        ticket: Ticket,
    },
    /// A broker came, or came back. Answered with [`Reply::Registered`].
    RegisterBroker {
        /// Whom to answer.
        ticket: Ticket,
        /// Who it is; its `epoch` is chosen here.
        registration: RegisterBroker,
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
    /// A broker has handed out its producer ids. Answered with [`Reply::ProducerIds`].
    AllocateProducerIds {
        /// Whom to answer.
        ticket: Ticket,
        /// Who asks.
        broker: BrokerId,
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
    /// A broker has put replicas into log directories. Answered with [`Reply::Done`].
    AssignDirectories {
        /// Whom to answer.
        ticket: Ticket,
        /// Which broker.
        broker: BrokerId,
        /// Which replica lies where.
        assignments: Vec<DirectoryAssignment>,
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

/// What became of each partition, by topic.
pub type PartitionResults = Vec<TopicResults>;

/// A topic's partitions and what became of each.
pub type TopicResults = (String, Vec<(i32, Result<(), Failure>)>);

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

/// What the controller wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Append these to the log, all or none; what follows holds once they are committed.
    Append(Vec<Record>),
    /// Answer a caller.
    Reply(Ticket, Reply),
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// It is done.
    Done,
    /// The broker is registered under this epoch.
    Registered {
        /// The registration's epoch.
        epoch: i64,
    },
    /// One result per topic, in the order asked.
    Created(Vec<CreatedTopic>),
    /// One result per topic, in the order asked; one that is asked for twice in the same words has
    /// one.
    Deleted(Vec<DeletedTopic>),
    /// One result per thing asked for, in the order asked, with its name.
    Results(Vec<(String, Result<(), Failure>)>),
    /// One result per partition asked for.
    Partitions(PartitionResults),
    /// The ids `first..first + count` belong to the broker now.
    ProducerIds {
        /// The first id of the block.
        first: i64,
        /// How many there are.
        count: i64,
    },
    /// The request as a whole failed. Drivers answer so, too, when the log takes no records.
    Failed(Failure),
}

/// What became of a topic that was wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct CreatedTopic {
    /// Its name.
    pub name: String,
    /// Its id; nil when it was not created.
    pub id: Uuid,
    /// How many partitions it has, or would have.
    pub partitions: i32,
    /// How many replicas each partition has, or would have.
    pub replication_factor: i16,
    /// What it overrides.
    pub overrides: Overrides,
    /// Why it was not created.
    pub result: Result<(), Failure>,
}

/// What became of a topic that was to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedTopic {
    /// Its name, where it is known.
    pub name: Option<String>,
    /// Its id; nil where it is not known.
    pub id: Uuid,
    /// Why it was not deleted.
    pub result: Result<(), Failure>,
}

/// Why something was refused: Kafka's code, and words for a human.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code.
    pub code: ErrorCode,
    /// What is wrong and what to do.
    pub message: String,
}

impl Failure {
    /// A failure.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
