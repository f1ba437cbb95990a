//! The broker's log directories (Kafka's `log.dirs`): which work, which do not, where a new
//! partition goes.
//!
//! A directory is poisoned by its first failed write or sync and stays so until the next start.
//! Its partitions are offline from then on; the others go on. Without the one that holds the
//! metadata the broker ends.

mod format;
mod open;
mod watch;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use kastellan_core::{
    id::{Offset, TopicPartition, Uuid},
    log::LogError,
};
use kastellan_log::{
    Checkpoints, Committer, Directory, Done, Pace,
    checkpoint::Offsets,
    disk::{Space, StdDisk},
};

pub use self::format::{FormatError, format};
pub(crate) use self::{
    open::Opened,
    watch::{Fatal, watch},
};

/// All of them.
#[derive(Debug)]
pub(crate) struct LogDirs {
    open: Vec<Arc<LogDir>>,
    metadata: Arc<Directory<StdDisk>>,
    broken: Vec<Broken>,
    /// Where partitions were found at the start, until they are opened.
    found: Mutex<BTreeMap<TopicPartition, usize>>,
    /// Directories that were there at the last start are not there now.
    missing: AtomicBool,
    /// Held while a place is chosen, so that two new partitions see each other.
    choosing: Mutex<()>,
}

/// A directory that opened.
#[derive(Debug)]
pub(crate) struct LogDir {
    place: usize,
    directory: Arc<Directory<StdDisk>>,
    committer: Committer<StdDisk>,
    partitions: AtomicUsize,
    /// As they were checkpointed when the broker started.
    high_watermarks: Offsets,
}

/// A directory that did not open.
#[derive(Debug)]
pub(crate) struct Broken {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Why it does not open.
    pub(crate) why: String,
}

/// What is to be written when the broker ends, by directory; `None` where a log did not close.
pub(crate) type Closed = BTreeMap<usize, Option<Vec<Checkpoints>>>;

impl LogDir {
    /// Its id (KIP-858).
    pub(crate) fn id(&self) -> Uuid {
        self.directory.properties().directory_id
    }

    /// Which of the directories it is.
    pub(crate) fn place(&self) -> usize {
        self.place
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.directory.root()
    }

    /// What is in it.
    pub(crate) fn directory(&self) -> &Arc<Directory<StdDisk>> {
        &self.directory
    }

    /// Makes what is in it durable.
    pub(crate) fn committer(&self) -> &Committer<StdDisk> {
        &self.committer
    }

    /// The high watermark of a partition as of the last checkpoint; 0 where there was none.
    pub(crate) fn high_watermark(&self, of: &TopicPartition) -> Offset {
        self.high_watermarks.get(of).copied().unwrap_or(0)
    }

    /// Why it takes no more writes, once it does not.
    pub(crate) fn failed(&self) -> Option<&str> {
        self.directory.poisoned()
    }

    /// How large the file system is that it lies on.
    pub(crate) fn space(&self) -> io::Result<Space> {
        self.directory.volume().space()
    }

    /// A partition that was counted here is not here any more.
    pub(crate) fn left(&self) {
        self.partitions.fetch_sub(1, Ordering::Relaxed);
    }

    /// A partition is here from now on.
    pub(crate) fn entered(&self) {
        self.partitions.fetch_add(1, Ordering::Relaxed);
    }
}

impl LogDirs {
    /// Takes up the directories that opened; each gets threads that make its logs durable and call
    /// `done`.
    pub(crate) fn start(
        opened: Opened,
        done: impl Fn(Done) + Clone + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let Opened { metadata, logs, broken } = opened;
        let start = |(place, directory): (usize, Arc<Directory<StdDisk>>)| {
            let committer = Committer::start(&directory, Pace::default(), done.clone())?;
            // without it the leader tells, and a leader finds out from its followers
            let high_watermarks = directory.high_watermarks().unwrap_or_default();
            let partitions = AtomicUsize::new(0);
            Ok(Arc::new(LogDir { place, directory, committer, partitions, high_watermarks }))
        };
        let open = logs.into_iter().enumerate().map(start).collect::<io::Result<_>>()?;
        Ok(Self {
            open,
            metadata,
            broken,
            found: Mutex::default(),
            missing: AtomicBool::new(false),
            choosing: Mutex::default(),
        })
    }

    /// The one that holds the cluster's metadata.
    pub(crate) fn metadata(&self) -> &Arc<Directory<StdDisk>> {
        &self.metadata
    }

    /// Those that opened, also where they failed since.
    pub(crate) fn open(&self) -> &[Arc<LogDir>] {
        &self.open
    }

    /// Those that did not open.
    pub(crate) fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// Those that opened and work.
    pub(crate) fn online(&self) -> impl Iterator<Item = &Arc<LogDir>> {
        self.open.iter().filter(|dir| dir.failed().is_none())
    }

    /// The ids of those that work, as the broker registers them.
    pub(crate) fn ids(&self) -> Vec<Uuid> {
        let mut ids: Vec<_> = self.online().map(|dir| dir.id()).collect();
        let metadata = self.metadata.properties().directory_id;
        if !ids.contains(&metadata) {
            ids.push(metadata);
        }
        ids
    }

