//! What committed metadata means for this broker: partitions open, grow, change and go.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use kastellan_core::{
    config::{BrokerConfig, TopicConfig},
    id::{BrokerId, TopicPartition, Uuid},
    metadata::{CLUSTER_METADATA, Image, Record, ResourceKind, Topic},
};
use kastellan_log::{Directory, Disk as _, StdDisk};

use super::error::ControllerError;
use crate::partitions::{Partitions, Wanted};

/// What the records of a commit are about.
#[derive(Debug, Default)]
pub(super) struct Touched {
    topics: BTreeSet<Uuid>,
    configs: BTreeSet<String>,
}

/// Topics that came, grew or went with one commit.
#[derive(Debug, Default)]
pub(crate) struct Changes<'a> {
    /// New topics; the broker's partitions of them are open.
    pub(crate) created: Vec<&'a Topic>,
    /// Topics with new partitions or leaders; the broker's partitions of them are open.
    pub(crate) changed: Vec<&'a Topic>,
    /// Topics that are gone, as they were.
    pub(crate) deleted: Vec<&'a Topic>,
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
    pub(super) fn note(&mut self, record: &Record) {
        match record {
            Record::Topic(record) => drop(self.topics.insert(record.id)),
            Record::Partition(record) => drop(self.topics.insert(record.topic)),
            Record::PartitionChange(record) => drop(self.topics.insert(record.topic)),
            Record::RemoveTopic { id } => drop(self.topics.insert(*id)),
            Record::Config(record) => {
                if ResourceKind::from_code(record.resource_type) == Some(ResourceKind::Topic) {
                    self.configs.insert(record.resource_name.clone());
                }
            }
            Record::RegisterBroker(_)
            | Record::UnregisterBroker { .. }
            | Record::BrokerRegistrationChange(_)
            | Record::FenceBroker { .. }
            | Record::UnfenceBroker { .. }
            | Record::FeatureLevel(_)
            | Record::ProducerIds(_)
            | Record::NoOp => (),
        }
    }
}

/// Keeps the broker's partitions as the metadata says.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) me: BrokerId,
    pub(super) partitions: Arc<Partitions>,
    pub(super) settings: Arc<BrokerConfig>,
    pub(super) observers: Arc<Observers>,
}

impl Follower {
    /// Opens every partition that this broker leads.
    pub(super) fn open_all(&self, image: &Image) {
        let wanted: Vec<_> = image.topics().flat_map(|topic| self.wanted(image, topic)).collect();
        let offline = self.partitions.open_all(&wanted);
        if offline > 0 {
            tracing::error!(offline, "partitions are offline: their logs do not open");
        }
    }

    /// Does what a commit asks for, and tells the observers.
    pub(super) fn follow(&self, before: &Image, after: &Image, touched: &Touched) {
        let mut changes = Changes::default();
        for id in &touched.topics {
            match (before.topic_by_id(id), after.topic_by_id(id)) {
                (None, Some(topic)) => changes.created.push(topic),
                (Some(_), Some(topic)) => changes.changed.push(topic),
                (Some(topic), None) => changes.deleted.push(topic),
                // came and went within one commit
                (None, None) => (),
            }
        }
        // first what goes: a new topic may have the name of an old one
        for topic in &changes.deleted {
            self.partitions.delete(&topic.name);
        }
        for topic in changes.created.iter().chain(&changes.changed) {
            let wanted: Vec<_> = self.wanted(after, topic).collect();
            self.partitions.open_all(&wanted);
        }
        for name in &touched.configs {
            if after.topic(name).is_some() {
                self.partitions.configure(name, self.config(after, name));
            }
        }
        self.observers.tell(&changes);
    }

    fn config(&self, image: &Image, topic: &str) -> Arc<TopicConfig> {
        Arc::new(TopicConfig::resolve(&image.topic_overrides(topic), &self.settings))
    }

    /// The partitions of a topic that this broker leads.
    fn wanted<'a>(&'a self, image: &Image, topic: &'a Topic) -> impl Iterator<Item = Wanted> + 'a {
        let config = self.config(image, &topic.name);
        let mine =
            topic.partitions.iter().filter(|(_, partition)| partition.leader == Some(self.me));
        mine.map(move |(index, partition)| Wanted {
            topic: topic.name.as_ref().to_owned(),
            id: topic.id,
            index: *index,
            epoch: partition.leader_epoch,
            config: Arc::clone(&config),
        })
    }
}

/// Directories of partitions that the metadata does not know are renamed out of the way: a topic
/// that was deleted just before a crash, or data from elsewhere.
pub(super) fn set_strays_aside(
    image: &Image,
    directory: &Directory<StdDisk>,
) -> Result<(), ControllerError> {
    let root = directory.root();
    let mut renamed = false;
    for (partition, id) in directory.partitions()? {
        if known(image, &partition, id) {
            continue;
        }
        let from = root.join(partition.to_string());
        let mark = id.unwrap_or_else(Uuid::nil).simple();
        let path = root.join(format!("{partition}.{mark}-stray"));
        tracing::warn!(
            partition = %partition,
            path = %path.display(),
            "a log of no topic is set aside; delete it if nobody misses it"
        );
        directory.disk().rename(&from, &path).map_err(|source| ControllerError::Io {
            doing: "rename",
            path: from,
            source,
        })?;
        renamed = true;
    }
    if renamed {
        let path = root.to_path_buf();
        directory.disk().sync_dir(root).map_err(|source| ControllerError::Io {
            doing: "sync",
            path,
            source,
        })?;
    }
    Ok(())
}

/// Whether a directory belongs to a partition of the image. One without an id was being created
/// when the broker stopped.
fn known(image: &Image, partition: &TopicPartition, id: Option<Uuid>) -> bool {
    if partition.topic == CLUSTER_METADATA {
        return true;
    }
    image.topic(&partition.topic).is_some_and(|topic| {
        topic.partitions.contains_key(&partition.partition) && id.is_none_or(|id| id == topic.id)
    })
}
