//! Log directories of brokers fail, and replicas get their places in them (KIP-858).
//!
//! A replica whose directory its broker does not list any more is offline: it does not lead and is
//! in no ISR.

use kastellan_protocol::ErrorCode;

use super::{
    Controller, Effect, Failure, Reply,
    change::Place,
    create_topics::apply_all,
    fencing::{push_in_batches, unchanged},
    transition::Transition,
};
use crate::{
    id::{BrokerId, Uuid},
    machine::Ticket,
    metadata::{Broker, BrokerRegistrationChange, Image, PartitionChangeRecord, Record},
};

/// Where a replica lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryAssignment {
    /// Its topic.
    pub topic: Uuid,
    /// Its partition.
    pub partition: i32,
    /// The directory's id.
    pub directory: Uuid,
}

impl Controller {
    /// A broker is left with `online`: what only lies elsewhere has no leader any more.
    pub(super) fn fail_directories(
        &self,
        ticket: Ticket,
        broker: BrokerId,
        mut online: Vec<Uuid>,
        effects: &mut Vec<Effect>,
    ) {
        let reply = match self.registration(broker, None) {
            Ok(known) => {
                online.sort_unstable();
                push_in_batches(&self.keep_directories(known, online), effects);
                Reply::Done
            }
            Err(failure) => Reply::Failed(failure),
        };
        effects.push(Effect::Reply(ticket, reply));
    }

    /// The same as records.
    pub(super) fn keep_directories(&self, broker: &Broker, online: Vec<Uuid>) -> Vec<Record> {
        let change = BrokerRegistrationChange { log_dirs: online, ..unchanged(broker) };
        let record = Record::BrokerRegistrationChange(change);
        let after = self.after(&record);
        let held = self.index.held(broker.id).in_sync.iter().copied();
        let mut records = self.transitions(&after, held, |it| it.without_if_offline(broker.id));
        records.push(record);
        records
    }

    /// Notes where replicas of a broker lie. Answers with [`Reply::Assigned`].
    pub(super) fn assign_directories(
        &self,
        ticket: Ticket,
        (broker, epoch): (BrokerId, Option<i64>),
        assignments: &[DirectoryAssignment],
        effects: &mut Vec<Effect>,
    ) {
        if let Err(failure) = self.registration(broker, epoch) {
            effects.push(Effect::Reply(ticket, Reply::Failed(failure)));
            return;
        }
        let mut image = self.image.clone();
        let mut records = Vec::new();
        let mut results = Vec::with_capacity(assignments.len());
        for wanted in assignments {
            let result = self.assign(&image, broker, wanted).map(|change| {
                let change = change.map(Record::PartitionChange);
                apply_all(&mut image, change.as_slice());
                records.extend(change);
            });
            results.push(result);
        }
        push_in_batches(&records, effects);
        effects.push(Effect::Reply(ticket, Reply::Assigned(results)));
    }

    fn assign(
        &self,
        image: &Image,
        broker: BrokerId,
        wanted: &DirectoryAssignment,
    ) -> Result<Option<PartitionChangeRecord>, Failure> {
        if image.topic_by_id(&wanted.topic).is_none() {
            return Err(Failure::new(ErrorCode::UnknownTopicId, "there is no such topic"));
        }
        let place = Place::of(image, &wanted.topic, wanted.partition).ok_or_else(|| {
            Failure::new(ErrorCode::UnknownTopicOrPartition, "there is no such partition")
        })?;
        if !place.state.replicas.contains(&broker) {
            let message = format!("broker {} does not hold the partition", broker.0);
            return Err(Failure::new(ErrorCode::NotLeaderOrFollower, message));
        }
        let transition = Transition::new(image, &self.rules, place);
        Ok(transition.with_directory(broker, wanted.directory).without_if_offline(broker).record())
    }
}

/// The directories that a broker is left with; `None` where it has lost none that it registered.
pub(super) fn remaining(broker: &Broker, offline: &[Uuid]) -> Option<Vec<Uuid>> {
    let works = |id: &Uuid| !offline.contains(id);
    let online: Vec<_> = broker.log_dirs.iter().copied().filter(works).collect();
    (online.len() < broker.log_dirs.len()).then_some(online)
}
