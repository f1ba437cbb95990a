//! What committed metadata means for this broker: partitions open, grow, change and go.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use kastellan_core::{
    config::{BrokerConfig, TopicConfig},
    id::{BrokerId, Offset, Uuid},
    metadata::{DirectoryAssignment, Image, Partition, Record, ResourceKind, Topic},
    partition::Assignment,
};

use super::{error::ControllerError, found};
use crate::{
    partitions::{Partitions, Wanted},
    peers::{LISTENER, Peers},
};

/// What the records of a commit are about.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub(super) topics: BTreeSet<Uuid>,
    configs: BTreeSet<String>,
    /// Whose settings are other ones, by id; nothing for all brokers.
    brokers: BTreeSet<String>,
    registrations: BTreeSet<BrokerId>,
}

/// What came, changed or went with one commit.
#[derive(Debug, Default)]
pub(crate) struct Changes<'a> {
    /// New topics; the broker's partitions of them are open.
    pub(crate) created: Vec<&'a Topic>,
    /// Topics with new partitions or leaders; the broker's partitions of them are open.
    pub(crate) changed: Vec<&'a Topic>,
    /// Topics that are gone, as they were.
    pub(crate) deleted: Vec<&'a Topic>,
    /// Whether settings of the broker or of topics are other ones now; those of topics are in
    /// force.
    pub(crate) reconfigured: bool,
    /// Whether client quotas are other ones.
    pub(crate) quotas: bool,
    /// The offset of the newest record that this tells of.
    pub(crate) offset: Offset,
    /// Those of `changed` that have other partitions or replicas than before.
    pub(crate) reshaped: Vec<&'a Topic>,
    /// Topics whose own settings are other ones.
    pub(crate) topic_configs: Vec<&'a str>,
    /// Brokers whose own settings are other ones, by id; nothing for all of them.
    pub(crate) broker_configs: Vec<&'a str>,
    /// Brokers that have registered, left, been fenced or let in.
    pub(crate) registrations: Vec<BrokerId>,
}

type Observer = Box<dyn Fn(&Changes<'_>) + Send>;

/// Who wants to be told of changes.
#[derive(Default)]
pub(super) struct Observers(Mutex<Vec<Observer>>);

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observers")
    }
}

impl Observers {
    pub(super) fn add(&self, observer: Observer) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(observer);
    }

    fn tell(&self, changes: &Changes<'_>) {
        for observer in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            observer(changes);
        }
    }
}

impl Touched {
    /// Whatever two images may differ in.
    pub(super) fn everything(before: &Image, after: &Image) -> Self {
        let topics = || before.topics().chain(after.topics());
        let configured = before.configured().chain(after.configured());
        let brokers = configured.filter(|resource| resource.kind == ResourceKind::Broker);
        let registered = before.brokers().chain(after.brokers());
        Self {
            topics: topics().map(|topic| topic.id).collect(),
            configs: topics().map(|topic| topic.name.as_ref().to_owned()).collect(),
            brokers: brokers.map(|resource| resource.name.clone()).collect(),
            registrations: registered.map(|broker| broker.id).collect(),
        }
    }

    pub(super) fn note(&mut self, record: &Record) {
        match record {
            Record::Topic(record) => drop(self.topics.insert(record.id)),
            Record::Partition(record) => drop(self.topics.insert(record.topic)),
            Record::PartitionChange(record) => drop(self.topics.insert(record.topic)),
            Record::RemoveTopic { id } => drop(self.topics.insert(*id)),
            Record::Config(record) => match ResourceKind::from_code(record.resource_type) {
                Some(ResourceKind::Topic) => {
                    self.configs.insert(record.resource_name.clone());
                }
                Some(ResourceKind::Broker) => {
                    self.brokers.insert(record.resource_name.clone());
                }
                _ => (),
            },
            Record::RegisterBroker(record) => drop(self.registrations.insert(record.broker)),
            Record::BrokerRegistrationChange(record) => {
                self.registrations.insert(record.broker);
            }
            Record::UnregisterBroker { broker, .. }
            | Record::FenceBroker { broker, .. }
            | Record::UnfenceBroker { broker, .. } => drop(self.registrations.insert(*broker)),
            Record::FeatureLevel(_)
            | Record::ProducerIds(_)
            | Record::UserScramCredential(_)
            | Record::RemoveUserScramCredential(_)
            | Record::ClientQuota(_)
            | Record::AccessControlEntry(_)
            | Record::RemoveAccessControlEntry { .. }
            | Record::DelegationToken(_)
            | Record::RemoveDelegationToken { .. }
            | Record::NoOp => (),
        }
    }
}

