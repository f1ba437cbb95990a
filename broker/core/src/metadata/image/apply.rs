//! One record more.

use std::{collections::BTreeMap, sync::Arc};

use imbl::OrdMap;

use super::{Broker, ConfigResource, Image, Partition, ResourceKind, Topic};
use crate::{
    id::{BrokerId, Uuid},
    metadata::{
        name::collision_form,
        record::{
            AccessControlEntryRecord, BrokerRegistrationChange, ConfigRecord, NO_LEADER,
            NO_LEADER_CHANGE, PartitionChangeRecord, PartitionRecord, Record, RegisterBroker,
            TopicRecord,
        },
    },
    quota::BadEntity,
    security::{BadAcl, BadPrincipal},
};

/// A record that cannot follow the ones before it: the log is damaged, or was written by something
/// else. What it says is left out of the image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistent {
    /// A record names a topic that is not there.
    #[error("a record is about topic {0}, which does not exist")]
    UnknownTopic(Uuid),
    /// A record changes a partition that is not there.
    #[error("a record changes partition {1} of topic {0}, which does not exist")]
    UnknownPartition(Uuid, i32),
    /// A topic is created twice.
    #[error("a record creates topic {0}, which exists already")]
    DuplicateTopic(String),
    /// A record names a broker that is not registered.
    #[error("a record is about broker {0}, which is not registered")]
    UnknownBroker(i32),
    /// A record is about an older registration than the current one.
    #[error(
        "a record is about registration {found} of broker {broker}, the current one is {current}"
    )]
    StaleBroker {
        /// The broker.
        broker: i32,
        /// The registration in the record.
        found: i64,
        /// The current one.
        current: i64,
    },
    /// A password for a mechanism that is not known.
    #[error("a record is about a password for mechanism {0}, which is not known")]
    UnknownMechanism(i8),
    /// A client quota of something that cannot have one.
    #[error("a record is about a client quota of what is no entity: {0}")]
    BadQuotaEntity(BadEntity),
    /// A client quota that is not known, or with a value that is none.
    #[error("a record sets the client quota {0}, which is not known or not a rate")]
    BadQuota(String),
    /// A setting of a kind of thing that is not known.
    #[error("a record sets {name} of resource type {kind}, which is not known")]
    UnknownResource {
        /// The number of the kind.
        kind: i8,
        /// The setting.
        name: String,
    },
    /// An entry of the access control lists that this version cannot read.
    #[error("a record adds entry {0} of the access control lists, which is none: {1}")]
    BadAcl(Uuid, BadAcl),
    /// An entry of the access control lists comes twice.
    #[error("a record adds entry {0} of the access control lists, which is there already")]
    DuplicateAcl(Uuid),
    /// An entry of the access control lists goes that is not there.
    #[error("a record takes away entry {0} of the access control lists, which is not there")]
    UnknownAcl(Uuid),
    /// A delegation token of what is no principal.
    #[error("a record is about delegation token {0}: {1}")]
    BadToken(String, BadPrincipal),
    /// A delegation token goes that is not there.
    #[error("a record takes away delegation token {0}, which is not there")]
    UnknownToken(String),
}

impl Image {
    /// Takes in one record; an inconsistent one changes nothing.
    pub fn apply(&mut self, record: &Record) -> Result<(), Inconsistent> {
        match record {
            Record::RegisterBroker(record) => {
                self.brokers.insert(record.broker, Arc::new(Broker::from(record)));
                Ok(())
            }
            Record::UnregisterBroker { broker, epoch } => {
                self.registration(*broker, *epoch)?;
                self.brokers.remove(broker);
                Ok(())
            }
            Record::BrokerRegistrationChange(change) => self.apply_registration(change),
            Record::FenceBroker { broker, epoch } => self.fence(*broker, *epoch, true),
            Record::UnfenceBroker { broker, epoch } => self.fence(*broker, *epoch, false),
            Record::Topic(record) => self.apply_topic(record),
            Record::RemoveTopic { id } => self.remove_topic(id),
            Record::Partition(record) => self.apply_partition(record),
            Record::PartitionChange(record) => self.apply_partition_change(record),
            Record::Config(record) => self.apply_config(record),
            Record::FeatureLevel(record) => {
                self.features.insert(record.name.clone(), record.level);
                Ok(())
            }
            Record::ProducerIds(record) => {
                self.next_producer_id = self.next_producer_id.max(record.next);
                Ok(())
            }
            Record::UserScramCredential(record) => self.apply_scram(record),
            Record::RemoveUserScramCredential(record) => self.remove_scram(record),
            Record::ClientQuota(record) => self.apply_quota(record),
            Record::AccessControlEntry(record) => self.apply_acl(record),
            Record::RemoveAccessControlEntry { id } => {
                if self.acls.remove(id) {
                    Ok(())
                } else {
                    Err(Inconsistent::UnknownAcl(*id))
                }
            }
            Record::DelegationToken(record) => self.apply_token(record),
            Record::RemoveDelegationToken { id } => self.remove_token(id),
            Record::NoOp => Ok(()),
        }
    }

    fn apply_acl(&mut self, record: &AccessControlEntryRecord) -> Result<(), Inconsistent> {
        let acl = record.acl().map_err(|why| Inconsistent::BadAcl(record.id, why))?;
        let new = self.acls.insert(record.id, acl);
        if new { Ok(()) } else { Err(Inconsistent::DuplicateAcl(record.id)) }
    }

    fn registration(&mut self, id: BrokerId, epoch: i64) -> Result<&mut Broker, Inconsistent> {
        let broker = self.brokers.get_mut(&id).ok_or(Inconsistent::UnknownBroker(id.0))?;
        let current = broker.epoch;
        if epoch != current {
            return Err(Inconsistent::StaleBroker { broker: id.0, found: epoch, current });
        }
        Ok(Arc::make_mut(broker))
    }

