//! Where the replicas of new partitions go.
//!
//! Brokers are lined up so that neighbours stand in different racks as far as possible; partition
//! after partition takes the next ones in the line. Leaders and replicas are so spread evenly.

use std::collections::BTreeMap;

use crate::id::BrokerId;

/// A broker that may get replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Its node id.
    pub id: BrokerId,
    /// Its rack.
    pub rack: Option<&'a str>,
    /// Whether it runs.
    pub running: bool,
}

/// There are fewer brokers than replicas, or none of them runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "replication factor {factor} needs as many brokers, one of them running: {running} of {all} \
     {} running", if *.running == 1 { "is" } else { "are" }
)]
pub struct TooFew {
    factor: usize,
    running: usize,
    all: usize,
}

/// The replicas of `count` new partitions, the preferred leader first; `first` says where in the
/// line to start. Brokers that do not run get replicas only where the others do not suffice, and
/// never the lead: a topic can be created while a broker restarts.
pub fn spread(
    brokers: &[Candidate<'_>],
    first: usize,
    count: usize,
    factor: usize,
) -> Result<Vec<Vec<BrokerId>>, TooFew> {
    let line = line_up(brokers, true);
    let waiting = line_up(brokers, false);
    let all = line.len() + waiting.len();
    if factor == 0 || factor > all || line.is_empty() {
        return Err(TooFew { factor, running: line.len(), all });
    }
    let one = |partition| {
        let start = first.wrapping_add(partition);
        let mut chosen = replicas(&line, start, factor);
        let missing = factor - chosen.len();
        if missing > 0 {
            chosen.extend(replicas(&waiting, start, missing));
        }
        chosen
    };
    Ok((0..count).map(one).collect())
}

/// The leader stands at `start` in the line; followers come from further on, other racks first.
fn replicas(line: &[(Rack<'_>, BrokerId)], start: usize, count: usize) -> Vec<BrokerId> {
    let others = line.len() - 1;
    // each time round the line the followers move on by one, so that a leader does not always have
    // the same neighbours
    let shift = start / line.len();
    let follower = |step: usize| start + 1 + (step + shift) % others;
    let order = std::iter::once(start).chain((0..others).map(follower));
    let mut chosen: Vec<(Rack<'_>, BrokerId)> = Vec::with_capacity(count);
    let mut passed_over = Vec::new();
    for &(rack, broker) in order.filter_map(|at| line.get(at % line.len())) {
        let taken = rack.is_some() && chosen.iter().any(|(other, _)| *other == rack);
        if taken { &mut passed_over } else { &mut chosen }.push((rack, broker));
    }
    chosen.into_iter().chain(passed_over).map(|(_, broker)| broker).take(count).collect()
}

type Rack<'a> = Option<&'a str>;

/// Brokers that run, or those that do not, one of each rack in turn.
fn line_up<'a>(brokers: &[Candidate<'a>], running: bool) -> Vec<(Rack<'a>, BrokerId)> {
    let mut racks: BTreeMap<Rack<'_>, Vec<BrokerId>> = BTreeMap::new();
    for broker in brokers.iter().filter(|broker| broker.running == running) {
        racks.entry(broker.rack).or_default().push(broker.id);
    }
    let longest = racks.values().map(Vec::len).max().unwrap_or_default();
    let turn = |turn: usize| {
        racks.iter().filter_map(move |(rack, brokers)| Some((*rack, *brokers.get(turn)?)))
    };
    (0..longest).flat_map(turn).collect()
}
