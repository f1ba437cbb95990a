//! Where the replicas of new partitions go.
//!
//! Brokers are lined up so that neighbours stand in different racks as far as possible; partition
//! after partition takes the next ones in the line. Leaders and replicas are so spread evenly.

use std::collections::BTreeMap;

use kastellan_protocol::ErrorCode;

use super::Failure;
use crate::{id::BrokerId, metadata::Image};

/// The replicas of `count` new partitions, the preferred leader first; `first` says where in the
/// line to start.
pub(super) fn place(
    image: &Image,
    first: usize,
    count: usize,
    replication_factor: usize,
) -> Result<Vec<Vec<BrokerId>>, Failure> {
    let line = line_up(image);
    if replication_factor == 0 || replication_factor > line.len() {
        return Err(Failure::new(
            ErrorCode::InvalidReplicationFactor,
            format!(
                "replication factor {replication_factor} needs as many running brokers, there {} \
                 {}",
                if line.len() == 1 { "is" } else { "are" },
                line.len()
            ),
        ));
    }
    Ok((0..count).map(|partition| replicas(&line, first + partition, replication_factor)).collect())
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

/// Running brokers, one of each rack in turn.
fn line_up(image: &Image) -> Vec<(Rack<'_>, BrokerId)> {
    let mut racks: BTreeMap<Rack<'_>, Vec<BrokerId>> = BTreeMap::new();
    for broker in image.brokers().filter(|broker| !broker.fenced && !broker.in_controlled_shutdown)
    {
        racks.entry(broker.rack.as_deref()).or_default().push(broker.id);
    }
    let longest = racks.values().map(Vec::len).max().unwrap_or_default();
    let turn = |turn: usize| {
        racks.iter().filter_map(move |(rack, brokers)| Some((*rack, *brokers.get(turn)?)))
    };
    (0..longest).flat_map(turn).collect()
}

/// Checks replicas that somebody chose by hand.
pub(super) fn check_assignment(
    image: &Image,
    partition: i32,
    replicas: &[BrokerId],
    replication_factor: usize,
) -> Result<(), Failure> {
    let refuse = |message| Err(Failure::new(ErrorCode::InvalidReplicaAssignment, message));
    if replicas.is_empty() {
        return refuse(format!("the assignment of partition {partition} has no replicas"));
    }
    let mut sorted = replicas.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() != replicas.len() {
        return refuse(format!("the assignment of partition {partition} names a broker twice"));
    }
    if let Some(unknown) = sorted.iter().find(|broker| image.broker(**broker).is_none()) {
        return refuse(format!(
            "the assignment of partition {partition} names broker {}, which is not registered",
            unknown.0
        ));
    }
    if replicas.len() != replication_factor {
        return refuse(format!(
            "partition {partition} is assigned {} replicas, the others have {replication_factor}",
            replicas.len()
        ));
    }
    let running = |id: &&BrokerId| image.broker(**id).is_some_and(|broker| !broker.fenced);
    if !replicas.iter().any(|id| running(&id)) {
        return refuse(format!("no broker in the assignment of partition {partition} is running"));
    }
    Ok(())
}
