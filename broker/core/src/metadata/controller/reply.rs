//! What the controller wants done and what it answers.

use std::time::Duration;

use kastellan_protocol::ErrorCode;

use crate::{
    config::Overrides,
    id::{BrokerId, Uuid},
    machine::Ticket,
    metadata::{Partition, Record},
    quota::QuotaParts,
    security::{Acl, DelegationToken},
};

/// What the controller wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Append these to the log, all or none; what follows holds once they are committed.
    Append(Vec<Record>),
    /// Answer a caller.
    Reply(Ticket, Reply),
    /// See whether the process behind a registration still takes connections; where it does not,
    /// [`Input::Refused`](super::Input::Refused) says so.
    Dial {
        /// The broker.
        broker: BrokerId,
        /// Its registration.
        epoch: i64,
    },
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
    /// What the broker is and may do.
    Heartbeat {
        /// Its metadata has reached its own registration.
        is_caught_up: bool,
        /// It does not lead.
        is_fenced: bool,
        /// It leads nothing any more, all others know, and it may end.
        should_shut_down: bool,
    },
    /// The state of each partition after what was proposed for it, or why it was not done.
    Altered(ProposalResults),
    /// One result per replica, in the order asked.
    Assigned(Vec<Result<(), Failure>>),
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
    /// One result per entity whose quotas were to change, in the order asked.
    Quotas(Vec<(QuotaParts, Result<(), Failure>)>),
    /// One result per entry of the access control lists that was wanted, in the order asked.
    CreatedAcls(Vec<Result<(), Failure>>),
    /// The entries that are gone, for each filter in the order asked.
    DeletedAcls(Vec<Result<Vec<Acl>, Failure>>),
    /// The token as it was made, or as it is now.
    Token(Box<DelegationToken>),
    /// What a limited client is answered, and how long it has to wait then.
    Throttled {
        /// How long.
        wait: Duration,
        /// The answer.
        reply: Box<Reply>,
    },
    /// The request as a whole failed. Drivers answer so, too, when the log takes no records.
    Failed(Failure),
}

impl Reply {
    /// The answer itself, and how long its client has to wait.
    pub fn throttled(self) -> (Self, Duration) {
        if let Self::Throttled { wait, reply } = self {
            (*reply, wait)
        } else {
            (self, Duration::ZERO)
        }
    }

    /// Why this is not the answer that was asked for: what failed, or that it is another one.
    pub fn failure(self) -> Failure {
        if let Self::Failed(failure) = self { failure } else { Failure::unexpected() }
    }
}

/// What became of the proposals of a leader, by topic.
pub type ProposalResults = Vec<(Uuid, Vec<(i32, Result<Partition, Failure>)>)>;

/// What became of each partition, by topic.
pub type PartitionResults = Vec<TopicResults>;

/// A topic's partitions and what became of each.
pub type TopicResults = (String, Vec<(i32, Result<(), Failure>)>);

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

    /// The controller did not answer what it was asked.
    pub fn unexpected() -> Self {
        let why = "the controller gave another answer: a bug of ours";
        Self::new(ErrorCode::UnknownServerError, why)
    }
}
