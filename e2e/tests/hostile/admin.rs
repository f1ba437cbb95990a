//! Topics that cannot be, settings that are none, and too much of everything.

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{
    AlterClientQuotasRequest, CreateTopicsRequest, DeleteTopicsRequest,
    IncrementalAlterConfigsRequest, InitProducerIdRequest,
};
use kastellan_e2e::wire::{Wire, text};

use super::stage::{Stage, TOPIC};
use super::table::{Is, Row};

pub(crate) const ROWS: &[Row] = &[
    Row::new("a topic named .", Is::Code(17), |stage| create(stage, ".", 1, 1)),
    Row::new("a topic named ..", Is::Code(17), |stage| create(stage, "..", 1, 1)),
    Row::new("a topic's name of 250 bytes", Is::Code(17), |stage| {
        create(stage, &"x".repeat(250), 1, 1)
    }),
    Row::new("a topic's name with a slash", Is::Code(17), |stage| create(stage, "a/b", 1, 1)),
    Row::new("a topic's name with a NUL", Is::Code(17), |stage| create(stage, "a\0b", 1, 1)),
    Row::new("a topic's name that climbs", Is::Code(17), |stage| {
        create(stage, "../../etc/passwd", 1, 1)
    }),
    Row::new("a topic without a name", Is::Code(17), |stage| create(stage, "", 1, 1)),
    Row::new("a topic that is there", Is::Code(36), |stage| create(stage, TOPIC, 1, 1)),
    Row::new("a topic without partitions", Is::Code(37), |stage| create(stage, "none", 0, 1)),
    Row::new("a topic of two thousand million partitions", Is::Code(44), |stage| {
        create(stage, "many", i32::MAX, 1)
    }),
    Row::new("a topic with more replicas than brokers", Is::Code(38), |stage| {
        create(stage, "wide", 1, 5)
    }),
    Row::new("a topic that is not there, deleted", Is::Code(3), |stage| {
        let names = vec![text("no-such-topic").into()];
        let request =
            DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(30_000);
        let answer = stage.wire()?.call(5, &request)?;
        Ok(Is::Code(answer.responses.first().context("an answer for the topic")?.error_code))
    }),
    Row::new("a setting that there is not", Is::Code(40), |stage| {
        alter(stage, 2, TOPIC, ("no.such.setting", "1"))
    }),
    Row::new("a setting that is no number", Is::Code(40), |stage| {
        alter(stage, 2, TOPIC, ("retention.ms", "a while"))
    }),
    Row::new("a setting below its least value", Is::Code(40), |stage| {
        alter(stage, 2, TOPIC, ("segment.bytes", "-1"))
    }),
    Row::new("a setting of a kind of thing that there is not", Is::Code(42), |stage| {
        alter(stage, 99, "x", ("a", "b"))
    }),
    Row::new("a producer's id for a transaction without a name", Is::Code(42), |stage| {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(text("").into()))
            .with_transaction_timeout_ms(60_000);
        Ok(Is::Code(stage.wire()?.call(4, &request)?.error_code))
    }),
    Row::new("topics faster than the quota", Is::Code(89), too_fast),
];

fn create(stage: &mut Stage, name: &str, partitions: i32, replicas: i16) -> Result<Is> {
    create_on(&mut stage.wire()?, name, partitions, replicas)
}

fn create_on(wire: &mut Wire, name: &str, partitions: i32, replicas: i16) -> Result<Is> {
    let topic = CreatableTopic::default()
        .with_name(text(name).into())
        .with_num_partitions(partitions)
        .with_replication_factor(replicas);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(30_000);
    // from this version on a quota refuses instead of slowing down (KIP-599)
    let answer = wire.call(6, &request)?;
    Ok(Is::Code(answer.topics.first().context("an answer for the topic")?.error_code))
}

/// What comes of setting something on a resource.
pub(crate) fn alter(
    stage: &mut Stage,
    kind: i8,
    name: &str,
    (key, value): (&str, &str),
) -> Result<Is> {
    let config = AlterableConfig::default().with_name(text(key)).with_value(Some(text(value)));
    let resource = AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(vec![config]);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let answer = stage.wire()?.call(1, &request)?;
    Ok(Is::Code(answer.responses.first().context("an answer for the resource")?.error_code))
}

/// Partitions that all clients of one name may create in a second.
fn quota(wire: &mut Wire, rate: Option<f64>) -> Result<()> {
    let entity = EntityData::default()
        .with_entity_type(text("client-id"))
        .with_entity_name(Some(text("judge")));
    let op = OpData::default()
        .with_key(text("controller_mutation_rate"))
        .with_value(rate.unwrap_or(0.0))
        .with_remove(rate.is_none());
    let entry = EntryData::default().with_entity(vec![entity]).with_ops(vec![op]);
    let request = AlterClientQuotasRequest::default().with_entries(vec![entry]);
    let answer = wire.call(1, &request)?;
    ensure!(answer.entries.first().is_some_and(|entry| entry.error_code == 0), "{answer:?}");
    Ok(())
}

/// One topic takes all that there is for a while, so the next is too many.
fn too_fast(stage: &mut Stage) -> Result<Is> {
    quota(&mut stage.wire()?, Some(1.0))?;
    let mut wire = stage.wire()?;
    let mut last = Is::Code(0);
    for turn in 0..20 {
        last = create_on(&mut wire, &format!("fast-{turn}"), 50, 1)?;
        if last != Is::Code(0) {
            break;
        }
    }
    // the connection that was told to wait is not read from meanwhile
    quota(&mut stage.wire()?, None)?;
    Ok(last)
}
