//! Everything the records add up to.
//!
//! Maps are persistent: cloning an image of 100,000 partitions is a handful of pointers, so that
//! the controller publishes a new one after every change while requests read older ones.

mod apply;
mod parts;
mod quota;
mod scram;
mod snapshot;
#[cfg(test)]
mod tests;
mod token;

use std::{ops::Bound, sync::Arc};

pub use apply::Inconsistent;
use imbl::{OrdMap, OrdSet};
pub use parts::{Broker, ConfigResource, Partition, ResourceKind, Topic};
pub(in crate::metadata) use quota::quota_record;
pub(in crate::metadata) use token::token_record;

use super::name::collision_form;
use crate::{
    config::{BrokerConfig, Overrides},
    id::{BrokerId, Offset, Uuid},
    quota::{QuotaEntity, QuotaValues},
    security::{Acls, DelegationToken, ScramCredential, ScramMechanism},
};

/// The state of the cluster after some record of the metadata log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Image {
    /// The offset of the last record in here; -1 before the first.
    offset: Position,
    brokers: OrdMap<BrokerId, Arc<Broker>>,
    topics: OrdMap<Uuid, Arc<Topic>>,
    names: OrdMap<Arc<str>, Uuid>,
    /// (form in which names collide, name), of the names that can collide at all.
    collisions: OrdSet<(String, Arc<str>)>,
    configs: OrdMap<ConfigResource, Arc<Overrides>>,
    features: OrdMap<String, i16>,
    scram: OrdMap<(String, ScramMechanism), Arc<ScramCredential>>,
    quotas: OrdMap<QuotaEntity, QuotaValues>,
    next_producer_id: i64,
    acls: Acls,
    tokens: OrdMap<String, Arc<DelegationToken>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Position(Offset);

impl Default for Position {
    fn default() -> Self {
        Self(-1)
    }
}

impl Image {
    /// The offset of the last record in here; -1 before the first.
    pub fn offset(&self) -> Offset {
        self.offset.0
    }

    /// Notes that everything up to `offset` is in here.
    ///
    /// # Panics
    /// When it goes back: an image only grows.
    pub fn advance(&mut self, offset: Offset) {
        assert!(offset >= self.offset.0, "the metadata offset only grows");
        self.offset = Position(offset);
    }

    /// Whether nothing was ever decided: a log that has to be bootstrapped.
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// The topic called `name`.
    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topics.get(self.names.get(name)?)
    }

    /// The topic with this id.
    pub fn topic_by_id(&self, id: &Uuid) -> Option<&Arc<Topic>> {
        self.topics.get(id)
    }

    /// A partition of the topic with this id.
    pub fn partition(&self, topic: &Uuid, index: i32) -> Option<&Arc<Partition>> {
        self.topics.get(topic)?.partitions.get(&index)
    }

    /// All topics, in the order of their names.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.names.values().filter_map(|id| self.topics.get(id))
    }

    /// The topics whose names are not before `name`, in the order of their names.
    pub fn topics_from(&self, name: &str) -> impl Iterator<Item = &Arc<Topic>> {
        let from = (Bound::Included(name), Bound::Unbounded);
        self.names.range::<_, str>(from).filter_map(|(_, id)| self.topics.get(id))
    }

    /// How many topics there are.
    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// How many partitions there are; walks the topics.
    pub fn partition_count(&self) -> usize {
        self.topics.values().map(|topic| topic.partitions.len()).sum()
    }

    /// An existing topic whose name equals `name` once dots and underscores are the same.
    pub fn colliding(&self, name: &str) -> Option<&str> {
        let form = collision_form(name)?;
        let first = self.collisions.get_next(&(form.clone(), Arc::from("")))?;
        (first.0 == form).then_some(&*first.1)
    }

    /// The registration of a broker.
    pub fn broker(&self, id: BrokerId) -> Option<&Arc<Broker>> {
        self.brokers.get(&id)
    }

    /// All registered brokers, fenced ones too, in the order of their ids.
    pub fn brokers(&self) -> impl Iterator<Item = &Arc<Broker>> {
        self.brokers.values()
    }

    /// Whether a replica can be reached: its broker runs, and the log directory it lies in works.
    pub fn is_online(&self, partition: &Partition, replica: BrokerId) -> bool {
        self.broker(replica)
            .is_some_and(|broker| !broker.fenced && partition.is_within(replica, &broker.log_dirs))
    }

    /// What was set for a resource.
    pub fn config(&self, resource: &ConfigResource) -> Option<&Arc<Overrides>> {
        self.configs.get(resource)
    }

    /// What a topic overrides; empty where it overrides nothing.
    pub fn topic_overrides(&self, name: &str) -> Arc<Overrides> {
        self.configs.get(&ConfigResource::topic(name)).cloned().unwrap_or_default()
    }

    /// The settings of a broker that was started with `fixed`.
    pub fn settings_of(&self, broker: BrokerId, fixed: &BrokerConfig) -> BrokerConfig {
        let none = Arc::default();
        let of = |name: &str| self.configs.get(&ConfigResource::broker(name)).unwrap_or(&none);
        fixed.with_dynamic(of(""), of(&broker.0.to_string()))
    }

    /// Everything that has settings of its own.
    pub fn configured(&self) -> impl Iterator<Item = &ConfigResource> {
        self.configs.keys()
    }

    /// Finalized levels by feature, level 0 included.
    pub fn features(&self) -> impl Iterator<Item = (&str, i16)> {
        self.features.iter().map(|(name, level)| (name.as_str(), *level))
    }

    /// The finalized level of a feature; 0 where it is off.
    pub fn feature(&self, name: &str) -> i16 {
        self.features.get(name).copied().unwrap_or_default()
    }

    /// The access control lists.
    pub fn acls(&self) -> &Acls {
        &self.acls
    }

    /// The first producer id that no broker was given.
    pub fn next_producer_id(&self) -> i64 {
        self.next_producer_id
    }
}
