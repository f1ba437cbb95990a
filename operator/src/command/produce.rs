//! `kastellan produce`: lines of stdin become records.
//!
//! One thread reads, cuts and packs; the other sends. Between them lie a few batches at most, so a
//! slow cluster slows the reading down, and memory stays the same however long the input is.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use kastellan_protocol::compression::Codec;
use serde::Serialize;
use tokio::sync::mpsc;

use self::pack::{Packer, Rules, Sealed};
use super::client::{Connect, Format, Output, print, remark, topics};
use crate::admin::{Admin, Metadata, TOPIC};
use crate::columns;
use crate::failure::Failure;

mod lines;
mod pack;

/// Batches that wait to be sent, at most.
const WAITING: usize = 4;
/// A batch is closed at this size, before compression; earlier where the topic takes less.
const BATCH_BYTES: usize = 512 << 10;
/// What a batch has beside its records, generously.
const MARGIN: usize = 1 << 10;

/// Write the lines of stdin to a topic, one record each
///
/// Records with a key go to the partition that Kafka's Java client chooses for
/// it; the others fill one partition's batch after the other's. With --acks all
/// every record is written once, whatever is lost on the way. Ends at the end of
/// stdin; after a failure the message says how many records were written.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, next_line_help = true, after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Which topic
    #[arg(value_name = "TOPIC")]
    topic: String,
    /// What stands between key and value in a line; without it lines are values
    #[arg(short, long, value_name = "TEXT", value_parser = separator)]
    key_separator: Option<String>,
    /// A header of every record. May be repeated
    #[arg(short = 'H', long, value_name = "NAME=VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// A key or a value that is exactly this text is null: a null value
    /// deletes its key from a compacted topic
    #[arg(long, value_name = "TEXT", verbatim_doc_comment)]
    null: Option<String>,
    /// Write to this partition only
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// Compress batches: none, gzip, snappy, lz4 or zstd
    #[arg(
        short = 'z',
        long,
        value_enum,
        default_value = "none",
        value_name = "CODEC",
        hide_possible_values = true
    )]
    compression: Compression,
    /// Who must have a record before it counts as written: all replicas in
    /// sync, the leader (1), or nobody (0)
    #[arg(long, default_value = "all", value_name = "all|1|0", value_parser = acks, verbatim_doc_comment)]
    acks: i16,
    /// Say nothing about what was written
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "Examples:
  echo hello | kastellan produce greetings
  kastellan produce users -k : --null NULL < users.txt
  kastellan produce events -z zstd -H source=import --quiet < events.jsonl

Fields of -o json, printed at the end: topic, records, bytes, seconds,
partitions[partition, records, first, last].";

/// The codecs under Kafka's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Compression {
    fn codec(self) -> Codec {
        match self {
            Self::None => Codec::None,
            Self::Gzip => Codec::Gzip,
            Self::Snappy => Codec::Snappy,
            Self::Lz4 => Codec::Lz4,
            Self::Zstd => Codec::Zstd,
        }
    }
}

fn separator(text: &str) -> Result<String, String> {
    match text.replace("\\t", "\t") {
        empty if empty.is_empty() => Err("a separator has at least one letter".to_owned()),
        text => Ok(text),
    }
}

fn header(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

fn acks(argument: &str) -> Result<i16, String> {
    match argument {
        "all" | "-1" => Ok(-1),
        "1" => Ok(1),
        "0" => Ok(0),
        _ => Err("write all, 1 or 0".to_owned()),
    }
}

/// What was written. The names of the fields are an interface.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    topic: String,
    records: u64,
    bytes: u64,
    seconds: f64,
    partitions: Vec<Share>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Share {
    partition: i32,
    records: u64,
    /// The offsets of the first and the last record; `None` where nobody told.
    first: Option<i64>,
    last: Option<i64>,
}

/// Reads to the end of stdin.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let begun = Instant::now();
    let written = arguments.connect.run(async |admin| produce(admin, arguments).await)?;
    let written = Written { seconds: begun.elapsed().as_secs_f64(), ..written };
    match arguments.output.output {
        format @ (Format::Json | Format::Yaml) => {
            print(format, &written, |_| (Vec::new(), Vec::new()))
        }
        Format::Table | Format::Wide => {
            if !arguments.quiet {
                let plural = if written.records == 1 { "" } else { "s" };
                remark(&format!(
                    "{}: {} record{plural} in {}, {}",
                    written.topic,
                    written.records,
                    columns::bytes(written.bytes),
                    columns::span(written.seconds)
                ));
            }
            Ok(())
        }
    }
}

