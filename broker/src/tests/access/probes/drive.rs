//! Goes through the matrix: for every row, who may nothing, who may what it takes, and what comes
//! in between.
//!
//! Both are `User:ANONYMOUS`. Who sets the scene comes from 127.0.0.1 and gets every right; the
//! visitor comes from 127.0.0.2. It begins with a broker whose lists are empty and which is open to
//! all in that case (`allow.everyone.if.no.acl.found`).

use bytes::Bytes;
use uuid::Uuid;

use super::super::types::messages::{
    BrokerId, CreateAclsRequest, CreateTopicsRequest, DeleteAclsRequest, DeleteTopicsRequest,
    DescribeAclsRequest, FindCoordinatorRequest, InitProducerIdRequest, ListOffsetsRequest,
    MetadataRequest,
    create_acls_request::AclCreation,
    create_topics_request::CreatableTopic,
    delete_acls_request::DeleteAclsFilter,
    delete_topics_request::DeleteTopicState,
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    metadata_request::MetadataRequestTopic,
};
use super::{Ask, CLUSTER, DOOMED, Fixture, GROUP, NEW, ROWS, Row, TOPIC, groups, probe, s, t};

/// Where the visitor comes from.
pub(crate) const VISITOR: &str = "127.0.0.2";
/// Where everybody else does.
const HERE: &str = "127.0.0.1";
const ANYBODY: &str = "User:ANONYMOUS";
/// Kafka's numbers.
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
const DENY: i8 = 2;
const ALLOW: i8 = 3;
const ALL: i8 = 2;
/// How often something is looked for before it is taken for missing.
const TRIES: usize = 200;

/// What the visitor may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing.
    Nothing,
    /// What the row takes, by name.
    Exactly,
    /// What the row takes, by the beginnings of names.
    ByPrefix,
    /// Everything that the row takes, and the one thing itself is denied.
    Denied,
    /// Everything that the row takes besides the one thing itself.
    AllBut,
    /// Everything.
    Everything,
}

impl State {
    pub(crate) const ALL: [Self; 6] = [
        Self::Nothing,
        Self::Exactly,
        Self::ByPrefix,
        Self::Denied,
        Self::AllBut,
        Self::Everything,
    ];

    /// Whether the visitor gets what it asks for.
    pub(crate) fn is_enough(self) -> bool {
        matches!(self, Self::Exactly | Self::ByPrefix | Self::Everything)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Exactly => "exactly",
            Self::ByPrefix => "by-prefix",
            Self::Denied => "denied",
            Self::AllBut => "all-but",
            Self::Everything => "everything",
        }
    }
}

/// The batches that are produced: a plain one, and one of a transaction.
#[derive(Debug, Clone)]
pub(crate) struct Batches {
    pub(crate) plain: Bytes,
    pub(crate) transactional: Bytes,
}

/// Asks every question in every state. `tell` hears whether it was denied.
pub(crate) fn drive<H: Ask, V: Ask>(
    host: &mut H,
    visitor: &mut V,
    batches: Batches,
    mut tell: impl FnMut(&Row, State, bool),
) {
    open(host);
    let topic = make(host, TOPIC);
    coordinated(host);
    let Batches { plain, transactional } = batches;
    let mut fixture = Fixture { topic, doomed: Uuid::nil(), batch: plain, transactional };
    for row in ROWS {
        for state in State::ALL {
            for (_, name, _) in row.takes() {
                match name {
                    DOOMED => fixture.doomed = make(host, DOOMED),
                    GROUP => drop(groups::probe(host, "OFFSET_COMMIT")),
                    NEW => forget(host, NEW),
                    _ => {}
                }
            }
            allow(host, row, state);
            visitor.state(state.name());
            let allowed = probe(visitor, row.name, &fixture);
            tell(row, state, allowed.unwrap_or(state.is_enough()));
        }
    }
}

/// The host may do everything, and nobody else.
fn open(host: &mut impl Ask) {
    let kinds = [(2, "*"), (3, "*"), (4, CLUSTER), (5, "*")];
    let all = kinds.iter().map(|(kind, name)| entry((*kind, name, ALL), (LITERAL, ALLOW), HERE));
    create(host, all.collect(), HERE);
}

