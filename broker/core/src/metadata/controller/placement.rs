//! Where the replicas of new partitions go.
//!
//! Brokers are lined up so that neighbours stand in different racks as far as possible; partition
//! after partition takes the next ones in the line. Leaders and replicas are so spread evenly.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_protocol::ErrorCode;

use super::Failure;
use crate::{id::BrokerId, metadata::Image};

/// The replicas of `count` new partitions, the preferred leader first; `first` says where in the
/// line to start. Brokers that do not run get replicas only where the others do not suffice, and
/// never the lead: a topic can be created while a broker restarts.
pub(super) fn place(
    image: &Image,
    first: usize,
    count: usize,
    replication_factor: usize,
) -> Result<Vec<Vec<BrokerId>>, Failure> {
    let line = line_up(image, true);
    let waiting = line_up(image, false);
    let all = line.len() + waiting.len();
    if replication_factor == 0 || replication_factor > all || line.is_empty() {
        return Err(Failure::new(
            ErrorCode::InvalidReplicationFactor,
            format!(
                "replication factor {replication_factor} needs as many brokers, one of them \
                 running: {} of {all} {} running",
                line.len(),
                if line.len() == 1 { "is" } else { "are" },
            ),
        ));
    }
    let one = |partition| {
        let start = first.wrapping_add(partition);
        let mut chosen = replicas(&line, start, replication_factor);
        let missing = replication_factor - chosen.len();
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
fn line_up(image: &Image, active: bool) -> Vec<(Rack<'_>, BrokerId)> {
    let mut racks: BTreeMap<Rack<'_>, Vec<BrokerId>> = BTreeMap::new();
    for broker in image.brokers().filter(|broker| broker.is_active() == active) {
        racks.entry(broker.rack.as_deref()).or_default().push(broker.id);
    }
    let longest = racks.values().map(Vec::len).max().unwrap_or_default();
    let turn = |turn: usize| {
        racks.iter().filter_map(move |(rack, brokers)| Some((*rack, *brokers.get(turn)?)))
    };
    (0..longest).flat_map(turn).collect()
}

/// Checks replicas that somebody chose by hand for a new partition.
pub(super) fn check_assignment(
    image: &Image,
    partition: i32,
    replicas: &[BrokerId],
    replication_factor: usize,
) -> Result<(), Failure> {
    check_brokers(image, partition, replicas)?;
    if replicas.len() != replication_factor {
        return refuse(format!(
            "partition {partition} is assigned {} replicas, the others have {replication_factor}",
            replicas.len()
        ));
    }
    let running = |id: &BrokerId| image.broker(*id).is_some_and(|broker| broker.is_active());
    if !replicas.iter().any(running) {
        return refuse(format!("no broker in the assignment of partition {partition} is running"));
    }
    Ok(())
}

/// Checks that replicas are registered brokers, each once.
pub(super) fn check_brokers(
    image: &Image,
    partition: i32,
    replicas: &[BrokerId],
) -> Result<(), Failure> {
    if replicas.is_empty() {
        return refuse(format!("the assignment of partition {partition} has no replicas"));
    }
    let distinct: BTreeSet<_> = replicas.iter().collect();
    if distinct.len() != replicas.len() {
        return refuse(format!("the assignment of partition {partition} names a broker twice"));
    }
    if let Some(unknown) = distinct.iter().find(|broker| image.broker(***broker).is_none()) {
        return refuse(format!(
            "the assignment of partition {partition} names broker {}, which is not registered",
            unknown.0
        ));
    }
    Ok(())
}

fn refuse(message: String) -> Result<(), Failure> {
    Err(Failure::new(ErrorCode::InvalidReplicaAssignment, message))
}
