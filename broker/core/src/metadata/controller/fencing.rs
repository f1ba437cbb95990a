//! Brokers stop leading and may lead again: what that means for the partitions they hold.
//!
//! Where a broker loses something, the record about the broker comes after those about its
//! partitions: should only the first batch of many get into the log, the rest is done again.

use super::{
    Controller, Effect, MAX_PARTITIONS_PER_REQUEST, change::Place, index::Key, rules::Rules,
    transition::Transition,
};
use crate::{
    id::BrokerId,
    metadata::{Broker, BrokerRegistrationChange, Image, Record},
};

impl Controller {
    /// The changes of these partitions once the cluster is as in `image`.
    pub(super) fn transitions<'a>(
        &'a self,
        image: &'a Image,
        keys: impl IntoIterator<Item = Key>,
        prepare: impl Fn(Transition<'a>) -> Transition<'a>,
    ) -> Vec<Record> {
        transitions(image, &self.rules, keys, prepare)
    }

    /// The cluster after `record`, which was just decided.
    pub(super) fn after(&self, record: &Record) -> Image {
        let mut image = self.image.clone();
        image.apply(record).expect("a record that was just decided follows the image");
        image
    }

    /// The broker leads nothing any more and is in no ISR.
    pub(super) fn fence(&self, broker: &Broker) -> Vec<Record> {
        self.take_from(broker, fenced(broker, true))
    }

    /// The broker is about to stop: others lead. It follows on and is told when it may end.
    pub(super) fn let_leave(&self, broker: &Broker) -> Vec<Record> {
        let change = BrokerRegistrationChange { in_controlled_shutdown: true, ..unchanged(broker) };
        self.take_from(broker, Record::BrokerRegistrationChange(change))
    }

    /// The broker may lead again, and does where nobody else can.
    pub(super) fn unfence(&self, broker: &Broker) -> Vec<Record> {
        let record = fenced(broker, false);
        let after = self.after(&record);
        let leaderless = self.index.held(broker.id).leaderless.iter().copied();
        let elected = self.transitions(&after, leaderless, |transition| transition);
        std::iter::once(record).chain(elected).collect()
    }

    pub(super) fn take_from(&self, broker: &Broker, record: Record) -> Vec<Record> {
        let id = broker.id;
        let after = self.after(&record);
        let held = self.index.held(id).in_sync.iter().copied();
        let mut records = self.transitions(&after, held, |transition| transition.without(id));
        records.push(record);
        records
    }

    /// What brings partitions to where the rules want them, should they not be there: whoever does
    /// not run is in no ISR, and whatever can have a leader has one. Only half of the batches of
    /// some decision, or a feature that was off, may have left them elsewhere.
    pub(super) fn repairs(&self, rules: &Rules) -> Vec<Record> {
        let inactive = |id: &BrokerId| !self.image.broker(*id).is_some_and(|it| it.is_active());
        let mut keys = self.index.leaderless();
        for broker in self.index.in_sync_brokers().filter(inactive) {
            keys.extend(self.index.held(broker).in_sync.iter().copied());
        }
        transitions(&self.image, rules, keys, Transition::without_the_unfit)
    }
}

/// The changes of these partitions once the cluster is as in `image` and these are the rules.
pub(super) fn transitions<'a>(
    image: &'a Image,
    rules: &'a Rules,
    keys: impl IntoIterator<Item = Key>,
    prepare: impl Fn(Transition<'a>) -> Transition<'a>,
) -> Vec<Record> {
    let record = |(topic, index): Key| {
        let place = Place::of(image, &topic, index)?;
        prepare(Transition::new(image, rules, place)).record()
    };
    keys.into_iter().filter_map(record).map(Record::PartitionChange).collect()
}

/// Each batch stays small, and half of them done is a legal state.
pub(super) fn push_in_batches(records: &[Record], effects: &mut Vec<Effect>) {
    let batches = records.chunks(MAX_PARTITIONS_PER_REQUEST);
    effects.extend(batches.map(|batch| Effect::Append(batch.to_vec())));
}

fn fenced(broker: &Broker, fenced: bool) -> Record {
    let change = BrokerRegistrationChange { fenced: Some(fenced), ..unchanged(broker) };
    Record::BrokerRegistrationChange(change)
}

/// A change of a registration that changes nothing yet.
pub(super) fn unchanged(broker: &Broker) -> BrokerRegistrationChange {
    BrokerRegistrationChange {
        broker: broker.id,
        epoch: broker.epoch,
        fenced: None,
        in_controlled_shutdown: false,
        log_dirs: Vec::new(),
    }
}
