//! An image as records: replaying them gives the image again.

use super::{Broker, Image, Partition, Topic};
use crate::{
    id::Uuid,
    metadata::{
        feature::METADATA_VERSION,
        record::{
            AccessControlEntryRecord, ConfigRecord, FeatureLevelRecord, NO_LEADER, PartitionRecord,
            ProducerIdsRecord, Record, RegisterBroker, TopicRecord,
        },
    },
};

impl Image {
    /// The image as records, always the same for the same image. metadata.version comes first, so
    /// that a reader knows what it will need.
    pub fn snapshot(&self) -> impl Iterator<Item = Record> {
        let feature = |(name, level): (&str, i16)| {
            Record::FeatureLevel(FeatureLevelRecord { name: name.to_owned(), level })
        };
        let (first, others): (Vec<_>, Vec<_>) =
            self.features().partition(|(name, _)| *name == METADATA_VERSION);
        let brokers = self.brokers().map(|broker| Record::RegisterBroker(registration(broker)));
        let topics = self.topics.values().flat_map(|topic| topic_records(topic));
        let producer_ids = (self.next_producer_id > 0).then(|| {
            // who got the last block is not part of the image, and nobody asks
            let (broker, epoch) = (NO_LEADER, -1);
            Record::ProducerIds(ProducerIdsRecord { broker, epoch, next: self.next_producer_id })
        });
        let acls = self
            .acls
            .iter()
            .map(|(id, acl)| Record::AccessControlEntry(AccessControlEntryRecord::of(*id, acl)));
        first
            .into_iter()
            .chain(others)
            .map(feature)
            .chain(brokers)
            .chain(topics)
            .chain(self.config_records())
            .chain(self.scram_records())
            .chain(self.quota_records())
            .chain(producer_ids)
            .chain(acls)
            .chain(self.token_records())
    }

    fn config_records(&self) -> impl Iterator<Item = Record> {
        self.configs.iter().flat_map(|(resource, overrides)| {
            overrides.iter().map(|(name, value)| {
                Record::Config(ConfigRecord {
                    resource_type: resource.kind.code(),
                    resource_name: resource.name.clone(),
                    name: name.clone(),
                    value: Some(value.clone()),
                })
            })
        })
    }
}

fn topic_records(topic: &Topic) -> impl Iterator<Item = Record> {
    let created = Record::Topic(TopicRecord { name: topic.name.as_ref().to_owned(), id: topic.id });
    let partitions = topic
        .partitions
        .iter()
        .map(|(index, partition)| Record::Partition(partition_record(topic.id, *index, partition)));
    std::iter::once(created).chain(partitions)
}

fn registration(broker: &Broker) -> RegisterBroker {
    RegisterBroker {
        broker: broker.id,
        incarnation: broker.incarnation,
        epoch: broker.epoch,
        endpoints: broker.endpoints.clone(),
        features: broker.features.clone(),
        rack: broker.rack.clone(),
        fenced: broker.fenced,
        in_controlled_shutdown: broker.in_controlled_shutdown,
        log_dirs: broker.log_dirs.clone(),
    }
}

fn partition_record(topic: Uuid, index: i32, partition: &Partition) -> PartitionRecord {
    PartitionRecord {
        partition: index,
        topic,
        replicas: partition.replicas.clone(),
        isr: partition.isr.clone(),
        removing: partition.removing.clone(),
        adding: partition.adding.clone(),
        leader: partition.leader.unwrap_or(NO_LEADER),
        leader_recovery_state: partition.leader_recovery_state,
        leader_epoch: partition.leader_epoch,
        partition_epoch: partition.partition_epoch,
        directories: partition.directories.clone(),
        elr: partition.elr.clone(),
        last_known_elr: partition.last_known_elr.clone(),
    }
}
