//! Leaders are elected on request (KIP-460): the preferred one, or any that is left.

use std::sync::Arc;

use kastellan_protocol::ErrorCode;

use super::{Controller, Effect, Election, Failure, change::Place};
use crate::{
    id::BrokerId,
    machine::Ticket,
    metadata::{Image, Partition, PartitionChangeRecord, Topic},
};

/// The leader may have lost records that others had: it recovers first.
const RECOVERING: i8 = 1;

impl Controller {
    pub(super) fn elect_leaders(
        &self,
        ticket: Ticket,
        election: Election,
        partitions: Option<Vec<(String, Vec<i32>)>>,
        effects: &mut Vec<Effect>,
    ) {
        // asked for all, only those are told of that have something to elect
        let needed = |topic: &Arc<Topic>| {
            let needed = topic.partitions.iter().filter(|(_, state)| !is_led(election, state));
            (topic.name.as_ref().to_owned(), needed.map(|(index, _)| (*index, ())).collect())
        };
        let named = |(name, indexes): (String, Vec<i32>)| {
            (name, indexes.into_iter().map(|index| (index, ())).collect())
        };
        let wanted = match partitions {
            None => self.image.topics().map(needed).collect(),
            Some(topics) => topics.into_iter().map(named).collect(),
        };
        let elect = |image: &Image, place: Place<'_>, ()| match election {
            _ if is_led(election, place.state) => Err(Failure::new(
                ErrorCode::ElectionNotNeeded,
                "the partition has the leader that was asked for",
            )),
            Election::Preferred => preferred(image, place),
            Election::Unclean => unclean(image, place),
        };
        self.change_partitions(ticket, wanted, elect, effects);
    }
}

/// Whether there is nothing to elect.
fn is_led(election: Election, state: &Partition) -> bool {
    match election {
        Election::Preferred => {
            state.leader.is_some() && state.leader.as_ref() == state.replicas.first()
        }
        Election::Unclean => state.leader.is_some(),
    }
}

fn preferred(image: &Image, place: Place<'_>) -> Result<Option<PartitionChangeRecord>, Failure> {
    let state = place.state;
    let able = |id: &BrokerId| state.isr.contains(id) && is_running(image, *id);
    match state.replicas.first().copied().filter(able) {
        Some(leader) => Ok(Some(PartitionChangeRecord { leader, ..place.change() })),
        None => Err(Failure::new(
            ErrorCode::PreferredLeaderNotAvailable,
            "the preferred replica is not in sync, or its broker is not running",
        )),
    }
}

fn unclean(image: &Image, place: Place<'_>) -> Result<Option<PartitionChangeRecord>, Failure> {
    let state = place.state;
    let running = || state.replicas.iter().copied().filter(|id| is_running(image, *id));
    let clean = running().find(|id| state.isr.contains(id) || state.elr.contains(id));
    if let Some(leader) = clean {
        let isr = (!state.isr.contains(&leader)).then(|| vec![leader]);
        return Ok(Some(PartitionChangeRecord { isr, leader, ..place.change() }));
    }
    match running().next() {
        Some(leader) => Ok(Some(PartitionChangeRecord {
            leader,
            isr: Some(vec![leader]),
            leader_recovery_state: Some(RECOVERING),
            ..place.change()
        })),
        None => Err(Failure::new(
            ErrorCode::EligibleLeadersNotAvailable,
            "no broker that holds the partition is running",
        )),
    }
}

fn is_running(image: &Image, id: BrokerId) -> bool {
    image.broker(id).is_some_and(|broker| !broker.fenced && !broker.in_controlled_shutdown)
}
