//! A plan as it is printed.

use kastellan_core::id::BrokerId;
use kastellan_core::placement::{self, Blocked, Broker, Cause, Move, Picture, Plan, State, Tally};
use serde::Serialize;

use crate::columns::{self, numbers, printable, words};
use crate::command::client::{Format, print, say};
use crate::failure::Failure;

/// How much is listed of what may be long; `-o json` has all of it.
const LISTED: usize = 20;

/// A plan. The names of the fields are an interface.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    brokers: Vec<OneBroker<'a>>,
    moves: Vec<OneMove<'a>>,
    blocked: Vec<OneBlocked<'a>>,
    copied_bytes: u64,
    /// How long the broker that gets most takes at the rate given.
    seconds: Option<u64>,
    more: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OneBroker<'a> {
    id: i32,
    rack: Option<&'a str>,
    state: &'static str,
    before: Held,
    after: Held,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Held {
    replicas: u64,
    leaders: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OneMove<'a> {
    topic: &'a str,
    partition: i32,
    from: Vec<i32>,
    to: Vec<i32>,
    bytes: u64,
    reason: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OneBlocked<'a> {
    topic: &'a str,
    partition: i32,
    on: Vec<i32>,
    cause: &'static str,
    message: String,
}

/// Prints what a plan for `picture` would do.
pub(super) fn show(
    picture: &Picture,
    plan: &Plan,
    rate: Option<u64>,
    format: Format,
) -> Result<(), Failure> {
    let shown = shown(picture, plan, rate);
    match format {
        Format::Json | Format::Yaml => print(format, &shown, |_| (Vec::new(), Vec::new())),
        Format::Table | Format::Wide => say(&text(&shown, format == Format::Wide)),
    }
}

fn shown<'a>(picture: &'a Picture, plan: &'a Plan, rate: Option<u64>) -> Shown<'a> {
    let (before, mut after) = (picture.tallies(), picture.tallies());
    for step in &plan.moves {
        shift(&mut after, step);
    }
    let held = |tally: Option<&Tally>| {
        let Tally { replicas, leaders, bytes, .. } = tally.copied().unwrap_or_default();
        Held { replicas, leaders, bytes }
    };
    let broker = |broker: &'a Broker| OneBroker {
        id: broker.id.0,
        rack: broker.rack.as_deref(),
        state: state(broker.state),
        before: held(before.get(&broker.id)),
        after: held(after.get(&broker.id)),
    };
    let step = |step: &'a Move| OneMove {
        topic: &step.topic,
        partition: step.index,
        from: ids(&step.from),
        to: ids(&step.to),
        bytes: step.bytes,
        reason: format!("{:?}", step.reason),
    };
    Shown {
        brokers: picture.brokers.iter().map(broker).collect(),
        moves: plan.moves.iter().map(step).collect(),
        blocked: plan.blocked.iter().map(blocked).collect(),
        copied_bytes: plan.moves.iter().map(Move::copied).sum(),
        seconds: rate.map(|rate| placement::arriving(&plan.moves).div_ceil(rate.max(1))),
        more: plan.more,
    }
}

fn shift(tallies: &mut std::collections::BTreeMap<BrokerId, Tally>, step: &Move) {
    for (slot, id) in step.from.iter().enumerate() {
        let tally = tallies.entry(*id).or_default();
        tally.replicas -= 1;
        tally.bytes -= step.bytes;
        tally.leaders -= u64::from(slot == 0);
    }
    for (slot, id) in step.to.iter().enumerate() {
        let tally = tallies.entry(*id).or_default();
        tally.replicas += 1;
        tally.bytes += step.bytes;
        tally.leaders += u64::from(slot == 0);
    }
}

fn ids(ids: &[BrokerId]) -> Vec<i32> {
    ids.iter().map(|id| id.0).collect()
}

fn state(state: State) -> &'static str {
    match state {
        State::Active => "Active",
        State::Cordoned => "Cordoned",
        State::Draining => "Leaves",
        State::Gone => "Lost",
    }
}

