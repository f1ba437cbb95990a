//! Partitions come and go: opened at the start, created, changed, deleted, closed at the end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock, atomic::Ordering},
    thread,
};

use super::{Defaults, Partitions, Topic};
use crate::{
    log_dirs::{Closed, LogDir},
    partition::{Committing, Opening, Partition, Want, settings_of_log},
};
use arc_swap::ArcSwap;
use kastellan_core::{
    config::TopicConfig,
    id::{TopicPartition, Uuid},
    log::LogError,
    partition::{self as machine, Assignment, Durability, Settings},
    replica::PartitionKey,
};
use kastellan_log::checkpoint::Offsets;
use kastellan_protocol::ErrorCode;

/// A partition that should be served.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Its topic's name.
    pub(crate) topic: String,
    /// Its topic's id.
    pub(crate) id: Uuid,
    /// Its number in the topic.
    pub(crate) index: i32,
    /// Who leads it and who follows.
    pub(crate) assignment: Assignment,
    /// The log directory it lies in, as the metadata says; nil where it does not know.
    pub(crate) directory: Uuid,
    /// Whether it has just been created: then it lies nowhere yet.
    pub(crate) fresh: bool,
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
    /// It lies where nobody looks.
    #[error(
        "it lies in the log directory with id {}, which is offline or not configured: bring that \
         back and start again, or delete the topic",
        kastellan_core::id::uuid_to_text(*.0)
    )]
    Elsewhere(Uuid),
    /// It may lie where nobody looks: an empty one in another directory would hide that.
    #[error(
        "it is in none of the log directories that work, and some do not: bring those back and \
         start again, or delete the topic"
    )]
    Missing,
    /// No log directory is left.
    #[error("no log directory works")]
    NoDirectory,
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
            if partition.assign(self.defaults.clock.monotonic(), &wanted.assignment).is_err() {
                tracing::warn!(?partition, "cannot assign a partition that is offline");
            }
            return Ok(());
        }
        if known.is_err_and(|code| code == ErrorCode::KafkaStorageError)
            && wanted.assignment.leader.is_none()
        {
            // its directory has failed, and the metadata says so by now
            return Ok(());
        }
        let opened = self.open(&topic, wanted);
        let mut partitions = topic.write();
        match opened {
            Ok((key, partition)) => {
                let partition = Arc::new(partition);
                let weak = Arc::downgrade(&partition);
                let keys = self.keys.partitions.write();
                keys.unwrap_or_else(PoisonError::into_inner).insert(key, weak);
                partitions.insert(wanted.index, Some(partition));
                drop(partitions);
                if wanted.assignment.replicas.len() > 1 {
                    // what it has wanted so far was wanted of one that nobody could find yet
                    let key = PartitionKey { topic: wanted.id, index: wanted.index };
                    self.signals().want(key, Want { fetch: true, proposal: true, review: None });
                }
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

    /// [`Self::open_all`] at the start of the broker: what an unclean end has left to sync is
    /// synced once for all of them, before anything is served. `threads` for each log directory.
    pub(crate) fn open_at_start(&self, wanted: &[Wanted], threads: usize) -> usize {
        let defer =
            |defer| self.dirs.open().iter().for_each(|dir| dir.directory().defer_syncs(defer));
        defer(true);
        self.recovery.begin(wanted.len());
        let offline = self.open_with(wanted, threads.saturating_mul(self.dirs.open().len()));
        defer(false);
        self.sync_all();
        offline
    }

    /// [`Self::create`] for many, several at a time; returns how many are offline.
    pub(crate) fn open_all(&self, wanted: &[Wanted]) -> usize {
        self.open_with(wanted, thread::available_parallelism().map_or(2, usize::from) * 2)
    }

    fn open_with(&self, wanted: &[Wanted], threads: usize) -> usize {
        let next = Mutex::new((wanted.iter(), 0));
        let work = || {
            loop {
                let one = next.lock().unwrap_or_else(PoisonError::into_inner).0.next();
                let Some(one) = one else { return };
                let created = self.create(one);
                self.recovery.opened();
                if created.is_err() {
                    next.lock().unwrap_or_else(PoisonError::into_inner).1 += 1;
                }
            }
        };
        if wanted.len() < 8 {
            work();
        } else {
            thread::scope(|scope| {
                for _ in 0..threads.clamp(1, wanted.len()) {
                    scope.spawn(work);
                }
            });
        }
        next.into_inner().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Takes up changed settings of a topic.
    pub(crate) fn configure(&self, topic: &str, config: Arc<TopicConfig>) {
        let Some(topic) = self.topic(topic) else { return };
        let settings = self.settings(&config);
        topic.config.store(config);
        for partition in topic.partitions() {
            if partition.configure(settings).is_err() {
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
            if let Err(error) = self.delete_one(topic.name(), index, partition) {
                let topic = topic.name();
                tracing::error!(topic, index, %error, "a deleted partition's files remain");
            }
        }
    }

    /// Deletes a replica that this broker is to hold no longer.
    pub(crate) fn drop_replica(&self, topic: &str, index: i32) {
        let Some(topic) = self.topic(topic) else { return };
        let Some(partition) = topic.write().remove(&index) else { return };
        if let Some(partition) = &partition {
            let mut keys = self.keys.partitions.write().unwrap_or_else(PoisonError::into_inner);
            keys.remove(&partition.key());
        }
        tracing::info!(topic = topic.name(), index, "a replica goes: others hold the partition");
        if let Err(error) = self.delete_one(topic.name(), index, partition) {
            let topic = topic.name();
            tracing::error!(topic, index, %error, "a deleted replica's files remain");
        }
    }

    fn delete_one(
        &self,
        topic: &str,
        index: i32,
        partition: Option<Arc<Partition>>,
    ) -> Result<(), kastellan_log::Error> {
        if let Some(partition) = partition
            && let Ok(home) = partition.home()
            && let Some(log) = partition.delete()
        {
            home.left();
            return home.directory().delete_log(log);
        }
        // offline: what is left of it may be in any of the directories, or in one that is offline,
        // where the next start that sees it sets it aside
        let partition = TopicPartition { topic: topic.to_owned(), partition: index };
        for dir in self.dirs.online() {
            dir.directory().delete_if_there(&partition)?;
        }
        Ok(())
    }

    /// Takes the partitions of a failed log directory offline.
    pub(crate) fn fail(&self, dir: &LogDir) {
        let mut failed = 0;
        for topic in self.topics() {
            for partition in topic.partitions() {
                if partition.place() == dir.place() {
                    self.forget(&partition);
                    topic.write().insert(partition.index(), None);
                    failed += 1;
                }
            }
        }
        tracing::error!(dir = %dir.path().display(), partitions = failed, "partitions are offline");
    }

    /// Lets go of a partition that is offline from now on.
    fn forget(&self, partition: &Partition) {
        let mut keys = self.keys.partitions.write().unwrap_or_else(PoisonError::into_inner);
        keys.remove(&partition.key());
        drop(keys);
        if let Ok(home) = partition.home() {
            home.left();
        }
        partition.fail();
    }

    /// Writes down the high watermarks, where there are replicas elsewhere.
    pub(crate) fn write_marks(&self) -> Result<(), LogError> {
        let mut by_dir = BTreeMap::<usize, Offsets>::new();
        for (place, name, high_watermark) in self.all().iter().filter_map(|it| it.mark()) {
            by_dir.entry(place).or_default().insert(name, high_watermark);
        }
        let write = |(place, marks): (usize, Offsets)| match self.dirs.open().get(place) {
            Some(dir) if dir.failed().is_none() => dir.directory().write_high_watermarks(&marks),
            Some(_) | None => Ok(()),
        };
        // one that fails must not keep the others from being written
        by_dir.into_iter().map(write).fold(Ok(()), Result::and)
    }

    /// Closes every log, for the marks of a clean shutdown. Where one did not close, the next start
    /// has to recover its directory.
    pub(crate) fn close(&self) -> Closed {
        if let Err(error) = self.write_marks() {
            tracing::error!(%error, "cannot write the high watermarks");
        }
        let mut closed = Closed::new();
        for partition in self.all() {
            // one that fails says so when it is closed
            if let Err(error) = partition.prepare_close() {
                tracing::debug!(?partition, %error, "a log is not ready to be closed");
            }
        }
        self.sync_all();
        for partition in self.all() {
            let dir = closed.entry(partition.place()).or_insert_with(|| Some(Vec::new()));
            match (partition.close(), dir.as_mut()) {
                (Ok(checkpoints), Some(all)) => all.push(checkpoints),
                (Ok(_), None) => {}
                (Err(error), _) => {
                    tracing::error!(?partition, %error, "a log did not close");
                    *dir = None;
                }
            }
        }
        closed
    }

    /// Has everything synced before it returns, each directory in one go.
    fn sync_all(&self) {
        let mut by_dir = BTreeMap::<usize, Vec<Arc<Partition>>>::new();
        for partition in self.all() {
            by_dir.entry(partition.place()).or_default().push(partition);
        }
        for partitions in by_dir.values() {
            if let Err(error) = Partition::flush_all(partitions) {
                tracing::error!(%error, "a log directory cannot be synced");
            }
        }
    }

    /// Where a partition lies, or is to lie.
    fn place(&self, wanted: &Wanted) -> Result<Arc<LogDir>, OpenError> {
        let name = TopicPartition { topic: wanted.topic.clone(), partition: wanted.index };
        if let Some(home) = self.dirs.take_found(&name) {
            home.entered();
            return Ok(home);
        }
        // what others are in sync without is fetched from them
        let elsewhere = wanted.assignment.leader.is_some_and(|leader| leader != self.defaults.me)
            && !wanted.assignment.isr.contains(&self.defaults.me);
        if elsewhere && self.dirs.all_work() {
            return self.dirs.choose().ok_or(OpenError::NoDirectory);
        }
        if !wanted.fresh && !wanted.directory.is_nil() {
            let home = self.dirs.by_id(wanted.directory);
            let home = home.ok_or(OpenError::Elsewhere(wanted.directory))?;
            home.entered();
            return Ok(Arc::clone(home));
        }
        if !wanted.fresh && !self.dirs.complete() {
            return Err(OpenError::Missing);
        }
        self.dirs.choose().ok_or(OpenError::NoDirectory)
    }

    /// What a topic's settings mean for its partitions.
    fn settings(&self, config: &TopicConfig) -> Settings {
        let durability = if config.fsync { Durability::Fsync } else { Durability::Replicated };
        let min_in_sync = config.min_insync_replicas;
        Settings { durability, min_in_sync, lag: self.defaults.lag }
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
        let home = self.place(wanted)?;
        let config = topic.config();
        let name = TopicPartition { topic: wanted.topic.clone(), partition: wanted.index };
        let Defaults { me, clock, producers, .. } = self.defaults;
        let (high_watermark, settings) = (home.high_watermark(&name), self.settings(&config));
        let opening = Opening {
            assignment: &wanted.assignment,
            now: clock.monotonic(),
            from: machine::Opening { me, high_watermark, settings },
            producers,
        };
        let open = || {
            let settings = settings_of_log(&config);
            let log = home.directory().open_log(name, Some(wanted.id), settings)?;
            let key = self.keys.next.fetch_add(1, Ordering::Relaxed);
            let committing = Committing {
                home: Arc::clone(&home),
                bell: Arc::clone(&self.bell),
                key,
                name: PartitionKey { topic: wanted.id, index: wanted.index },
                signals: Arc::clone(&self.signals),
                standing: Arc::clone(&self.standing),
            };
            let partition =
                Partition::new(Arc::clone(topic), wanted.index, log, opening, committing)?;
            Ok((key, partition))
        };
        // What is on a disk must not be able to take the whole broker down.
        let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(open));
        let opened = opened.unwrap_or(Err(OpenError::Panicked));
        if opened.is_err() {
            home.left();
        }
        opened
    }
}
