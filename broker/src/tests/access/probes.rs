//! One request for each row of the table of what it takes (`broker/src/access/needs.rs`), and
//! whether its answer is a denial. The broker's own tests ask our broker alone, the oracle asks
//! Apache Kafka, too, and compares the answers field by field.
//!
//! Whoever includes this file has a module `types` beside it with the messages to use.

#[path = "probes/admin.rs"]
mod admin;
#[path = "probes/data.rs"]
mod data;
#[path = "probes/drive.rs"]
pub(crate) mod drive;
#[path = "probes/groups.rs"]
mod groups;
#[path = "probes/quotas.rs"]
mod quotas;

use std::fmt::Debug;

use bytes::Bytes;
use uuid::Uuid;

use super::types::{
    messages::{GroupId, TopicName},
    protocol::{Request, StrBytes},
};

/// The topic that is there, with one partition.
pub(crate) const TOPIC: &str = "acl-topic";
/// A topic that is there before each question, and may be deleted.
pub(crate) const DOOMED: &str = "acl-doomed";
/// A topic that is not there.
pub(crate) const NEW: &str = "acl-new";
/// The group that has committed something.
pub(crate) const GROUP: &str = "acl-group";
/// A transactional id.
pub(crate) const TRANSACTIONAL_ID: &str = "acl-transactions";
/// The only cluster.
const CLUSTER: &str = "kafka-cluster";

/// Kafka's numbers for kinds of resources.
const TOPICS: i8 = 2;
const GROUPS: i8 = 3;
const CLUSTERS: i8 = 4;

/// Somebody to ask.
pub(crate) trait Ask {
    /// The newest version of an API that can be asked.
    fn newest<R: Request>(&self) -> i16;

    /// Asks. `case` says which question it is.
    fn ask<R>(&mut self, case: &str, version: i16, request: &R) -> R::Response
    where
        R: Request,
        R::Response: Debug + Default;

    /// What the one who asks may from now on, for who notes it.
    fn state(&mut self, _name: &str) {}

    /// Waits a little for something that takes its time.
    fn pause(&self) {
        std::thread::yield_now();
    }
}

/// What the questions are about.
#[derive(Debug, Clone)]
pub(crate) struct Fixture {
    /// The id of [`TOPIC`].
    pub(crate) topic: Uuid,
    /// The id of [`DOOMED`].
    pub(crate) doomed: Uuid,
    /// A batch of one record.
    pub(crate) batch: Bytes,
    /// The same from a transactional producer, where that is served.
    pub(crate) transactional: Bytes,
}

/// A row of the matrix.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// The name in the table, and behind a slash which of several questions about it.
    pub(crate) name: &'static str,
    /// Kafka's number of the operation.
    pub(crate) operation: i8,
    /// Kafka's number of the kind of resource.
    pub(crate) resource_type: i8,
    /// Rows that have to be allowed as well for this one to be asked for.
    pub(crate) also: &'static [&'static str],
}

const fn row(
    name: &'static str,
    operation: i8,
    resource_type: i8,
    also: &'static [&'static str],
) -> Row {
    Row { name, operation, resource_type, also }
}