fn blocked(one: &Blocked) -> OneBlocked<'_> {
    let (cause, message) = match one.cause {
        Cause::NoSource => {
            ("NoSource", "no broker that is left has it in sync: its records are lost".to_owned())
        }
        Cause::TooFewBrokers { factor, active } => {
            let message =
                format!("its {factor} replicas need {factor} brokers, and {active} are left");
            ("TooFewBrokers", message)
        }
        Cause::NoRoom => ("NoRoom", "no broker has room for it".to_owned()),
        Cause::Moving => ("Moving", "it is being moved at the moment".to_owned()),
    };
    let (topic, partition, on) = (&*one.topic, one.index, ids(&one.on));
    OneBlocked { topic, partition, on, cause, message }
}

fn list(ids: &[i32]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn text(shown: &Shown<'_>, wide: bool) -> String {
    let heads = [
        numbers("BROKER"),
        words("RACK"),
        words("STATE"),
        numbers("REPLICAS"),
        numbers("THEN"),
        numbers("LEADERS"),
        numbers("THEN"),
        numbers("SIZE"),
        numbers("THEN"),
    ];
    let row = |broker: &OneBroker<'_>| {
        let (before, after) = (&broker.before, &broker.after);
        vec![
            broker.id.to_string(),
            broker.rack.unwrap_or("-").to_owned(),
            broker.state.to_owned(),
            before.replicas.to_string(),
            after.replicas.to_string(),
            before.leaders.to_string(),
            after.leaders.to_string(),
            columns::bytes(before.bytes),
            columns::bytes(after.bytes),
        ]
    };
    let rows: Vec<_> = shown.brokers.iter().map(row).collect();
    let mut lines = columns::lines(&heads, &rows, None);
    lines.push(String::new());
    lines.push(summary(shown));
    if wide && !shown.moves.is_empty() {
        let heads = [
            words("TOPIC"),
            numbers("PARTITION"),
            words("REPLICAS"),
            words("THEN"),
            numbers("SIZE"),
            words("REASON"),
        ];
        let row = |step: &OneMove<'_>| {
            let size = columns::bytes(step.bytes);
            let (from, to) = (list(&step.from), list(&step.to));
            let partition = step.partition.to_string();
            vec![step.topic.to_owned(), partition, from, to, size, step.reason.clone()]
        };
        let rows: Vec<_> = shown.moves.iter().map(row).collect();
        lines.push(String::new());
        lines.extend(columns::lines(&heads, &rows, None));
    }
    let most = if wide { usize::MAX } else { LISTED };
    if !shown.blocked.is_empty() {
        lines.push(format!("{} cannot be moved as they should:", partitions(shown.blocked.len())));
    }
    lines.extend(shown.blocked.iter().take(most).map(|one| {
        let topic = printable(one.topic);
        format!("  {topic}-{} on {}: {}", one.partition, list(&one.on), one.message)
    }));
    if shown.blocked.len() > most {
        lines.push(format!("  and {} more; -o wide lists all", shown.blocked.len() - most));
    }
    lines.join("\n") + "\n"
}

fn summary(shown: &Shown<'_>) -> String {
    if shown.moves.is_empty() {
        return "Nothing moves.".to_owned();
    }
    let copied = columns::bytes(shown.copied_bytes);
    let time = shown.seconds.map(|seconds| {
        #[expect(clippy::cast_precision_loss, reason = "whole seconds are shown")]
        let span = columns::span(seconds as f64);
        format!(", {span} at least")
    });
    let more = if shown.more { " There is more to do after that." } else { "" };
    let (count, time) = (partitions(shown.moves.len()), time.unwrap_or_default());
    let moves = if shown.moves.len() == 1 { "moves" } else { "move" };
    format!("{count} {moves}, {copied} are copied{time}.{more}")
}

fn partitions(count: usize) -> String {
    if count == 1 { "1 partition".to_owned() } else { format!("{count} partitions") }
}