/// Replaces what the visitor may.
fn allow(host: &mut impl Ask, row: &Row, state: State) {
    let filter = DeleteAclsFilter::default()
        .with_resource_type_filter(1)
        .with_resource_name_filter(None)
        .with_pattern_type_filter(1)
        .with_principal_filter(None)
        .with_host_filter(Some(s(VISITOR)))
        .with_operation(1)
        .with_permission_type(1);
    let request = DeleteAclsRequest::default().with_filters(vec![filter]);
    host.ask("", host.newest::<DeleteAclsRequest>(), &request);
    let takes = row.takes();
    let exactly = || takes.iter().map(|it| entry(*it, (LITERAL, ALLOW), VISITOR));
    let own = takes.first().map(|it| entry(*it, (LITERAL, DENY), VISITOR));
    create(
        host,
        match state {
            State::Nothing => Vec::new(),
            State::Exactly => exactly().collect(),
            State::ByPrefix => {
                // the cluster has its whole name or none
                let short = |name: &'static str| match name {
                    CLUSTER => name,
                    _ => name.get(..5).unwrap_or(name),
                };
                let by_prefix = takes.iter().map(|(kind, name, operation)| {
                    entry((*kind, short(name), *operation), (PREFIXED, ALLOW), VISITOR)
                });
                by_prefix.collect()
            }
            State::Denied => exactly().chain(own).collect(),
            State::AllBut => exactly().skip(1).collect(),
            State::Everything => {
                let kinds = [(2, "*"), (3, "*"), (4, CLUSTER), (5, "*")];
                let all = kinds.iter().map(|(kind, name)| (*kind, *name, ALL));
                all.map(|it| entry(it, (LITERAL, ALLOW), VISITOR)).collect()
            }
        },
        VISITOR,
    );
}

fn entry(
    (kind, name, operation): (i8, &str, i8),
    (pattern, permission): (i8, i8),
    host: &str,
) -> AclCreation {
    AclCreation::default()
        .with_resource_type(kind)
        .with_resource_name(s(name))
        .with_resource_pattern_type(pattern)
        .with_principal(s(ANYBODY))
        .with_host(s(host))
        .with_operation(operation)
        .with_permission_type(permission)
}

/// Adds entries, and waits until the broker knows that these are all there are for `of`.
fn create(host: &mut impl Ask, entries: Vec<AclCreation>, of: &str) {
    let count = entries.len();
    let request = CreateAclsRequest::default().with_creations(entries);
    host.ask("", host.newest::<CreateAclsRequest>(), &request);
    let request = DescribeAclsRequest::default()
        .with_resource_type_filter(1)
        .with_resource_name_filter(None)
        .with_pattern_type_filter(1)
        .with_principal_filter(None)
        .with_host_filter(Some(s(of)))
        .with_operation(1)
        .with_permission_type(1);
    for _ in 0..TRIES {
        let known = host.ask("", host.newest::<DescribeAclsRequest>(), &request);
        if known.resources.iter().map(|resource| resource.acls.len()).sum::<usize>() == count {
            break;
        }
        host.pause();
    }
}

/// Creates a topic unless it is there, waits until it can be read, and gives its id.
fn make(host: &mut impl Ask, name: &str) -> Uuid {
    let topic = CreatableTopic::default()
        .with_name(t(name))
        .with_num_partitions(1)
        .with_replication_factor(1);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    host.ask("", host.newest::<CreateTopicsRequest>(), &request);
    let partition = ListOffsetsPartition::default()
        .with_partition_index(0)
        .with_current_leader_epoch(-1)
        .with_timestamp(-1);
    let topic = ListOffsetsTopic::default().with_name(t(name)).with_partitions(vec![partition]);
    let request =
        ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
    for _ in 0..TRIES {
        let answer = host.ask("", host.newest::<ListOffsetsRequest>(), &request);
        let mut partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
        if partitions.next().is_some_and(|it| it.error_code == 0) {
            break;
        }
        host.pause();
    }
    look(host, name).unwrap_or_default()
}

/// Deletes a topic and waits until it is gone.
fn forget(host: &mut impl Ask, name: &str) {
    let topic = DeleteTopicState::default().with_name(Some(t(name)));
    let request = DeleteTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    host.ask("", host.newest::<DeleteTopicsRequest>(), &request);
    for _ in 0..TRIES {
        if look(host, name).is_none() {
            break;
        }
        host.pause();
    }
}

/// The id of a topic, if it is there.
fn look(host: &mut impl Ask, name: &str) -> Option<Uuid> {
    let topic = MetadataRequestTopic::default().with_name(Some(t(name)));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![topic]))
        .with_allow_auto_topic_creation(false);
    let answer = host.ask("", host.newest::<MetadataRequest>(), &request);
    answer.topics.first().map(|topic| topic.topic_id).filter(|id| !id.is_nil())
}

/// Whether the broker has ids for producers by now.
fn has_producer_ids(host: &mut impl Ask) -> bool {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(60_000)
        .with_producer_id((-1).into())
        .with_producer_epoch(-1);
    host.ask("", host.newest::<InitProducerIdRequest>(), &request).error_code == 0
}

/// Waits until the coordinator of the group, and the broker's ids for producers, can be asked for.
fn coordinated(host: &mut impl Ask) {
    let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![s(GROUP)]);
    for _ in 0..TRIES {
        let found = host.ask("", host.newest::<FindCoordinatorRequest>(), &request);
        let ready = found.coordinators.first().is_some_and(|found| found.error_code == 0)
            && groups::probe(host, "OFFSET_COMMIT") == Some(true)
            && has_producer_ids(host);
        if ready {
            break;
        }
        host.pause();
    }
}
