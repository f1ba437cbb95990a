//! Partitions move between brokers (KIP-455): who is added and who is removed, and what takes it
//! back. A move is over when all that were added are in sync, which [`super::transition`] looks
//! for at every change.

use kastellan_protocol::ErrorCode;

use super::{
    Controller, Effect, Failure, Reassignment,
    change::Place,
    placement::{check_brokers, check_open},
    transition::Transition,
};
use crate::{
    id::BrokerId,
    machine::Ticket,
    metadata::{Image, PartitionChangeRecord},
};

type Decided = Result<Option<PartitionChangeRecord>, Failure>;

impl Controller {
    pub(super) fn reassign_partitions(
        &self,
        ticket: Ticket,
        topics: Vec<Reassignment>,
        allow_factor_change: bool,
        effects: &mut Vec<Effect>,
    ) {
        let decide = |image: &Image, place: Place<'_>, target: Option<Vec<BrokerId>>| match target {
            None => self.cancel(image, place),
            Some(target) => self.reassign(image, place, &target, allow_factor_change),
        };
        self.change_partitions(ticket, topics, decide, effects);
    }

    fn reassign(
        &self,
        image: &Image,
        place: Place<'_>,
        target: &[BrokerId],
        allow_factor_change: bool,
    ) -> Decided {
        check_brokers(image, place.index, target)?;
        let state = place.state;
        let goal = without(&state.replicas, &state.removing);
        if !allow_factor_change && goal.len() != target.len() {
            return Err(Failure::new(
                ErrorCode::InvalidReplicationFactor,
                format!(
                    "partition {} has {} replicas and would get {}, which the request does not \
                     allow",
                    place.index,
                    goal.len(),
                    target.len()
                ),
            ));
        }
        let held = without(&state.replicas, &state.adding);
        let adding = without(target, &held);
        let removing = without(&held, target);
        check_open(image, place.index, &adding)?;
        // what was added before and is not in sync yet is still added; the rest is let go
        let replicas = [target, &removing].concat();
        self.check_kept(image, place, &replicas)?;
        let transition = Transition::new(image, &self.rules, place);
        Ok(transition.with_replicas(replicas, adding, removing).record())
    }

    /// What was to be added goes, what was to be removed stays.
    fn cancel(&self, image: &Image, place: Place<'_>) -> Decided {
        let state = place.state;
        if state.adding.is_empty() && state.removing.is_empty() {
            return Err(Failure::new(
                ErrorCode::NoReassignmentInProgress,
                "no reassignment of the partition is in progress",
            ));
        }
        let replicas = without(&state.replicas, &state.adding);
        self.check_kept(image, place, &replicas)?;
        let transition = Transition::new(image, &self.rules, place);
        Ok(transition.with_replicas(replicas, Vec::new(), Vec::new()).record())
    }

    /// Whether a replica stays that certainly has all records, where there is one.
    fn check_kept(
        &self,
        image: &Image,
        place: Place<'_>,
        replicas: &[BrokerId],
    ) -> Result<(), Failure> {
        let state = place.state;
        let mut whole = state.isr.iter().chain(&state.elr);
        let nothing = state.isr.is_empty() && state.elr.is_empty();
        if nothing
            || whole.any(|id| replicas.contains(id))
            || self.rules.unclean(image, place.topic)
        {
            return Ok(());
        }
        Err(Failure::new(
            ErrorCode::InvalidReplicaAssignment,
            "only replicas that the reassignment added are in sync: taking it back would lose \
             records",
        ))
    }
}

fn without(brokers: &[BrokerId], others: &[BrokerId]) -> Vec<BrokerId> {
    brokers.iter().filter(|id| !others.contains(id)).copied().collect()
}