    /// One that works, by its id.
    pub(crate) fn by_id(&self, id: Uuid) -> Option<&Arc<LogDir>> {
        self.online().find(|dir| dir.id() == id)
    }

    /// Whether one of them is so far behind that producers should wait.
    pub(crate) fn over_budget(&self) -> bool {
        self.open.iter().any(|dir| dir.committer.over_budget())
    }

    /// Notes where partitions were found, and whether directories of the last start are missing.
    pub(crate) fn found(&self, found: BTreeMap<TopicPartition, usize>, missing: bool) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
        self.missing.store(missing, Ordering::Relaxed);
    }

    /// Where a partition was found at the start; asked once.
    pub(crate) fn take_found(&self, partition: &TopicPartition) -> Option<Arc<LogDir>> {
        let place = self.found.lock().unwrap_or_else(PoisonError::into_inner).remove(partition)?;
        self.open.get(place).cloned()
    }

    /// Whether every partition that exists would have been found.
    pub(crate) fn complete(&self) -> bool {
        self.all_work() && !self.missing.load(Ordering::Relaxed)
    }

    /// Whether all that are configured work.
    pub(crate) fn all_work(&self) -> bool {
        self.broken.is_empty() && self.open.iter().all(|dir| dir.failed().is_none())
    }

    /// The one for a new partition: where the fewest are, the first of several. It is counted.
    pub(crate) fn choose(&self) -> Option<Arc<LogDir>> {
        let choosing = self.choosing.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen = self.online().min_by_key(|dir| dir.partitions.load(Ordering::Relaxed))?;
        chosen.entered();
        drop(choosing);
        Some(Arc::clone(chosen))
    }

    /// Writes down what logs say, in the directory of each.
    pub(crate) fn write_checkpoints(
        &self,
        checkpoints: impl IntoIterator<Item = (usize, Checkpoints)>,
    ) -> Result<(), LogError> {
        let mut by_dir = BTreeMap::<usize, Vec<Checkpoints>>::new();
        for (place, one) in checkpoints {
            by_dir.entry(place).or_default().push(one);
        }
        let write = |(place, all): (usize, Vec<Checkpoints>)| match self.open.get(place) {
            Some(dir) if dir.failed().is_none() => dir.directory.write_checkpoints(&all),
            Some(_) | None => Ok(()),
        };
        // one that fails must not keep the others from being written
        by_dir.into_iter().map(write).fold(Ok(()), Result::and)
    }

    /// The epoch of the registration under which this broker ended in order with all of its
    /// directories: whatever it had then it still has (KIP-966).
    pub(crate) fn ended_in(&self) -> Option<i64> {
        let ended = self.open.iter().map(|dir| dir.directory.ended_in());
        let mut ended = ended.chain(std::iter::once(self.metadata.ended_in()));
        let first = ended.next().flatten().filter(|_| self.broken.is_empty())?;
        ended.all(|other| other == Some(first)).then_some(first)
    }

    /// Marks every directory that was left in order, once nobody else uses them; `metadata` is what
    /// the metadata log has said, where it closed, and `epoch` that of the broker's registration.
    pub(crate) fn close(
        self,
        mut closed: Closed,
        metadata: Option<Checkpoints>,
        epoch: Option<i64>,
    ) {
        let Self { open, metadata: home, .. } = self;
        let mut ends = Vec::new();
        let mut shared = false;
        for dir in open {
            let mut said = closed.remove(&dir.place).unwrap_or_else(|| Some(Vec::new()));
            if Arc::ptr_eq(&dir.directory, &home) {
                shared = true;
                said = said.zip(metadata.clone()).map(|(mut all, metadata)| {
                    all.push(metadata);
                    all
                });
            }
            ends.push((Arc::into_inner(dir).map(|dir| dir.directory), said));
        }
        if shared {
            drop(home);
        } else {
            ends.push((Some(home), metadata.map(|metadata| vec![metadata])));
        }
        for (directory, said) in ends {
            // Whoever still held it would still write to it: then the mark would be a lie.
            let Some(directory) = directory.and_then(Arc::into_inner) else {
                tracing::error!("a log directory is still in use: the next start has to recover");
                continue;
            };
            mark(directory, said, epoch);
        }
    }
}

fn mark(directory: Directory<StdDisk>, said: Option<Vec<Checkpoints>>, epoch: Option<i64>) {
    let root = directory.root().to_path_buf();
    let failed = directory.poisoned().map(str::to_owned);
    let outcome = match (failed, said) {
        (Some(why), _) => Err(why),
        (None, None) => Err("a log in it did not close".to_owned()),
        (None, Some(said)) => {
            directory.close_after(&said, epoch).map_err(|error| error.to_string())
        }
    };
    if let Err(why) = outcome {
        let path = root.display();
        tracing::error!(%path, why, "no mark of a clean shutdown: the next start has to recover");
    }
}