async fn produce(admin: &mut Admin, arguments: &Arguments) -> Result<Written, Failure> {
    let name = &arguments.topic;
    let mut metadata = topics(admin, std::slice::from_ref(name)).await?;
    let all: Vec<i32> = metadata
        .topics
        .get(name)
        .map(|t| t.partitions.keys().copied().collect())
        .unwrap_or_default();
    let partitions = match arguments.partition {
        Some(one) if all.contains(&one) => vec![one],
        Some(one) => {
            let message = format!("topic {name:?} has no partition {one}, only {}", all.len());
            return Err(Failure::new(message));
        }
        None => all,
    };
    // only who waits for all replicas can tell what was written
    let producer = if arguments.acks == -1 { Some(admin.producer().await?) } else { None };
    let text = |text: &Option<String>| text.as_ref().map(|text| text.clone().into_bytes());
    let bytes =
        |(name, value): &(String, String)| (name.clone().into_bytes(), value.clone().into_bytes());
    let rules = Rules {
        separator: text(&arguments.key_separator),
        null: text(&arguments.null),
        headers: arguments.header.iter().map(bytes).collect(),
        codec: arguments.compression.codec(),
        batch_bytes: batch_bytes(admin, name).await?,
        partitions,
        producer,
    };
    let (sender, sealed) = mpsc::channel(WAITING);
    // not a task of the runtime: nobody waits for it when the cluster fails while stdin is silent
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || lines::pack_stdin(Packer::new(rules, sender)))
        .map_err(|why| Failure::new(format!("start a thread that reads stdin: {why}")))?;
    send(admin, &mut metadata, arguments, sealed).await
}

/// How large a batch may become: as large as is useful, or as the topic takes.
async fn batch_bytes(admin: &mut Admin, topic: &str) -> Result<usize, Failure> {
    let mut settings = admin.settings(TOPIC, &[topic.to_owned()]).await?;
    let settings = settings.remove(topic).and_then(Result::ok).unwrap_or_default();
    let largest = settings.iter().find(|setting| setting.name == "max.message.bytes");
    let largest = largest.and_then(|setting| setting.value.as_ref()?.parse::<usize>().ok());
    let largest = largest.map_or(BATCH_BYTES, |largest| largest.saturating_sub(MARGIN));
    Ok(largest.clamp(MARGIN, BATCH_BYTES))
}

/// Sends batch after batch, one per partition at a time, until there are no more.
async fn send(
    admin: &mut Admin,
    metadata: &mut Metadata,
    arguments: &Arguments,
    mut sealed: mpsc::Receiver<Result<Sealed, Failure>>,
) -> Result<Written, Failure> {
    let mut shares = BTreeMap::<i32, Share>::new();
    let mut bytes = 0;
    let mut next = None;
    loop {
        let first = match next.take() {
            Some(first) => Some(Ok(first)),
            None => sealed.recv().await,
        };
        let mut failure = None;
        let mut round = BTreeMap::<i32, Sealed>::new();
        match first {
            None => break,
            Some(Err(why)) => failure = Some(why),
            Some(Ok(first)) => drop(round.insert(first.partition, first)),
        }
        // what waits already goes along, a partition's second batch excepted
        while failure.is_none() && next.is_none() {
            match sealed.try_recv() {
                Ok(Ok(batch)) if round.contains_key(&batch.partition) => next = Some(batch),
                Ok(Ok(batch)) => drop(round.insert(batch.partition, batch)),
                Ok(Err(why)) => failure = Some(why),
                Err(_) => break,
            }
        }
        let batches: BTreeMap<i32, Bytes> =
            round.iter().map(|(number, batch)| (*number, batch.bytes.clone())).collect();
        if !batches.is_empty() {
            let topic = &arguments.topic;
            let answers = admin.produce(metadata, topic, arguments.acks, &batches).await;
            let answers = answers.map_err(|why| so_far(Failure::from(why), &shares))?;
            for (number, answer) in answers {
                let Some(batch) = round.get(&number) else { continue };
                let offset = answer.map_err(|why| {
                    let why = format!("partition {number} of {topic}: {why}");
                    so_far(Failure::new(why), &shares)
                })?;
                bytes += batch.bytes.len() as u64;
                count(&mut shares, batch, offset);
            }
        }
        if let Some(why) = failure {
            return Err(so_far(why, &shares));
        }
    }
    Ok(Written {
        topic: arguments.topic.clone(),
        records: shares.values().map(|share| share.records).sum(),
        bytes,
        seconds: 0.0,
        partitions: shares.into_values().collect(),
    })
}

fn count(shares: &mut BTreeMap<i32, Share>, batch: &Sealed, offset: i64) {
    let first = (offset >= 0).then_some(offset);
    let share = shares.entry(batch.partition).or_insert(Share {
        partition: batch.partition,
        records: 0,
        first,
        last: None,
    });
    share.records += u64::from(batch.records);
    share.last = first.map(|first| first + i64::from(batch.records) - 1);
}

fn so_far(why: Failure, shares: &BTreeMap<i32, Share>) -> Failure {
    let records: u64 = shares.values().map(|share| share.records).sum();
    if records == 0 { why } else { why.help(format!("{records} records were written before")) }
}
