//! Leaders go back to the preferred replicas in the background.

use super::{
    Controller, Effect,
    change::Place,
    fencing::push_in_batches,
    transition::{Elect, Transition},
};
use crate::{machine::Millis, metadata::Record};

/// The most elections at a time.
const AT_ONCE: usize = 1000;

impl Controller {
    /// Notes when to look next; never while every preferred replica leads.
    pub(super) fn plan_balance(&mut self, now: Millis) {
        self.balance_at = match (self.rules.balance, self.balance_at) {
            (Some(interval), None) if !self.index.misplaced().is_empty() => {
                Some(now.after(interval))
            }
            (Some(_), at) if !self.index.misplaced().is_empty() => at,
            _ => None,
        };
    }

    /// Elects preferred replicas that can lead, once it is time.
    pub(super) fn balance(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let Some(interval) = self.rules.balance else { return };
        if self.balance_at.is_none_or(|at| at > now) {
            return;
        }
        let elect = |(topic, index): &(_, _)| {
            let place = Place::of(&self.image, topic, *index)?;
            let transition = Transition::new(&self.image, &self.rules, place);
            let change = transition.electing(Elect::Preferred).record()?;
            (place.state.replicas.first() == Some(&change.leader))
                .then_some(Record::PartitionChange(change))
        };
        let records: Vec<_> =
            self.index.misplaced().iter().filter_map(elect).take(AT_ONCE).collect();
        let more = records.len() == AT_ONCE;
        push_in_batches(&records, effects);
        self.balance_at = Some(if more { now } else { now.after(interval) });
    }
}
