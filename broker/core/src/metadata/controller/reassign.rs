//! Partitions move between brokers (KIP-455), as far as the controller decides it: who is to be
//! added and removed, when it is over at once, and what takes it back. Adding is over when the new
//! replicas are in sync, which replication brings about; with one broker there is nobody to add.

use kastellan_protocol::ErrorCode;

use super::{
    Controller, Effect, Failure, Reassignment, change::Place, placement::check_assignment,
};
use crate::{
    id::{BrokerId, Uuid},
    machine::Ticket,
    metadata::{Image, PartitionChangeRecord},
};

impl Controller {
    pub(super) fn reassign_partitions(
        &self,
        ticket: Ticket,
        topics: Vec<Reassignment>,
        allow_factor_change: bool,
        effects: &mut Vec<Effect>,
    ) {
        let decide = |image: &Image, place: Place<'_>, target: Option<Vec<BrokerId>>| match target {
            None => cancel(image, place),
            Some(target) => reassign(image, place, &target, allow_factor_change),
        };
        self.change_partitions(ticket, topics, decide, effects);
    }
}

fn reassign(
    image: &Image,
    place: Place<'_>,
    target: &[BrokerId],
    allow_factor_change: bool,
) -> Result<Option<PartitionChangeRecord>, Failure> {
    check_assignment(image, place.index, target, target.len())?;
    let state = place.state;
    let goal = without(&state.replicas, &state.removing);
    if !allow_factor_change && goal.len() != target.len() {
        return Err(Failure::new(
            ErrorCode::InvalidReplicationFactor,
            format!(
                "partition {} has {} replicas and would get {}, which the request does not allow",
                place.index,
                goal.len(),
                target.len()
            ),
        ));
    }
    let held = without(&state.replicas, &state.adding);
    let adding = without(target, &held);
    let removing = without(&held, target);
    let in_sync = |id: &BrokerId| state.isr.contains(id);
    let isr: Vec<_> = target.iter().copied().filter(in_sync).collect();
    if adding.iter().all(in_sync) && !isr.is_empty() {
        return Ok(settle(image, place, target.to_vec(), isr));
    }
    let replicas = [target, &removing].concat();
    let changed =
        replicas != state.replicas || adding != state.adding || removing != state.removing;
    Ok(changed.then(|| PartitionChangeRecord {
        directories: Some(directories(image, place, &replicas)),
        replicas: Some(replicas),
        adding: Some(adding),
        removing: Some(removing),
        ..place.change()
    }))
}

/// What was to be added goes, what was to be removed stays.
fn cancel(image: &Image, place: Place<'_>) -> Result<Option<PartitionChangeRecord>, Failure> {
    let state = place.state;
    if state.adding.is_empty() && state.removing.is_empty() {
        return Err(Failure::new(
            ErrorCode::NoReassignmentInProgress,
            "no reassignment of the partition is in progress",
        ));
    }
    let isr = without(&state.isr, &state.adding);
    if isr.is_empty() {
        return Err(Failure::new(
            ErrorCode::InvalidReplicaAssignment,
            "only replicas that the reassignment added are in sync: taking it back would lose \
             records",
        ));
    }
    Ok(settle(image, place, without(&state.replicas, &state.adding), isr))
}

/// The change that leaves the partition with these replicas and no reassignment; nothing where it
/// is so already.
fn settle(
    image: &Image,
    place: Place<'_>,
    replicas: Vec<BrokerId>,
    isr: Vec<BrokerId>,
) -> Option<PartitionChangeRecord> {
    let state = place.state;
    let mut sorted = (isr.clone(), state.isr.clone());
    sorted.0.sort_unstable();
    sorted.1.sort_unstable();
    let same = replicas == state.replicas && sorted.0 == sorted.1;
    if same && state.adding.is_empty() && state.removing.is_empty() {
        return None;
    }
    let mut change = place.change();
    if state.leader.is_none_or(|leader| !isr.contains(&leader)) {
        let running = |id: &&BrokerId| image.broker(**id).is_some_and(|broker| !broker.fenced);
        change.leader = isr.iter().find(running).copied().unwrap_or(crate::metadata::NO_LEADER);
    }
    change.directories = Some(directories(image, place, &replicas));
    change.replicas = Some(replicas);
    change.isr = (sorted.0 != sorted.1).then_some(isr);
    change.adding = (!state.adding.is_empty()).then(Vec::new);
    change.removing = (!state.removing.is_empty()).then(Vec::new);
    Some(change)
}

/// Where each replica is: known ones stay, and a broker with one directory has no choice.
fn directories(image: &Image, place: Place<'_>, replicas: &[BrokerId]) -> Vec<Uuid> {
    let state = place.state;
    let known = |id: &BrokerId| {
        let at = state.replicas.iter().position(|replica| replica == id)?;
        state.directories.get(at).copied()
    };
    let only = |id: &BrokerId| match image.broker(*id).map(|broker| &broker.log_dirs[..]) {
        Some([only]) => Some(*only),
        _ => None,
    };
    replicas.iter().map(|id| known(id).or_else(|| only(id)).unwrap_or_default()).collect()
}

fn without(brokers: &[BrokerId], others: &[BrokerId]) -> Vec<BrokerId> {
    brokers.iter().filter(|id| !others.contains(id)).copied().collect()
}
