//! Who may nothing hears so, and cannot tell what is there from what is not.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    CreateAclsRequest, FindCoordinatorRequest, InitProducerIdRequest, MetadataRequest,
};
use kastellan_e2e::judged;
use kastellan_e2e::wire::{PRODUCE, Wire, produce, produced, text};

use super::batches::good;
use super::fetches::{fetch, partition_code};
use super::stage::{Stage, TOPIC};
use super::table::{Is, Row};

/// Where somebody comes from who may nothing.
const VISITOR: [u8; 4] = [127, 0, 0, 9];

const TOPICS: i8 = 2;
const GROUPS: i8 = 3;
const CLUSTERS: i8 = 4;
const TRANSACTIONS: i8 = 5;

pub(crate) const ROWS: &[Row] = &[
    Row::new("Produce, without Write on the topic", Is::Code(29), |stage| {
        let answer = visitor(stage)?.call(PRODUCE, &produce(TOPIC, 0, good().encode()))?;
        Ok(Is::Code(produced(&answer)?.err().unwrap_or(0)))
    }),
    Row::new("Fetch, without Read on the topic", Is::Code(29), |stage| {
        partition_code(&mut visitor(stage)?, &fetch(-1, 0))
    }),
    Row::new("Metadata, of a topic that is there and of one that is not", Is::Code(29), |stage| {
        let (there, not) = (described(stage, TOPIC)?, described(stage, "no-such-topic")?);
        ensure!(there == not, "it shows which one is there: {there:?} and {not:?}");
        Ok(there)
    }),
    Row::new("FindCoordinator, without Describe on the group", Is::Code(30), |stage| {
        let request = FindCoordinatorRequest::default().with_key(text("group"));
        Ok(Is::Code(visitor(stage)?.call(3, &request)?.error_code))
    }),
    Row::new("CreateAcls, without Alter on the cluster", Is::Code(31), |stage| {
        let request = allow(&[(TOPICS, TOPIC)]);
        let answer = visitor(stage)?.call(2, &request)?;
        Ok(Is::Code(answer.results.first().context("an answer for the ACL")?.error_code))
    }),
    Row::new("InitProducerId, without Write on the transactional id", Is::Code(53), |stage| {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(text("transaction").into()))
            .with_transaction_timeout_ms(60_000);
        Ok(Is::Code(visitor(stage)?.call(4, &request)?.error_code))
    }),
    Row::new("a denial says once what it would have taken", Is::Kept, told_once),
    Row::new("CreateTopics, without Create on cluster or topic", Is::Code(29), |stage| {
        Ok(Is::Code(visitor(stage)?.try_create("mine", 1, &[])?))
    }),
];

/// The log has the one ACL, and is not filled by whoever asks again and again.
fn told_once(stage: &mut Stage) -> Result<Is> {
    // Kafka's log of denials is another one
    if judged::is_kafka() {
        return Ok(Is::Kept);
    }
    let mut visitor = visitor(stage)?;
    let began = Instant::now();
    let mut asked = 0;
    loop {
        for _ in 0..200 {
            let answer = visitor.call(PRODUCE, &produce(TOPIC, 0, good().encode()))?;
            ensure!(produced(&answer)? == Err(29), "{answer:?}");
            asked += 1;
        }
        let log = stage.log()?;
        let denials = log.lines().filter(|line| line.contains("denied: Write on "));
        let taken = format!(
            "kafka-acls --add --allow-principal \"User:ANONYMOUS\" --operation Write --topic \
             \"{TOPIC}\""
        );
        if log.contains(&taken) {
            ensure!(denials.count() < asked / 4, "{asked} denials fill the log");
            return Ok(Is::Kept);
        }
        ensure!(began.elapsed() < Duration::from_secs(10), "no {taken} in the log");
    }
}

/// Somebody who may nothing: from 127.0.0.1 all is allowed, which closes it for the others.
fn visitor(stage: &mut Stage) -> Result<Wire> {
    let all = [(TOPICS, "*"), (GROUPS, "*"), (CLUSTERS, "kafka-cluster"), (TRANSACTIONS, "*")];
    let answer = stage.good()?.call(2, &allow(&all))?;
    ensure!(answer.results.iter().all(|result| result.error_code == 0), "{answer:?}");
    stage.wire_from(VISITOR)
}

fn allow(resources: &[(i8, &str)]) -> CreateAclsRequest {
    let creation = |(kind, name): &(i8, &str)| acl(*kind, name, "127.0.0.1", 2, 3);
    CreateAclsRequest::default().with_creations(resources.iter().map(creation).collect())
}

/// A literal ACL for everybody; operation 2 is All, permission 2 denies and 3 allows.
pub(crate) fn acl(kind: i8, name: &str, host: &str, operation: i8, permission: i8) -> AclCreation {
    AclCreation::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_resource_pattern_type(3)
        .with_principal(text("User:*"))
        .with_host(text(host))
        .with_operation(operation)
        .with_permission_type(permission)
}

fn described(stage: &mut Stage, name: &str) -> Result<Is> {
    let topic = MetadataRequestTopic::default().with_name(Some(text(name).into()));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![topic]))
        .with_allow_auto_topic_creation(false);
    let answer = visitor(stage)?.call(9, &request)?;
    let topic = answer.topics.first().context("an answer for the topic")?;
    ensure!(topic.partitions.is_empty(), "{topic:?}");
    Ok(Is::Code(topic.error_code))
}
