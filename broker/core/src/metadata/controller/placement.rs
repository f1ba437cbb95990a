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
                "replication factor {replication_factor} needs as many running brokers, there {} {}",
                if line.len() == 1 { "is" } else { "are" },
                line.len()
            ),
        ));
    }
    let replicas = |partition: usize| {
        let start = first + partition;
        // each time round the line the followers move on by one, so that they are not always the
        // same neighbours of a leader
        let shift = start / line.len();
        let broker = |replica: usize| {
            let step = match replica {
                0 => 0,
                _ => 1 + (replica - 1 + shift) % (line.len() - 1),
            };
            line.get((start + step) % line.len()).copied()
        };
        (0..replication_factor).filter_map(broker).collect()
    };
    Ok((0..count).map(replicas).collect())
}

/// Running brokers, one of each rack in turn.
fn line_up(image: &Image) -> Vec<BrokerId> {
    let mut racks: BTreeMap<Option<&str>, Vec<BrokerId>> = BTreeMap::new();
    for broker in image.brokers().filter(|broker| !broker.fenced && !broker.in_controlled_shutdown)
    {
        racks.entry(broker.rack.as_deref()).or_default().push(broker.id);
    }
    let longest = racks.values().map(Vec::len).max().unwrap_or_default();
    (0..longest)
        .flat_map(|turn| racks.values().filter_map(move |rack| rack.get(turn).copied()))
        .collect()
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