/// All of them.
pub(crate) const ROWS: &[Row] = &[
    row("PRODUCE", 4, 2, &[]),
    row("PRODUCE/id", 4, 2, &[]),
    row("PRODUCE_TRANSACTIONAL", 4, 5, &["PRODUCE"]),
    row("FETCH", 3, 2, &[]),
    row("FETCH/id", 3, 2, &[]),
    row("LIST_OFFSETS", 8, 2, &[]),
    row("METADATA", 8, 2, &[]),
    row("METADATA/id", 8, 2, &[]),
    row("METADATA/all", 8, 2, &[]),
    row("METADATA_CREATE", 5, 2, &["METADATA"]),
    row("METADATA_CREATE_ANY", 5, 4, &["METADATA"]),
    row("METADATA_CLUSTER", 8, 4, &[]),
    row("OFFSET_COMMIT", 3, 3, &["OFFSET_COMMIT_TOPIC"]),
    row("OFFSET_COMMIT_TOPIC", 3, 2, &["OFFSET_COMMIT"]),
    row("OFFSET_FETCH", 8, 3, &["OFFSET_FETCH_TOPIC"]),
    row("OFFSET_FETCH_TOPIC", 8, 2, &["OFFSET_FETCH"]),
    row("OFFSET_FETCH_TOPIC/all", 8, 2, &["OFFSET_FETCH"]),
    row("FIND_GROUP", 8, 3, &[]),
    row("FIND_TRANSACTION", 8, 5, &[]),
    row("JOIN_GROUP", 3, 3, &[]),
    row("HEARTBEAT", 3, 3, &[]),
    row("LEAVE_GROUP", 3, 3, &[]),
    row("SYNC_GROUP", 3, 3, &[]),
    row("DESCRIBE_GROUPS", 8, 3, &[]),
    row("LIST_GROUPS_ALL", 8, 4, &[]),
    row("LIST_GROUPS", 8, 3, &[]),
    row("CREATE_TOPICS_ANY", 5, 4, &[]),
    row("CREATE_TOPICS", 5, 2, &[]),
    row("CREATE_TOPICS_CONFIGS", 10, 2, &["CREATE_TOPICS"]),
    row("DELETE_TOPICS", 6, 2, &[]),
    row("DELETE_TOPICS/id", 6, 2, &[]),
    row("DELETE_TOPICS_NAME", 8, 2, &[]),
    row("DELETE_RECORDS", 6, 2, &[]),
    row("INIT_PRODUCER_ID", 12, 4, &[]),
    row("INIT_PRODUCER_ID_TOPIC", 4, 2, &[]),
    row("INIT_PRODUCER_ID_TRANSACTIONAL", 4, 5, &[]),
    row("EPOCH_ENDS_ALL", 9, 4, &[]),
    row("EPOCH_ENDS", 8, 2, &[]),
    row("DESCRIBE_ACLS", 8, 4, &[]),
    row("CREATE_ACLS", 7, 4, &[]),
    row("DELETE_ACLS", 7, 4, &[]),
    row("DESCRIBE_CONFIGS_TOPIC", 10, 2, &[]),
    row("DESCRIBE_CONFIGS_GROUP", 10, 3, &[]),
    row("DESCRIBE_CONFIGS_CLUSTER", 10, 4, &[]),
    row("ALTER_CONFIGS_TOPIC", 11, 2, &[]),
    row("ALTER_CONFIGS_GROUP", 11, 3, &[]),
    row("ALTER_CONFIGS_CLUSTER", 11, 4, &[]),
    row("INCREMENTAL_CONFIGS_TOPIC", 11, 2, &[]),
    row("INCREMENTAL_CONFIGS_GROUP", 11, 3, &[]),
    row("INCREMENTAL_CONFIGS_CLUSTER", 11, 4, &[]),
    row("ALTER_REPLICA_LOG_DIRS", 7, 4, &[]),
    row("DESCRIBE_LOG_DIRS", 8, 4, &[]),
    row("CREATE_PARTITIONS", 7, 2, &[]),
    row("DELETE_GROUPS", 6, 3, &[]),
    row("ELECT_LEADERS", 7, 4, &[]),
    row("REASSIGN", 7, 4, &[]),
    row("LIST_REASSIGNMENTS", 8, 4, &[]),
    row("OFFSET_DELETE", 6, 3, &["OFFSET_DELETE_TOPIC"]),
    row("OFFSET_DELETE_TOPIC", 3, 2, &["OFFSET_DELETE"]),
    row("DESCRIBE_QUORUM", 8, 4, &[]),
    row("UPDATE_FEATURES", 7, 4, &[]),
    row("DESCRIBE_CLUSTER", 8, 4, &[]),
    row("DESCRIBE_PRODUCERS", 3, 2, &[]),
    row("DESCRIBE_QUOTAS", 10, 4, &[]),
    row("ALTER_QUOTAS", 11, 4, &[]),
    row("DESCRIBE_SCRAM", 8, 4, &[]),
    row("ALTER_SCRAM", 7, 4, &[]),
    row("UNREGISTER_BROKER", 7, 4, &[]),
    row("LIST_CONFIG_RESOURCES", 10, 4, &[]),
    row("DESCRIBE_TOPIC_PARTITIONS", 8, 2, &[]),
    row("DESCRIBE_TOPIC_PARTITIONS/all", 8, 2, &[]),
    row("ADD_RAFT_VOTER", 7, 4, &[]),
    row("REMOVE_RAFT_VOTER", 7, 4, &[]),
];

impl Row {
    /// The resource that has to be allowed. Transactional ids begin as groups and topics do.
    pub(crate) fn resource(&self) -> &'static str {
        match (self.resource_type, self.name) {
            (TOPICS, "METADATA_CREATE" | "CREATE_TOPICS" | "CREATE_TOPICS_CONFIGS") => NEW,
            (TOPICS, "DELETE_TOPICS" | "DELETE_TOPICS/id" | "DELETE_TOPICS_NAME") => DOOMED,
            (TOPICS, _) => TOPIC,
            (GROUPS, _) => GROUP,
            (CLUSTERS, _) => CLUSTER,
            _ => TRANSACTIONAL_ID,
        }
    }

    /// Every entry that it takes, as (kind of resource, its name, operation).
    pub(crate) fn takes(&self) -> Vec<(i8, &'static str, i8)> {
        let mut takes = vec![(self.resource_type, self.resource(), self.operation)];
        for also in ROWS.iter().filter(|row| self.also.contains(&row.name)) {
            let name = match (also.name, self.name) {
                ("METADATA", _) => NEW,
                _ => also.resource(),
            };
            takes.push((also.resource_type, name, also.operation));
        }
        takes
    }
}

/// Asks what the row called `name` is about; true: it was not denied.
pub(crate) fn probe(asker: &mut impl Ask, name: &str, fixture: &Fixture) -> Option<bool> {
    data::probe(asker, name, fixture)
        .or_else(|| groups::probe(asker, name))
        .or_else(|| quotas::probe(asker, name))
        .or_else(|| admin::probe(asker, name, fixture))
}

fn s(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn t(name: &str) -> TopicName {
    TopicName(s(name))
}

fn g(name: &str) -> GroupId {
    GroupId(s(name))
}

/// Codes that say that something is not allowed.
fn is_allowed(code: i16) -> bool {
    !matches!(code, 29 | 30 | 31 | 53)
}

/// The same for the first of several answers; none at all is a denial.
fn first_allowed<'a, T: 'a>(
    all: impl IntoIterator<Item = &'a T>,
    code: impl Fn(&T) -> i16,
) -> bool {
    all.into_iter().next().is_some_and(|it| is_allowed(code(it)))
}
