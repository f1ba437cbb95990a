//! `kastellan groups reset-offsets`: where a group is to read on.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::known;
use crate::admin::{Admin, Metadata, Partition, Spot};
use crate::columns::{numbers, printable, words};
use crate::command::client::{self, Format, print, remark};
use crate::command::moment;
use crate::failure::Failure;

/// Which offsets of which group go where.
#[derive(Debug, Args)]
pub(super) struct Reset {
    /// Which group
    #[arg(value_name = "GROUP")]
    group: String,
    /// The offsets of this topic, or of some of its partitions. May be repeated
    #[arg(long, value_name = "TOPIC[:P,...]", required_unless_present = "all_topics")]
    topic: Vec<String>,
    /// All offsets that the group has committed
    #[arg(long, conflicts_with = "topic")]
    all_topics: bool,
    #[command(flatten)]
    target: Target,
    /// Do it
    #[arg(long)]
    execute: bool,
}

/// Where to.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// To the first record
    #[arg(long)]
    to_earliest: bool,
    /// Behind the last record
    #[arg(long)]
    to_latest: bool,
    /// To this offset, or to the end of the log that is nearer to it
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    to_offset: Option<i64>,
    /// To the first record of this time or later: 2026-01-31T08:00:00Z, or 2h
    /// for two hours ago
    #[arg(long, value_name = "TIME", value_parser = moment::parse, verbatim_doc_comment)]
    to_datetime: Option<i64>,
    /// So many records forward, or back if negative
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    shift_by: Option<i64>,
}

/// One offset that moves. The names of the fields are an interface.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Move {
    topic: String,
    partition: i32,
    from: Option<i64>,
    to: i64,
}

/// Shows what would be done, and does it when told to.
pub(super) async fn run(admin: &mut Admin, what: &Reset, format: Format) -> Result<(), Failure> {
    let names = [what.group.clone()];
    // a group comes into being with its first offset, so it need not exist for named topics
    if what.all_topics {
        known(admin, &names).await?;
    }
    let mut committed = admin.committed(&names).await?;
    let committed = committed.remove(&what.group).unwrap_or_else(|| Ok(BTreeMap::new()));
    let committed =
        committed.map_err(|why| Failure::new(format!("group/{}: {why}", what.group)))?;
    let (metadata, partitions) = partitions(admin, what, &committed).await?;
    let targets = targets(admin, &metadata, &partitions, &what.target, &committed).await?;
    let moves: Vec<Move> = targets
        .iter()
        .map(|((topic, partition), to)| Move {
            topic: topic.clone(),
            partition: *partition,
            from: committed.get(&(topic.clone(), *partition)).copied(),
            to: *to,
        })
        .collect();
    if what.execute {
        execute(admin, &what.group, &targets).await?;
    }
    print(format, &moves, |_| {
        let heads = vec![words("TOPIC"), numbers("PARTITION"), numbers("FROM"), numbers("TO")];
        let row = |one: &Move| {
            let from = one.from.map_or_else(|| "-".to_owned(), |from| from.to_string());
            vec![one.topic.clone(), one.partition.to_string(), from, one.to.to_string()]
        };
        (heads, moves.iter().map(row).collect())
    })?;
    if !what.execute {
        remark("nothing was changed: add --execute to do it");
    }
    Ok(())
}

async fn execute(
    admin: &mut Admin,
    group: &str,
    targets: &BTreeMap<Partition, i64>,
) -> Result<(), Failure> {
    let answers = admin.commit(group, None, targets).await?;
    let refused = answers.into_iter().find_map(|(place, answer)| Some((place, answer.err()?)));
    let Some(((topic, partition), why)) = refused else { return Ok(()) };
    let failure = Failure::new(format!(
        "group/{}: the offset of {topic}-{partition} was refused: {why}",
        printable(group)
    ));
    // the coordinator takes offsets from members only while there are any
    let busy = why.is(kastellan_protocol::ErrorCode::UnknownMemberId);
    Err(if busy { failure.help("stop the group's members first") } else { failure })
}

/// The partitions whose offsets move.
async fn partitions(
    admin: &mut Admin,
    what: &Reset,
    committed: &BTreeMap<Partition, i64>,
) -> Result<(Metadata, Vec<Partition>), Failure> {
    if what.all_topics {
        let mut topics: Vec<String> = committed.keys().map(|(topic, _)| topic.clone()).collect();
        topics.dedup();
        let metadata = admin.metadata(Some(&topics)).await?;
        // offsets may outlive their topics
        let there = committed.keys().filter(|place| metadata.leader(place).is_some());
        let there = there.cloned().collect();
        return Ok((metadata, there));
    }
    let mut asked = Vec::new();
    for argument in &what.topic {
        asked.push(match argument.split_once(':') {
            None => (argument.clone(), None),
            Some((topic, numbers)) => {
                let numbers: Result<Vec<i32>, _> =
                    numbers.split(',').map(|number| number.trim().parse()).collect();
                let numbers = numbers.or(Err(Failure::usage(format!(
                    "--topic {argument}: write TOPIC or TOPIC:0,1"
                ))))?;
                (topic.to_owned(), Some(numbers))
            }
        });
    }
    let names: Vec<String> = asked.iter().map(|(topic, _)| topic.clone()).collect();
    let metadata = client::topics(admin, &names).await?;
    let mut partitions = Vec::new();
    for (name, numbers) in asked {
        let Some(topic) = metadata.topics.get(&name) else { continue };
        for number in numbers.unwrap_or_else(|| topic.partitions.keys().copied().collect()) {
            if !topic.partitions.contains_key(&number) {
                let count = topic.partitions.len();
                let message = format!("topic {name:?} has no partition {number}, only {count}");
                return Err(Failure::new(message));
            }
            partitions.push((name.clone(), number));
        }
    }
    Ok((metadata, partitions))
}

async fn targets(
    admin: &mut Admin,
    metadata: &Metadata,
    partitions: &[Partition],
    target: &Target,
    committed: &BTreeMap<Partition, i64>,
) -> Result<BTreeMap<Partition, i64>, Failure> {
    let spot = match (target.to_earliest, target.to_datetime) {
        (true, _) => Some(Spot::Earliest),
        (_, Some(time)) => Some(Spot::Time(time)),
        _ => target.to_latest.then_some(Spot::Latest),
    };
    if let Some(spot) = spot {
        return found(admin.offsets(metadata, partitions, spot).await?);
    }
    // an offset outside the log would be where nobody can read
    let earliest = found(admin.offsets(metadata, partitions, Spot::Earliest).await?)?;
    let latest = found(admin.offsets(metadata, partitions, Spot::Latest).await?)?;
    let wanted = |place: &Partition| match (target.to_offset, target.shift_by) {
        (Some(offset), _) => Some(offset),
        (None, Some(by)) => Some(committed.get(place)?.saturating_add(by)),
        (None, None) => None,
    };
    let within = |place: &Partition| {
        let (low, high) = (*earliest.get(place)?, *latest.get(place)?);
        Some((place.clone(), wanted(place)?.clamp(low, high.max(low))))
    };
    Ok(partitions.iter().filter_map(within).collect())
}

fn found(
    offsets: BTreeMap<Partition, Result<i64, crate::admin::Refusal>>,
) -> Result<BTreeMap<Partition, i64>, Failure> {
    let known = |((topic, number), offset): (Partition, Result<i64, crate::admin::Refusal>)| {
        let offset = offset.map_err(|why| Failure::new(format!("{topic}-{number}: {why}")))?;
        Ok(((topic, number), offset))
    };
    offsets.into_iter().map(known).collect()
}
