//! Brokers come.

use super::{Controller, Effect, Reply};
use crate::{
    id::BrokerId,
    machine::Ticket,
    metadata::{Image, PartitionChangeRecord, Record, RegisterBroker},
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
        let fenced = registration.fenced;
        effects.push(Effect::Append(vec![Record::RegisterBroker(registration)]));
        if !fenced {
            // in batches: each stays small, and half of them done is a legal state
            let elections: Vec<_> = elections(&self.image, id).collect();
            let batches = elections.chunks(super::MAX_PARTITIONS_PER_REQUEST);
            effects.extend(batches.map(|batch| Effect::Append(batch.to_vec())));
        }
        effects.push(Effect::Reply(ticket, Reply::Registered { epoch }));
    }
}

/// Elects `broker` wherever it led last, or nobody leads and it is in sync.
fn elections(image: &Image, broker: BrokerId) -> impl Iterator<Item = Record> {
    image.topics().flat_map(move |topic| {
        topic.partitions.iter().filter_map(move |(index, partition)| {
            let free = partition.leader.is_none() && partition.isr.contains(&broker);
            let elect = free || partition.leader == Some(broker);
            elect.then(|| {
                let mut change = PartitionChangeRecord::new(topic.id, *index);
                change.leader = broker;
                Record::PartitionChange(change)
            })
        })
    })
}