/// Keeps the broker's partitions as the metadata says.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) me: BrokerId,
    /// This process.
    pub(super) incarnation: Uuid,
    pub(super) partitions: Arc<Partitions>,
    /// How others are asked; `None`: there are none.
    pub(super) peers: Option<Peers>,
    /// What the broker was started with.
    pub(super) fixed: BrokerConfig,
    /// The same with what was set since.
    pub(super) settings: Arc<ArcSwap<BrokerConfig>>,
    pub(super) observers: Arc<Observers>,
    /// Tells the controller where partitions lie.
    pub(super) assign: Assign,
}

/// Takes in where partitions lie.
pub(super) struct Assign(Box<dyn Fn(Vec<DirectoryAssignment>) + Send>);

impl Assign {
    pub(super) fn new(assign: impl Fn(Vec<DirectoryAssignment>) + Send + 'static) -> Self {
        Self(Box::new(assign))
    }
}

impl fmt::Debug for Assign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assign")
    }
}

impl Follower {
    /// Opens what lies here, now that it is known what should, and which topics were `deleted`
    /// since this broker had been told of changes last.
    pub(super) fn begin(
        &self,
        before: &Image,
        after: &Image,
        deleted: &BTreeSet<Uuid>,
    ) -> Result<(), ControllerError> {
        self.settings.store(Arc::new(after.settings_of(self.me, &self.fixed)));
        let dirs = self.partitions.dirs();
        let missing = found::is_missing(before, self.me, dirs);
        let known = found::Known { me: self.me, image: after, deleted };
        dirs.found(found::locate(&known, dirs)?, missing);
        let unassigned = self.open_all(after);
        if !unassigned.is_empty() {
            (self.assign.0)(unassigned);
        }
        Ok(())
    }

    /// Where the other brokers are.
    pub(super) fn learn(&self, image: &Image) {
        let Some(peers) = &self.peers else { return };
        for broker in image.brokers().filter(|broker| broker.id != self.me) {
            if let Some(endpoint) = broker.endpoint(LISTENER) {
                peers.learn(broker.id, &endpoint.host, endpoint.port);
            }
        }
    }

    /// Opens every partition that this broker leads; returns what the metadata has yet to learn of
    /// where they lie.
    pub(super) fn open_all(&self, image: &Image) -> Vec<DirectoryAssignment> {
        let topics = image.topics();
        let wanted: Vec<_> = topics.flat_map(|topic| self.wanted(None, image, topic)).collect();
        let leaderless = wanted.iter().filter(|wanted| wanted.assignment.leader.is_none()).count();
        let threads = usize::try_from(self.settings.load().recovery_threads).unwrap_or(1);
        let offline = self.partitions.open_at_start(&wanted, threads);
        // in a fleet the others may lead, and an election comes with the registration
        let leaderless = if self.peers.is_none() { leaderless } else { 0 };
        if offline > 0 || leaderless > 0 {
            tracing::error!(
                unopened = offline,
                leaderless,
                "partitions are offline: their logs do not open, or their log directory does not"
            );
        }
        self.unassigned(&wanted)
    }

    /// Which of the partitions lie elsewhere than the metadata says.
    fn unassigned(&self, wanted: &[Wanted]) -> Vec<DirectoryAssignment> {
        let one = |wanted: &Wanted| {
            let partition = self.partitions.get_by_id(wanted.id, wanted.index).ok()?;
            let directory = partition.home().ok()?.id();
            (directory != wanted.directory).then_some(DirectoryAssignment {
                topic: wanted.id,
                partition: wanted.index,
                directory,
            })
        };
        wanted.iter().filter_map(one).collect()
    }

