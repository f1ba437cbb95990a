//! `kastellan consume`: records become lines of stdout.

use std::time::Duration;

use clap::Args;

use self::from::From;
use self::group::in_a_group;
use self::print::{Look, Printer};
use self::read::Reader;
use super::client::{Connect, Output, topics};
use crate::admin::{Admin, Partition};
use crate::failure::Failure;

mod from;
mod group;
mod print;
mod read;

/// How long a broker may wait for the next record before it answers.
const WAIT: Duration = Duration::from_millis(500);

/// Print the records of a topic, one a line
///
/// Without --follow: prints what is there now, and ends. With --group: reads on
/// where the group is, and commits what was printed; several may share a topic.
/// Records of transactions that were aborted are printed as well.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(verbatim_doc_comment, next_line_help = true, after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Which topic
    #[arg(value_name = "TOPIC")]
    topic: String,
    /// Where to begin: beginning, end, an offset, -N for the last N records
    /// of each partition, a time (2026-01-31T08:00:00Z), or an age (10m)
    /// [default: beginning]
    #[arg(
        long,
        default_value = "beginning",
        value_name = "WHERE",
        value_parser = from::parse,
        allow_hyphen_values = true,
        hide_default_value = true,
        verbatim_doc_comment
    )]
    from: From,
    /// Go on with new records until stopped
    #[arg(short, long)]
    follow: bool,
    /// End after so many records
    #[arg(short = 'n', long, value_name = "N")]
    max: Option<u64>,
    /// Read this partition only. May be repeated
    #[arg(short, long, value_name = "N", conflicts_with = "group")]
    partition: Vec<i32>,
    /// Read as a member of this consumer group; --from is for partitions that
    /// it has not read before
    #[arg(short, long, value_name = "GROUP", verbatim_doc_comment)]
    group: Option<String>,
    /// Print the key and this text before the value (\t is a tab)
    #[arg(short, long, value_name = "TEXT")]
    key_separator: Option<String>,
    /// Print the headers before the value, as NAME=VALUE,...
    #[arg(long)]
    headers: bool,
    /// Print the timestamp before the value
    #[arg(long)]
    timestamps: bool,
    /// Print PARTITION:OFFSET before the value
    #[arg(long)]
    offsets: bool,
    /// What stands for a null key or value [default: nothing]
    #[arg(long, value_name = "TEXT")]
    null: Option<String>,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "Examples:
  kastellan consume greetings
  kastellan consume users -k : --from -10
  kastellan consume events --follow --from 10m --timestamps
  kastellan consume events --group riders --max 100
  kastellan consume events -o json | jq -r .value

-o wide is --timestamps --offsets --headers and a key separator of one tab.
-o json prints one JSON object a line, with the fields topic, partition, offset,
timestamp (milliseconds), key, value, headers[name, value]; bytes that are not
UTF-8 are in keyBase64 or valueBase64 instead.";

/// Prints records until the end, or for ever.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let look = Look {
        format: arguments.output.output,
        separator: arguments.key_separator.as_ref().map(|text| text.replace("\\t", "\t")),
        headers: arguments.headers,
        timestamps: arguments.timestamps,
        offsets: arguments.offsets,
        null: arguments.null.clone().unwrap_or_default(),
    };
    let printer = Printer::new(arguments.topic.clone(), look, arguments.max);
    arguments.connect.run(async |admin| match &arguments.group {
        Some(group) => in_a_group(admin, arguments, group, printer).await,
        None => alone(admin, arguments, printer).await,
    })
}

/// Reads without a group: a signal just ends the process.
async fn alone(
    admin: &mut Admin,
    arguments: &Arguments,
    mut printer: Printer,
) -> Result<(), Failure> {
    let partitions = partitions(admin, arguments).await?;
    let mut reader = Reader::new(admin, &arguments.topic, arguments.connect.patience()).await?;
    let starts = from::starts(admin, reader.metadata(), &partitions, arguments.from).await?;
    reader.assign(admin, starts, arguments.follow).await?;
    while !reader.is_done() && !printer.is_done() {
        reader.read(admin, WAIT, &mut printer).await?;
        printer.flush()?;
    }
    Ok(())
}

/// The partitions asked for, all of which must exist.
async fn partitions(admin: &mut Admin, arguments: &Arguments) -> Result<Vec<Partition>, Failure> {
    let name = &arguments.topic;
    let metadata = topics(admin, std::slice::from_ref(name)).await?;
    let all: Vec<i32> = metadata
        .topics
        .get(name)
        .map(|t| t.partitions.keys().copied().collect())
        .unwrap_or_default();
    if let Some(missing) = arguments.partition.iter().find(|number| !all.contains(number)) {
        let message = format!("topic {name:?} has no partition {missing}, only {}", all.len());
        return Err(Failure::new(message));
    }
    let chosen = if arguments.partition.is_empty() { &all } else { &arguments.partition };
    Ok(chosen.iter().map(|number| (name.clone(), *number)).collect())
}
