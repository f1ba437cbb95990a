//! `kastellan topics`: list, describe, create, alter, delete.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use self::show::{describe, list};
use super::client::{self, Connect, Output, results};
use crate::admin::{Answers, Change, NewTopic, TOPIC};
use crate::failure::Failure;

mod show;

/// List, describe, create, alter and delete topics of a cluster
///
/// Without a sub-command: lists all topics but the brokers' own. RECORDS counts
/// offsets, so a compacted topic may have fewer. SIZE is one replica's.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    next_line_help = true,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: List,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "Examples:
  kastellan topics
  kastellan topics describe greetings
  kastellan topics create orders --partitions 6 --config retention.ms=86400000
  kastellan topics alter orders --partitions 12 --unset retention.ms
  kastellan topics delete orders
  kastellan topics -o json | jq -r '.[].name'

Fields of -o json, for list: name, internal, partitions, replicas,
unhealthyPartitions, records, bytes; for describe: name, id, internal,
partitions[partition, leader, replicas, isr, offline, earliest, latest, bytes],
config[name, value, source, readOnly]. What nobody knows is null.";

#[derive(Debug, Subcommand)]
enum Action {
    /// List topics
    List(List),
    /// Show the partitions of topics, and what was set on them
    Describe(Describe),
    /// Create topics
    Create(Create),
    /// Add partitions to topics, or change their settings
    Alter(Alter),
    /// Delete topics and their records
    Delete(Delete),
}

#[derive(Debug, Clone, Args)]
struct List {
    /// The brokers' own topics, too
    #[arg(long)]
    internal: bool,
}

#[derive(Debug, Args)]
struct Describe {
    /// Which topics
    #[arg(required = true, value_name = "TOPIC")]
    names: Vec<String>,
    /// All settings in force, not only those set on the topic
    #[arg(long)]
    all_config: bool,
}

#[derive(Debug, Args)]
struct Create {
    /// Their names
    #[arg(required = true, value_name = "TOPIC")]
    names: Vec<String>,
    /// How many partitions [default: the cluster's num.partitions]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    /// How many copies [default: the cluster's default.replication.factor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i16).range(1..))]
    replicas: Option<i16>,
    /// A setting under its Kafka name. May be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    config: Vec<(String, String)>,
    /// Succeed where there is such a topic already, and leave it as it is
    #[arg(long)]
    if_not_exists: bool,
    /// Only check whether it would work
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct Alter {
    /// Which topics
    #[arg(required = true, value_name = "TOPIC")]
    names: Vec<String>,
    /// How many partitions in all; never fewer than there are
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    /// A setting under its Kafka name. May be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    config: Vec<(String, String)>,
    /// A setting that goes back to its default. May be repeated
    #[arg(long, value_name = "NAME")]
    unset: Vec<String>,
    /// Only check whether it would work
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct Delete {
    /// Which topics
    #[arg(required = true, value_name = "TOPIC")]
    names: Vec<String>,
    /// Succeed where there is no such topic
    #[arg(long)]
    if_exists: bool,
}

fn setting(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, as in retention.ms=86400000".to_owned()),
    }
}

/// Does what was asked.
pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { action, list: all, connect, output } = arguments;
    match action.unwrap_or(Action::List(all)) {
        Action::List(which) => {
            connect.run(async |admin| list(admin, which.internal, output.output).await)
        }
        Action::Describe(which) => {
            let Describe { names, all_config } = which;
            connect.run(async |admin| describe(admin, &names, all_config, output.output).await)
        }
        Action::Create(what) => create(&what, &connect, output),
        Action::Alter(what) => alter(&what, &connect, output),
        Action::Delete(which) => delete(&which, &connect, output),
    }
}

fn create(what: &Create, connect: &Connect, output: Output) -> Result<(), Failure> {
    let config: BTreeMap<String, String> = what.config.iter().cloned().collect();
    let topic = |name: &String| NewTopic {
        name: name.clone(),
        partitions: what.partitions,
        replicas: what.replicas,
        config: config.clone(),
    };
    let topics: Vec<NewTopic> = what.names.iter().map(topic).collect();
    let mut answers = connect.run(async |admin| Ok(admin.create(&topics, what.dry_run).await?))?;
    if what.if_not_exists {
        forgive(&mut answers, kastellan_protocol::ErrorCode::TopicAlreadyExists);
    }
    results("topic", if what.dry_run { "created (dry run)" } else { "created" }, &answers, output)
}

/// A refusal that changes nothing is none.
fn forgive(answers: &mut Answers, error: kastellan_protocol::ErrorCode) {
    for answer in answers.values_mut() {
        if answer.as_ref().is_err_and(|why| why.is(error)) {
            *answer = Ok(());
        }
    }
}

fn alter(what: &Alter, connect: &Connect, output: Output) -> Result<(), Failure> {
    let set = what.config.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
    let unset = what.unset.iter().map(|name| (name.clone(), None));
    let changes: Vec<Change> = set.chain(unset).collect();
    if changes.is_empty() && what.partitions.is_none() {
        return Err(Failure::usage("nothing to alter")
            .help("say what: --partitions N, --config NAME=VALUE or --unset NAME"));
    }
    let answers = connect.run(async |admin| {
        let there = client::topics(admin, &what.names).await?;
        let mut answers: Answers = what.names.iter().map(|name| (name.clone(), Ok(()))).collect();
        if !changes.is_empty() {
            let each = what.names.iter().map(|name| (name.clone(), changes.clone())).collect();
            answers.extend(admin.alter(TOPIC, &each, what.dry_run).await?);
        }
        let grows = |name: &&String| {
            let now = there.topics.get(*name).map(|topic| topic.partitions.len());
            // what has as many already is as asked
            let asked = what.partitions.and_then(|asked| usize::try_from(asked).ok());
            asked.is_some() && asked != now && answers.get(*name) == Some(&Ok(()))
        };
        let more: Vec<(String, i32)> = what
            .names
            .iter()
            .filter(grows)
            .map(|name| (name.clone(), what.partitions.unwrap_or_default()))
            .collect();
        if !more.is_empty() {
            answers.extend(admin.extend(&more, what.dry_run).await?);
        }
        Ok(answers)
    })?;
    results("topic", if what.dry_run { "altered (dry run)" } else { "altered" }, &answers, output)
}

fn delete(which: &Delete, connect: &Connect, output: Output) -> Result<(), Failure> {
    let answers = connect.run(async |admin| {
        if !which.if_exists {
            client::topics(admin, &which.names).await?;
        }
        let mut answers = admin.delete(&which.names).await?;
        if which.if_exists {
            forgive(&mut answers, kastellan_protocol::ErrorCode::UnknownTopicOrPartition);
        }
        Ok(answers)
    })?;
    results("topic", "deleted", &answers, output)
}