    /// Does what a commit asks for, and tells the observers.
    pub(super) fn follow(&self, before: &Image, after: &Image, touched: &Touched) {
        self.learn(after);
        let mut changes = Changes { offset: after.offset(), ..Changes::default() };
        for id in &touched.topics {
            match (before.topic_by_id(id), after.topic_by_id(id)) {
                (None, Some(topic)) => changes.created.push(topic),
                (Some(old), Some(topic)) => {
                    changes.changed.push(topic);
                    if is_reshaped(old, topic) {
                        changes.reshaped.push(topic);
                    }
                }
                (Some(topic), None) => changes.deleted.push(topic),
                // came and went within one commit
                (None, None) => (),
            }
        }
        let brokers = !touched.brokers.is_empty();
        if brokers {
            self.settings.store(Arc::new(after.settings_of(self.me, &self.fixed)));
        }
        // first what goes: a new topic may have the name of an old one
        for topic in &changes.deleted {
            self.partitions.delete(&topic.name);
        }
        let mut unassigned = Vec::new();
        for topic in changes.created.iter().chain(&changes.changed) {
            self.drop_replicas(before, topic);
            let wanted: Vec<_> = self.wanted(Some(before), after, topic).collect();
            self.partitions.open_all(&wanted);
            unassigned.extend(self.unassigned(&wanted));
        }
        if self.is_registered(after) && !self.is_registered(before) {
            // until now nothing was led or followed
            for topic in after.topics() {
                let wanted: Vec<_> = self.wanted(Some(before), after, topic).collect();
                self.partitions.open_all(&wanted);
            }
        }
        if !touched.registrations.is_empty() {
            self.partitions.signals().brokers_changed();
        }
        if !unassigned.is_empty() {
            (self.assign.0)(unassigned);
        }
        if brokers {
            for topic in after.topics() {
                self.partitions.configure(&topic.name, self.config(after, &topic.name));
            }
        } else {
            for name in touched.configs.iter().filter(|name| after.topic(name).is_some()) {
                self.partitions.configure(name, self.config(after, name));
            }
        }
        changes.quotas = !before.quotas().ptr_eq(after.quotas());
        changes.reconfigured = brokers || !touched.configs.is_empty();
        let there = touched.configs.iter().filter(|name| after.topic(name).is_some());
        changes.topic_configs = there.map(String::as_str).collect();
        changes.broker_configs = touched.brokers.iter().map(String::as_str).collect();
        changes.registrations = touched.registrations.iter().copied().collect();
        self.observers.tell(&changes);
    }

    /// Whether the metadata knows this very process: what an older image says of it, that it leads
    /// above all, may be over.
    fn is_registered(&self, image: &Image) -> bool {
        image.broker(self.me).is_some_and(|known| known.incarnation == self.incarnation)
    }

    /// Lets go of the replicas that others hold from now on.
    fn drop_replicas(&self, before: &Image, topic: &Topic) {
        let Some(known) = before.topic_by_id(&topic.id) else { return };
        for (index, partition) in &topic.partitions {
            let held = known.partitions.get(index).is_some_and(|it| it.replicas.contains(&self.me));
            if held && !partition.replicas.contains(&self.me) {
                self.partitions.drop_replica(&topic.name, *index);
            }
        }
    }

    fn config(&self, image: &Image, topic: &str) -> Arc<TopicConfig> {
        Arc::new(TopicConfig::resolve(&image.topic_overrides(topic), &self.settings.load()))
    }

    /// The partitions of a topic that this broker holds. What `before` did not know has just been
    /// created.
    fn wanted<'a>(
        &'a self,
        before: Option<&'a Image>,
        image: &Image,
        topic: &'a Topic,
    ) -> impl Iterator<Item = Wanted> + 'a {
        let config = self.config(image, &topic.name);
        let registered = self.is_registered(image);
        let mine = |partition: &Partition| partition.replicas.contains(&self.me);
        let mine = topic.partitions.iter().filter(move |(_, partition)| mine(partition));
        mine.map(move |(index, partition)| Wanted {
            topic: topic.name.as_ref().to_owned(),
            id: topic.id,
            index: *index,
            assignment: if registered { Assignment::of(partition) } else { Assignment::unknown() },
            directory: partition.directory_of(self.me),
            fresh: before.is_some_and(|before| {
                let known = before.topic_by_id(&topic.id);
                !known.is_some_and(|known| known.partitions.contains_key(index))
            }),
            config: Arc::clone(&config),
        })
    }
}

/// Whether a topic has other partitions or replicas than before; leaders come and go without.
fn is_reshaped(before: &Topic, after: &Topic) -> bool {
    let same = |(index, partition): (&i32, &Arc<Partition>)| {
        before.partitions.get(index).is_some_and(|old| {
            (&old.replicas, &old.adding, &old.removing)
                == (&partition.replicas, &partition.adding, &partition.removing)
        })
    };
    before.partitions.len() != after.partitions.len() || !after.partitions.iter().all(same)
}
