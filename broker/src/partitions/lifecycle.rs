//! Partitions come and go: opened at the start, created, changed, deleted, closed at the end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock, atomic::Ordering},
    thread,
};

use arc_swap::ArcSwap;
use kastellan_core::{
    config::TopicConfig,
    id::{TopicPartition, Uuid},
    log::LogError,
    partition::Durability,
};
use kastellan_log::Checkpoints;

use super::{Partitions, Topic};
use crate::partition::{Committing, Opening, Partition, settings_of_log};

/// A partition that should be served.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Its topic's name.
    pub(crate) topic: String,
    /// Its topic's id.
    pub(crate) id: Uuid,
    /// Its number in the topic.
    pub(crate) index: i32,
    /// The epoch in which this broker leads it.
    pub(crate) epoch: i32,
    /// Its topic's settings.
    pub(crate) config: Arc<TopicConfig>,
}

/// Why a partition is offline.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The directory or its files are in the way.
    #[error(transparent)]
    Open(#[from] kastellan_log::Error),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Opening it panicked.
    #[error("opening the log panicked: a bug of ours")]
    Panicked,
}

impl Partitions {
    /// Opens or creates a partition; nothing happens where it is open already. One that does not
    /// open is known and answers 56 `KAFKA_STORAGE_ERROR`.
    pub(crate) fn create(&self, wanted: &Wanted) -> Result<(), OpenError> {
        let topic = self.topic_for(wanted);
        let known = topic.partition(wanted.index);
        if let Ok(partition) = known {
            if partition.lead(wanted.epoch).is_err() {
                tracing::warn!(?partition, "cannot lead a partition that is offline");
            }
            return Ok(());
        }
        let opened = self.open(&topic, wanted);
        let mut partitions = topic.partitions.write().unwrap_or_else(PoisonError::into_inner);
        match opened {
            Ok((key, partition)) => {
                let partition = Arc::new(partition);
                let weak = Arc::downgrade(&partition);
                let keys = self.keys.partitions.write();
                keys.unwrap_or_else(PoisonError::into_inner).insert(key, weak);
                partitions.insert(wanted.index, Some(partition));
                Ok(())
            }
            Err(error) => {
                partitions.insert(wanted.index, None);
                drop(partitions);
                let (name, index) = (&wanted.topic, wanted.index);
                tracing::error!(topic = name, index, %error, "a partition is offline");
                Err(error)
            }
        }
    }

    /// [`Self::create`] for many, several at a time; returns how many are offline.
    pub(crate) fn open_all(&self, wanted: &[Wanted]) -> usize {
        let threads = thread::available_parallelism().map_or(2, usize::from) * 2;
        let next = Mutex::new((wanted.iter(), 0));
        let work = || {
            loop {
                let one = next.lock().unwrap_or_else(PoisonError::into_inner).0.next();
                let Some(one) = one else { return };
                if self.create(one).is_err() {
                    next.lock().unwrap_or_else(PoisonError::into_inner).1 += 1;
                }
            }
        };
        if wanted.len() < 8 {
            work();
        } else {
            thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(work);
                }
            });
        }
        next.into_inner().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Takes up changed settings of a topic.
    pub(crate) fn configure(&self, topic: &str, config: Arc<TopicConfig>) {
        let Some(topic) = self.topic(topic) else { return };
        let durability = self.durability(&config);
        topic.config.store(config);
        for partition in topic.partitions() {
            if partition.configure(durability).is_err() {
                tracing::warn!(?partition, "cannot configure a partition that is offline");
            }
        }
    }

    /// Deletes a topic's partitions with their logs. Who waits for them is answered with 3 or 100.
    pub(crate) fn delete(&self, topic: &str) {
        let Some(topic) = self.topic(topic) else { return };
        let mut map = self.write();
        map.by_name.remove(topic.name());
        map.by_id.remove(&topic.id);
        drop(map);
        let partitions =
            std::mem::take(&mut *topic.partitions.write().unwrap_or_else(PoisonError::into_inner));
        let mut keys = self.keys.partitions.write().unwrap_or_else(PoisonError::into_inner);
        for partition in partitions.values().flatten() {
            keys.remove(&partition.key());
        }
        drop(keys);
        for (index, partition) in partitions {
            let log = partition.and_then(|partition| partition.delete());
            let deleted = match log {
                Some(log) => self.directory.delete_log(log),
                None => self.directory.delete_partition(&TopicPartition {
                    topic: topic.name().to_owned(),
                    partition: index,
                }),
            };
            if let Err(error) = deleted {
                let topic = topic.name();
                tracing::error!(topic, index, %error, "a deleted partition's files remain");
            }
        }
    }

    /// Closes every log, for the mark of a clean shutdown. `None`: one of them did not close, and
    /// the next start has to recover.
    pub(crate) fn close(&self) -> Option<Vec<Checkpoints>> {
        let mut closed = Vec::new();
        let mut clean = true;
        for partition in self.all() {
            match partition.close() {
                Ok(checkpoints) => closed.push(checkpoints),
                Err(error) => {
                    tracing::error!(?partition, %error, "a log did not close");
                    clean = false;
                }
            }
        }
        clean.then_some(closed)
    }

    /// What `acks=all` promises for a topic: `flush.messages=1` asks for the disk, too.
    fn durability(&self, config: &TopicConfig) -> Durability {
        match config.flush_messages {
            Some(1) => Durability::Fsync,
            Some(_) | None => self.defaults.durability,
        }
    }

    fn topic_for(&self, wanted: &Wanted) -> Arc<Topic> {
        let mut map = self.write();
        if let Some(known) = map.by_name.get(wanted.topic.as_str()) {
            return Arc::clone(known);
        }
        let name: Arc<str> = wanted.topic.as_str().into();
        let topic = Arc::new(Topic {
            name: Arc::clone(&name),
            id: wanted.id,
            config: ArcSwap::new(Arc::clone(&wanted.config)),
            partitions: RwLock::new(BTreeMap::new()),
        });
        map.by_name.insert(name, Arc::clone(&topic));
        map.by_id.insert(wanted.id, Arc::clone(&topic));
        topic
    }

    fn open(&self, topic: &Arc<Topic>, wanted: &Wanted) -> Result<(u64, Partition), OpenError> {
        let config = topic.config();
        let opening = Opening {
            epoch: wanted.epoch,
            durability: self.durability(&config),
            producers: self.defaults.producers,
        };
        let name = TopicPartition { topic: wanted.topic.clone(), partition: wanted.index };
        let open = || {
            let settings = settings_of_log(&config);
            let log = self.directory.open_log(name, Some(wanted.id), settings)?;
            let key = self.keys.next.fetch_add(1, Ordering::Relaxed);
            let committing = Committing {
                committer: Arc::clone(&self.committer),
                bell: Arc::clone(&self.bell),
                key,
            };
            let partition =
                Partition::new(Arc::clone(topic), wanted.index, log, opening, committing)?;
            Ok((key, partition))
        };
        // What is on a disk must not be able to take the whole broker down.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(open))
            .unwrap_or(Err(OpenError::Panicked))
    }
}
