//! `kastellan status`: whether a cluster is well.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::client::{Connect, Format, Output, document, print, say};
use crate::admin::{Admin, Metadata, PartitionState};
use crate::columns::{self, numbers, words};
use crate::failure::Failure;

/// Show the brokers of a cluster, and the partitions that are not well
///
/// A partition is well when it has a leader and all of its replicas are in sync.
/// The exit code is 0 whenever the cluster answers.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, next_line_help = true, after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "Examples:
  kastellan status
  kastellan status --bootstrap kafka.example:9092 -o json | jq '.unhealthy | length'

Fields of -o json: clusterId, contact, controller, brokers[id, address, rack],
features, topics, partitions, groups, unhealthy[topic, partition, leader,
replicas, isr, offline]. What nobody knows is null.";

/// A cluster. The names of the fields are an interface.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    cluster_id: Option<String>,
    contact: Option<String>,
    controller: Option<i32>,
    brokers: Vec<Broker>,
    features: BTreeMap<String, i16>,
    topics: usize,
    partitions: usize,
    groups: usize,
    unhealthy: Vec<Unhealthy>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Broker {
    id: i32,
    address: String,
    rack: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unhealthy {
    topic: String,
    partition: i32,
    leader: Option<i32>,
    replicas: Vec<i32>,
    isr: Vec<i32>,
    offline: Vec<i32>,
}

/// Asks and prints.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let format = arguments.output.output;
    let status = arguments.connect.run(async |admin| status(admin).await)?;
    match format {
        Format::Json => say(&document(&status)?),
        Format::Yaml => print(format, &status, |_| (Vec::new(), Vec::new())),
        Format::Table | Format::Wide => say(&text(&status, format == Format::Wide)),
    }
}

async fn status(admin: &mut Admin) -> Result<Status, Failure> {
    let metadata = admin.metadata(None).await?;
    let groups = admin.list_groups().await?.len();
    let leader = admin.quorum_leader().await?;
    let controller = leader.or((metadata.controller >= 0).then_some(metadata.controller));
    let unhealthy = unhealthy(&metadata);
    let broker = |(id, node): (&i32, &crate::admin::Node)| Broker {
        id: *id,
        address: node.address.clone(),
        rack: node.rack.clone(),
    };
    Ok(Status {
        cluster_id: metadata.cluster_id.clone(),
        contact: admin.address().map(str::to_owned),
        controller,
        brokers: metadata.brokers.iter().map(broker).collect(),
        features: admin.features(),
        topics: metadata.topics.len(),
        partitions: metadata.topics.values().map(|topic| topic.partitions.len()).sum(),
        groups,
        unhealthy,
    })
}

fn unhealthy(metadata: &Metadata) -> Vec<Unhealthy> {
    let row = |((topic, partition), state): ((String, i32), &PartitionState)| Unhealthy {
        topic,
        partition,
        leader: (state.leader >= 0).then_some(state.leader),
        replicas: state.replicas.clone(),
        isr: state.isr.clone(),
        offline: state.offline.clone(),
    };
    metadata.partitions().filter(|(_, state)| !state.healthy()).map(row).collect()
}

fn ids(ids: &[i32]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(",")
}

fn text(status: &Status, wide: bool) -> String {
    let id = status.cluster_id.as_deref().unwrap_or("(none)");
    let mut lines = vec![
        format!("Cluster:     {id}"),
        format!("Contact:     {}", status.contact.as_deref().unwrap_or("-")),
        format!("Topics:      {}", status.topics),
        format!("Partitions:  {} ({} not well)", status.partitions, status.unhealthy.len()),
        format!("Groups:      {}", status.groups),
    ];
    let level = status.features.get("metadata.version");
    lines.extend(level.map(|level| format!("Version:     metadata.version {level}")));
    if wide {
        let others = status.features.iter().filter(|(name, _)| *name != "metadata.version");
        lines.extend(others.map(|(name, level)| format!("Feature:     {name} {level}")));
    }
    let heads = [numbers("BROKER"), words("ADDRESS"), words("RACK"), words("ROLE")];
    let row = |broker: &Broker| {
        let role = if status.controller == Some(broker.id) { "controller" } else { "" };
        let rack = broker.rack.clone().unwrap_or_else(|| "-".to_owned());
        vec![broker.id.to_string(), broker.address.clone(), rack, role.to_owned()]
    };
    let rows: Vec<Vec<String>> = status.brokers.iter().map(row).collect();
    lines.extend(columns::lines(&heads, &rows, None));
    if !status.unhealthy.is_empty() {
        let heads = [
            words("NOT WELL"),
            numbers("PARTITION"),
            numbers("LEADER"),
            words("REPLICAS"),
            words("ISR"),
        ];
        let row = |one: &Unhealthy| {
            let leader = one.leader.map_or_else(|| "none".to_owned(), |leader| leader.to_string());
            let (replicas, isr) = (ids(&one.replicas), ids(&one.isr));
            vec![one.topic.clone(), one.partition.to_string(), leader, replicas, isr]
        };
        let rows: Vec<Vec<String>> = status.unhealthy.iter().map(row).collect();
        lines.extend(columns::lines(&heads, &rows, None));
    }
    lines.join("\n") + "\n"
}
