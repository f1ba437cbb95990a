//! Brokers come.

use super::{
    Controller, Effect, Reply,
    directories::{elections, push_in_batches},
};
use crate::{
    machine::Ticket,
    metadata::{Record, RegisterBroker},
};

impl Controller {
    /// Registers a broker, and lets it lead again what only it can lead.
    ///
    /// Leading again is a new leader epoch even for the same leader: what it had not synced may be
    /// gone after a power failure, and a consumer that had read it must be able to notice
    /// (KIP-320).
    pub(super) fn register_broker(
        &self,
        ticket: Ticket,
        mut registration: RegisterBroker,
        effects: &mut Vec<Effect>,
    ) {
        let id = registration.broker;
        registration.epoch = match self.image.broker(id) {
            Some(earlier) => earlier.epoch.max(self.image.offset()).saturating_add(1),
            None => self.image.offset().saturating_add(1),
        };
        registration.log_dirs.sort_unstable();
        let epoch = registration.epoch;
        let online = registration.log_dirs.clone();
        let fenced = registration.fenced;
        effects.push(Effect::Append(vec![Record::RegisterBroker(registration)]));
        if !fenced {
            push_in_batches(&elections(&self.image, id, &online), effects);
        }
        effects.push(Effect::Reply(ticket, Reply::Registered { epoch }));
    }
}
