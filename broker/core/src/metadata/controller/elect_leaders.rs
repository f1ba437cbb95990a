//! Leaders are elected on request (KIP-460): the preferred one, or any that is left.

use std::sync::Arc;

use kastellan_protocol::ErrorCode;

use super::{
    Controller, Effect, Election, Failure,
    change::Place,
    transition::{Elect, Transition},
};
use crate::{
    machine::Ticket,
    metadata::{Image, Partition, PartitionChangeRecord, Topic},
};

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
            Election::Preferred => self.elect_preferred(image, place),
            Election::Unclean => self.elect_any(image, place),
        };
        self.change_partitions(ticket, wanted, elect, effects);
    }

    fn elect_preferred(&self, image: &Image, place: Place<'_>) -> Elected {
        let transition = Transition::new(image, &self.rules, place);
        let change = transition.electing(Elect::Preferred).record();
        let preferred = place.state.replicas.first();
        change.filter(|change| preferred == Some(&change.leader)).map(Some).ok_or_else(|| {
            Failure::new(
                ErrorCode::PreferredLeaderNotAvailable,
                "the preferred replica is not in sync, or its broker is not running",
            )
        })
    }

    fn elect_any(&self, image: &Image, place: Place<'_>) -> Elected {
        let transition = Transition::new(image, &self.rules, place);
        let change = transition.electing(Elect::Unclean).record();
        change.filter(|change| change.leader.0 >= 0).map(Some).ok_or_else(|| {
            Failure::new(
                ErrorCode::EligibleLeadersNotAvailable,
                "no broker that holds the partition is running",
            )
        })
    }
}

type Elected = Result<Option<PartitionChangeRecord>, Failure>;

/// Whether there is nothing to elect.
fn is_led(election: Election, state: &Partition) -> bool {
    match election {
        Election::Preferred => {
            state.leader.is_some() && state.leader.as_ref() == state.replicas.first()
        }
        Election::Unclean => state.leader.is_some(),
    }
}