    fn fence(&mut self, id: BrokerId, epoch: i64, fenced: bool) -> Result<(), Inconsistent> {
        self.registration(id, epoch)?.fenced = fenced;
        Ok(())
    }

    fn apply_registration(
        &mut self,
        change: &BrokerRegistrationChange,
    ) -> Result<(), Inconsistent> {
        let broker = self.registration(change.broker, change.epoch)?;
        broker.fenced = change.fenced.unwrap_or(broker.fenced);
        broker.in_controlled_shutdown |= change.in_controlled_shutdown;
        if !change.log_dirs.is_empty() {
            broker.log_dirs.clone_from(&change.log_dirs);
        }
        Ok(())
    }

    fn apply_topic(&mut self, record: &TopicRecord) -> Result<(), Inconsistent> {
        if self.names.contains_key(record.name.as_str()) || self.topics.contains_key(&record.id) {
            return Err(Inconsistent::DuplicateTopic(record.name.clone()));
        }
        let name: Arc<str> = Arc::from(record.name.as_str());
        let topic = Topic { name: Arc::clone(&name), id: record.id, partitions: OrdMap::new() };
        if let Some(form) = collision_form(&name) {
            self.collisions.insert((form, Arc::clone(&name)));
        }
        self.names.insert(name, record.id);
        self.topics.insert(record.id, Arc::new(topic));
        Ok(())
    }

    fn remove_topic(&mut self, id: &Uuid) -> Result<(), Inconsistent> {
        let topic = self.topics.remove(id).ok_or(Inconsistent::UnknownTopic(*id))?;
        self.names.remove(&topic.name);
        if let Some(form) = collision_form(&topic.name) {
            self.collisions.remove(&(form, Arc::clone(&topic.name)));
        }
        self.configs.remove(&ConfigResource::topic(&topic.name));
        Ok(())
    }

    fn topic_mut(&mut self, id: &Uuid) -> Result<&mut Topic, Inconsistent> {
        self.topics.get_mut(id).map(Arc::make_mut).ok_or(Inconsistent::UnknownTopic(*id))
    }

    fn apply_partition(&mut self, record: &PartitionRecord) -> Result<(), Inconsistent> {
        let partition = Arc::new(Partition::from(record));
        self.topic_mut(&record.topic)?.partitions.insert(record.partition, partition);
        Ok(())
    }

    fn apply_partition_change(
        &mut self,
        change: &PartitionChangeRecord,
    ) -> Result<(), Inconsistent> {
        let partitions = &mut self.topic_mut(&change.topic)?.partitions;
        let partition = partitions
            .get_mut(&change.partition)
            .ok_or(Inconsistent::UnknownPartition(change.topic, change.partition))?;
        Arc::make_mut(partition).change(change);
        Ok(())
    }

    fn apply_config(&mut self, record: &ConfigRecord) -> Result<(), Inconsistent> {
        let Some(kind) = ResourceKind::from_code(record.resource_type) else {
            let (kind, name) = (record.resource_type, record.name.clone());
            return Err(Inconsistent::UnknownResource { kind, name });
        };
        let resource = ConfigResource { kind, name: record.resource_name.clone() };
        let mut overrides = self
            .configs
            .get(&resource)
            .map_or_else(BTreeMap::new, |overrides| BTreeMap::clone(overrides));
        match &record.value {
            Some(value) => overrides.insert(record.name.clone(), value.clone()),
            None => overrides.remove(&record.name),
        };
        if overrides.is_empty() {
            self.configs.remove(&resource);
        } else {
            self.configs.insert(resource, Arc::new(overrides));
        }
        Ok(())
    }
}

impl From<&RegisterBroker> for Broker {
    fn from(record: &RegisterBroker) -> Self {
        Self {
            id: record.broker,
            incarnation: record.incarnation,
            epoch: record.epoch,
            endpoints: record.endpoints.clone(),
            features: record.features.clone(),
            rack: record.rack.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            log_dirs: record.log_dirs.clone(),
        }
    }
}

impl From<&PartitionRecord> for Partition {
    fn from(record: &PartitionRecord) -> Self {
        Self {
            replicas: record.replicas.clone(),
            isr: record.isr.clone(),
            removing: record.removing.clone(),
            adding: record.adding.clone(),
            elr: record.elr.clone(),
            last_known_elr: record.last_known_elr.clone(),
            directories: record.directories.clone(),
            leader: (record.leader != NO_LEADER).then_some(record.leader),
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
            leader_recovery_state: record.leader_recovery_state,
        }
    }
}

impl Partition {
    fn change(&mut self, change: &PartitionChangeRecord) {
        let replace = |place: &mut Vec<BrokerId>, by: &Option<Vec<BrokerId>>| {
            if let Some(by) = by {
                place.clone_from(by);
            }
        };
        replace(&mut self.isr, &change.isr);
        replace(&mut self.replicas, &change.replicas);
        replace(&mut self.removing, &change.removing);
        replace(&mut self.adding, &change.adding);
        replace(&mut self.elr, &change.elr);
        replace(&mut self.last_known_elr, &change.last_known_elr);
        if let Some(directories) = &change.directories {
            self.directories.clone_from(directories);
        }
        if let Some(state) = change.leader_recovery_state {
            self.leader_recovery_state = state;
        }
        if change.leader != NO_LEADER_CHANGE {
            self.leader = (change.leader != NO_LEADER).then_some(change.leader);
            self.leader_epoch = self.leader_epoch.saturating_add(1);
        }
        self.partition_epoch = self.partition_epoch.saturating_add(1);
    }
}
