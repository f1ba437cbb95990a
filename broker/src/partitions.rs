//! Every partition that this broker holds, by topic.

mod lifecycle;
mod mover;
mod recovery;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak, atomic::AtomicU64},
    time::Duration,
};

use arc_swap::ArcSwap;
use kastellan_core::{
    config::TopicConfig,
    id::{BrokerId, Uuid},
};
use kastellan_protocol::ErrorCode;

use self::mover::Moves;
pub(crate) use self::{lifecycle::Wanted, mover::Move, recovery::Recovery};
use crate::{
    clock::Clock,
    log_dirs::{LogDirs, Opened},
    maintenance::Bell,
    partition::{Partition, Signals},
    standing::Standing,
};

/// All partitions of the broker.
#[derive(Debug)]
pub(crate) struct Partitions {
    dirs: LogDirs,
    bell: Arc<Bell>,
    signals: Arc<Signals>,
    standing: Arc<Standing>,
    defaults: Defaults,
    map: RwLock<Map>,
    keys: Arc<Keys>,
    moves: Moves,
    recovery: Arc<Recovery>,
}

/// The partitions by what the committer calls them.
#[derive(Debug, Default)]
struct Keys {
    next: AtomicU64,
    partitions: RwLock<BTreeMap<u64, Weak<Partition>>>,
}

/// What holds for every partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    /// This broker.
    pub(crate) me: BrokerId,
    /// The clocks.
    pub(crate) clock: Clock,
    /// How many producers a partition remembers at most.
    pub(crate) producers: usize,
    /// For how long a follower may be behind and stay in sync.
    pub(crate) lag: Duration,
}

#[derive(Debug, Default)]
struct Map {
    by_name: BTreeMap<Arc<str>, Arc<Topic>>,
    by_id: BTreeMap<Uuid, Arc<Topic>>,
}

type Indexed = BTreeMap<i32, Option<Arc<Partition>>>;

impl Drop for Map {
    /// Topics and partitions know each other: what they hold, the log directories among it, would
    /// stay for ever.
    fn drop(&mut self) {
        self.by_name.values().for_each(|topic| topic.write().clear());
    }
}

/// A topic, as far as partitions go.
pub(crate) struct Topic {
    name: Arc<str>,
    id: Uuid,
    config: ArcSwap<TopicConfig>,
    /// By index; `None` where it is offline.
    partitions: RwLock<Indexed>,
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({} {})", self.name, self.id)
    }
}

impl Topic {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its id.
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// Its settings as they are now.
    pub(crate) fn config(&self) -> Arc<TopicConfig> {
        self.config.load_full()
    }

    /// One of its partitions. Errors: 3 `UNKNOWN_TOPIC_OR_PARTITION`, 56 `KAFKA_STORAGE_ERROR` for
    /// one that is offline.
    pub(crate) fn partition(&self, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        let partitions = self.partitions.read().unwrap_or_else(PoisonError::into_inner);
        match partitions.get(&index) {
            Some(Some(partition)) => Ok(Arc::clone(partition)),
            Some(None) => Err(ErrorCode::KafkaStorageError),
            None => Err(ErrorCode::UnknownTopicOrPartition),
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, Indexed> {
        self.partitions.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The partitions that are open, in order.
    pub(crate) fn partitions(&self) -> Vec<Arc<Partition>> {
        let partitions = self.partitions.read().unwrap_or_else(PoisonError::into_inner);
        partitions.values().flatten().cloned().collect()
    }
}

impl Partitions {
    /// No partitions yet, in directories whose committers are started here.
    pub(crate) fn new(
        opened: Opened,
        defaults: Defaults,
        standing: Arc<Standing>,
    ) -> std::io::Result<Self> {
        let keys = Arc::new(Keys::default());
        let done = Arc::clone(&keys);
        let dirs = LogDirs::start(opened, move |word| {
            let partitions = done.partitions.read().unwrap_or_else(PoisonError::into_inner);
            let partition = partitions.get(&word.key).and_then(Weak::upgrade);
            drop(partitions);
            if let Some(partition) = partition {
                partition.committed(&word);
            }
        })?;
        let bell = Arc::new(Bell::default());
        let (map, moves, recovery, signals) = Default::default();
        Ok(Self { dirs, bell, signals, standing, defaults, map, keys, moves, recovery })
    }

    /// Whether the disk is so far behind that producers should wait.
    pub(crate) fn over_budget(&self) -> bool {
        self.dirs.over_budget()
    }

    /// Told of every append.
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// Whether this broker still leads what it led.
    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// What they want of replication.
    pub(crate) fn signals(&self) -> &Arc<Signals> {
        &self.signals
    }

    /// How far the start has come.
    pub(crate) fn recovery(&self) -> &Arc<Recovery> {
        &self.recovery
    }

    /// Every topic, in order of names.
    pub(crate) fn topics(&self) -> Vec<Arc<Topic>> {
        self.read().by_name.values().cloned().collect()
    }

    /// How many partitions are offline: their logs did not open, or failed since.
    pub(crate) fn offline(&self) -> usize {
        let of = |topic: &Arc<Topic>| {
            let partitions = topic.partitions.read().unwrap_or_else(PoisonError::into_inner);
            partitions.values().filter(|partition| partition.is_none()).count()
        };
        self.topics().iter().map(of).sum()
    }

    /// Where they are.
    pub(crate) fn dirs(&self) -> &LogDirs {
        &self.dirs
    }

    /// The directories alone, once the partitions are closed.
    pub(crate) fn into_dirs(self) -> LogDirs {
        self.dirs
    }

    /// A topic by its name.
    pub(crate) fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.read().by_name.get(name).cloned()
    }

    /// A topic by its id.
    pub(crate) fn topic_by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        self.read().by_id.get(&id).cloned()
    }

    /// A partition by its topic's name. Errors: those of [`Topic::partition`].
    pub(crate) fn get(&self, topic: &str, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        self.topic(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?.partition(index)
    }

    /// A partition by its topic's id. Errors: 100 `UNKNOWN_TOPIC_ID`, and those of
    /// [`Topic::partition`].
    pub(crate) fn get_by_id(&self, topic: Uuid, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        self.topic_by_id(topic).ok_or(ErrorCode::UnknownTopicId)?.partition(index)
    }

    /// Every partition that is open, in order of topics and indexes.
    pub(crate) fn all(&self) -> Vec<Arc<Partition>> {
        self.topics().iter().flat_map(|topic| topic.partitions()).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Map> {
        self.map.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Map> {
        self.map.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
