//! The replicas of new partitions: spread over the brokers that there are, or checked where
//! somebody chose them.

use std::{collections::BTreeSet, sync::Arc};

use kastellan_protocol::ErrorCode;

use super::Failure;
use crate::{
    config::CORDONED,
    id::BrokerId,
    metadata::{Broker, ConfigResource, Image},
    placement::{Candidate, spread},
};

/// The replicas of `count` new partitions, the preferred leader first; `first` says where to start.
pub(super) fn place(
    image: &Image,
    first: usize,
    count: usize,
    replication_factor: usize,
) -> Result<Vec<Vec<BrokerId>>, Failure> {
    let open = |broker: &&Arc<Broker>| !is_cordoned(image, broker.id);
    let brokers: Vec<_> = image.brokers().filter(open).collect();
    let candidates: Vec<_> = brokers
        .iter()
        .map(|broker| Candidate {
            id: broker.id,
            rack: broker.rack.as_deref(),
            running: broker.is_active(),
        })
        .collect();
    spread(&candidates, first, count, replication_factor)
        .map_err(|few| Failure::new(ErrorCode::InvalidReplicationFactor, few.to_string()))
}

/// Whether nothing new comes to a broker (KIP-1066). It is set on a broker by its id: the active
/// controller may be another one, and knows nothing of what brokers were started with.
fn is_cordoned(image: &Image, id: BrokerId) -> bool {
    let set = image.config(&ConfigResource::broker(&id.0.to_string()));
    set.and_then(|set| set.get(CORDONED)).is_some_and(|dirs| dirs.trim() == "*")
}

/// Checks that none of the brokers that get a replica is closed to new ones.
pub(super) fn check_open(image: &Image, partition: i32, added: &[BrokerId]) -> Result<(), Failure> {
    match added.iter().find(|id| is_cordoned(image, **id)) {
        Some(cordoned) => refuse(format!(
            "partition {partition} would get a replica on broker {}, which takes none: its \
             {CORDONED} says so",
            cordoned.0
        )),
        None => Ok(()),
    }
}

/// Checks replicas that somebody chose by hand for a new partition.
pub(super) fn check_assignment(
    image: &Image,
    partition: i32,
    replicas: &[BrokerId],
    replication_factor: usize,
) -> Result<(), Failure> {
    check_brokers(image, partition, replicas)?;
    check_open(image, partition, replicas)?;
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
