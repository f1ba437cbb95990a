//! Log directories of brokers fail, and replicas get their places in them (KIP-858).
//!
//! A replica whose directory its broker does not list any more is offline: it does not lead, and
//! stays in the ISR only as the last one, so that nothing else is taken for the whole log.

use kastellan_protocol::ErrorCode;

use super::{Controller, Effect, Failure, MAX_PARTITIONS_PER_REQUEST, Reply};
use crate::{
    id::{BrokerId, Uuid},
    machine::Ticket,
    metadata::{
        BrokerRegistrationChange, Image, NO_LEADER, Partition, PartitionChangeRecord, Record,
    },
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
        let Some(registration) = self.image.broker(broker) else {
            effects.push(Effect::Reply(ticket, Reply::Failed(unregistered(broker))));
            return;
        };
        online.sort_unstable();
        let change = Record::BrokerRegistrationChange(BrokerRegistrationChange {
            broker,
            epoch: registration.epoch,
            fenced: None,
            in_controlled_shutdown: None,
            log_dirs: online.clone(),
        });
        effects.push(Effect::Append(vec![change]));
        push_in_batches(&elections(&self.image, broker, &online), effects);
        effects.push(Effect::Reply(ticket, Reply::Done));
    }

    /// Notes where replicas of a broker lie. What is unknown by now is left out.
    pub(super) fn assign_directories(
        &self,
        ticket: Ticket,
        broker: BrokerId,
        assignments: &[DirectoryAssignment],
        effects: &mut Vec<Effect>,
    ) {
        let records: Vec<_> =
            assignments.iter().filter_map(|wanted| assign(&self.image, broker, wanted)).collect();
        push_in_batches(&records, effects);
        effects.push(Effect::Reply(ticket, Reply::Done));
    }
}

fn unregistered(broker: BrokerId) -> Failure {
    let message = format!("broker {} is not registered", broker.0);
    Failure::new(ErrorCode::BrokerIdNotRegistered, message)
}

/// Each batch stays small, and half of them done is a legal state.
pub(super) fn push_in_batches(records: &[Record], effects: &mut Vec<Effect>) {
    let batches = records.chunks(MAX_PARTITIONS_PER_REQUEST);
    effects.extend(batches.map(|batch| Effect::Append(batch.to_vec())));
}

/// Who leads what, once `broker` runs with the directories `online`: it leads again wherever it led
/// last, or nobody leads and it is in sync; and nothing that lies in another directory.
pub(super) fn elections(image: &Image, broker: BrokerId, online: &[Uuid]) -> Vec<Record> {
    let mut records = Vec::new();
    for topic in image.topics() {
        for (index, partition) in &topic.partitions {
            let here = partition.is_within(broker, online);
            let led = partition.leader == Some(broker);
            let free = partition.leader.is_none() && partition.isr.contains(&broker);
            let mut change = PartitionChangeRecord::new(topic.id, *index);
            change.leader = match (here, led, free) {
                (true, true, _) | (true, _, true) => broker,
                (false, true, _) => successor(image, partition, broker),
                _ => continue,
            };
            records.push(Record::PartitionChange(change));
        }
    }
    records
}

/// Another replica that is in sync and runs, or nobody.
fn successor(image: &Image, partition: &Partition, broker: BrokerId) -> BrokerId {
    let mut others = partition.replicas.iter().filter(|id| **id != broker);
    let fit = |id: &&BrokerId| partition.isr.contains(id) && image.is_online(partition, **id);
    others.find(fit).copied().unwrap_or(NO_LEADER)
}

fn assign(image: &Image, broker: BrokerId, wanted: &DirectoryAssignment) -> Option<Record> {
    let partition = image.topic_by_id(&wanted.topic)?.partitions.get(&wanted.partition)?;
    let at = partition.replicas.iter().position(|id| *id == broker)?;
    let mut directories = partition.directories.clone();
    directories.resize(partition.replicas.len(), Uuid::nil());
    let place = directories.get_mut(at)?;
    if *place == wanted.directory {
        return None;
    }
    *place = wanted.directory;
    let mut change = PartitionChangeRecord::new(wanted.topic, wanted.partition);
    change.directories = Some(directories);
    let online = image.broker(broker).is_some_and(|it| it.log_dirs.contains(&wanted.directory));
    if online && partition.leader.is_none() && partition.isr.contains(&broker) {
        change.leader = broker;
    }
    Some(Record::PartitionChange(change))
}
