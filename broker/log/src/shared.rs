//! What the logs of one directory share: the disk, its poison, open files, loaded indexes, offsets
//! checkpointed.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use kastellan_core::{
    id::{Offset, TopicPartition},
    log::LogError,
};

use crate::{
    cache::Cache,
    checkpoint::{self, Offsets},
    disk::{Disk, Open, Volume as _, replace_file},
    index::Index,
    name,
};

/// How much of the machine a directory may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Files open at a time, besides those that are pinned.
    pub open_files: usize,
    /// Files held open because they have bytes that were not synced, so that a failed write-back
    /// is seen. Beyond that they are closed, and the whole file system is synced instead.
    pub pinned_files: usize,
    /// Bytes of loaded indexes of closed segments.
    pub index_bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { open_files: 4_000, pinned_files: 4_000, index_bytes: 16 << 20 }
    }
}

/// Told why the directory takes no more writes.
type Tell = Box<dyn Fn(&str) + Send + Sync>;

/// Who wants to be told.
struct Told(OnceLock<Tell>);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

#[derive(Debug)]
pub(crate) struct Shared<D: Disk> {
    pub(crate) disk: D,
    pub(crate) root: PathBuf,
    pub(crate) volume: D::Volume,
    pins: Arc<AtomicUsize>,
    pin_limit: usize,
    deferring: AtomicBool,
    poison: OnceLock<String>,
    told: Told,
    files: Mutex<Cache<Arc<D::File>>>,
    indexes: Mutex<Cache<Arc<Index>>>,
    next_id: AtomicU64,
    recovery_points: Mutex<Offsets>,
    log_starts: Mutex<Offsets>,
    cleaned: Mutex<Offsets>,
    stamps: Mutex<BTreeMap<TopicPartition, Stamp>>,
}

/// Which log of a partition, and after how many truncations: what was noted about another one must
/// not be written over what holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) log: u64,
    pub(crate) generation: u64,
}

/// How many files one log holds open because they have bytes that were not synced.
#[derive(Debug)]
pub(crate) struct Pins {
    total: Arc<AtomicUsize>,
    limit: usize,
    mine: usize,
}

impl Pins {
    /// Whether one more may be held; counted if so.
    pub(crate) fn take(&mut self) -> bool {
        let room = self.total.load(Ordering::Relaxed) < self.limit;
        if room {
            self.set(self.mine + 1);
        }
        room
    }

    /// The log holds so many now.
    pub(crate) fn set(&mut self, mine: usize) {
        self.total.fetch_add(mine, Ordering::Relaxed);
        self.total.fetch_sub(self.mine, Ordering::Relaxed);
        self.mine = mine;
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        self.set(0);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<D: Disk> Shared<D> {
    pub(crate) fn new(disk: D, root: PathBuf, budget: Budget) -> io::Result<Self> {
        Ok(Self {
            volume: disk.volume(&root)?,
            disk,
            root,
            pins: Arc::default(),
            pin_limit: budget.pinned_files,
            deferring: AtomicBool::new(false),
            poison: OnceLock::new(),
            told: Told(OnceLock::new()),
            files: Mutex::new(Cache::new(budget.open_files)),
            indexes: Mutex::new(Cache::new(budget.index_bytes)),
            next_id: AtomicU64::new(0),
            recovery_points: Mutex::default(),
            log_starts: Mutex::default(),
            cleaned: Mutex::default(),
            stamps: Mutex::default(),
        })
    }

    /// For a log that holds nothing open yet.
    pub(crate) fn pins(&self) -> Pins {
        Pins { total: Arc::clone(&self.pins), limit: self.pin_limit, mine: 0 }
    }

    /// A number for a file, never given again in this process.
    pub(crate) fn id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Fails once the directory is poisoned.
    pub(crate) fn check(&self) -> Result<(), LogError> {
        match self.poison.get() {
            Some(why) => Err(LogError::Poisoned(why.clone())),
            None => Ok(()),
        }
    }

    /// Why the directory takes no more writes.
    pub(crate) fn poisoned(&self) -> Option<&str> {
        self.poison.get().map(String::as_str)
    }

    /// Notes that a write or sync failed: the first reason stays.
    pub(crate) fn poison(&self, doing: &str, at: &dyn Display, error: &io::Error) -> LogError {
        let mut first = false;
        let why = self.poison.get_or_init(|| {
            first = true;
            format!("{doing} {at}: {error}")
        });
        if first && let Some(tell) = self.told.0.get() {
            tell(why);
        }
        LogError::Poisoned(why.clone())
    }

    pub(crate) fn when_poisoned(&self, tell: Tell) {
        assert!(self.told.0.set(tell).is_ok(), "one is told");
        if let (Some(why), Some(tell)) = (self.poisoned(), self.told.0.get()) {
            tell(why);
        }
    }

    pub(crate) fn file(&self, id: u64, path: impl FnOnce() -> PathBuf) -> io::Result<Arc<D::File>> {
        if let Some(file) = locked(&self.files).get(id) {
            return Ok(file);
        }
        let file = Arc::new(self.disk.open(&path(), Open::Write)?);
        self.keep_file(id, &file);
        Ok(file)
    }

    pub(crate) fn keep_file(&self, id: u64, file: &Arc<D::File>) {
        locked(&self.files).insert(id, Arc::clone(file), 1);
    }

    pub(crate) fn index(&self, id: u64) -> Option<Arc<Index>> {
        locked(&self.indexes).get(id)
    }

    pub(crate) fn keep_index(&self, id: u64, index: &Arc<Index>) {
        locked(&self.indexes).insert(id, Arc::clone(index), index.weight());
    }

    pub(crate) fn forget(&self, id: u64) {
        locked(&self.files).remove(id);
        locked(&self.indexes).remove(id);
    }

    /// Reads the checkpoints; damaged ones read as empty.
    pub(crate) fn load(&self) -> io::Result<()> {
        *locked(&self.recovery_points) = self.read_offsets(name::RECOVERY_POINTS)?;
        *locked(&self.log_starts) = self.read_offsets(name::LOG_STARTS)?;
        *locked(&self.cleaned) = self.read_offsets(name::CLEANED)?;
        Ok(())
    }

    pub(crate) fn read_offsets(&self, file: &str) -> io::Result<Offsets> {
        let bytes = crate::disk::read_file(&self.disk, &self.root.join(file))?;
        Ok(bytes.and_then(|bytes| checkpoint::offsets_from_bytes(&bytes)).unwrap_or_default())
    }

    pub(crate) fn write_offsets(&self, file: &str, offsets: &Offsets) -> Result<(), LogError> {
        self.check()?;
        let path = self.root.join(file);
        replace_file(&self.disk, &path, &checkpoint::offsets_to_bytes(offsets))
            .map_err(|error| self.poison("write", &path.display(), &error))
    }

    pub(crate) fn recovery_point(&self, of: &TopicPartition) -> Offset {
        locked(&self.recovery_points).get(of).copied().unwrap_or(0)
    }

    pub(crate) fn log_start(&self, of: &TopicPartition) -> Offset {
        locked(&self.log_starts).get(of).copied().unwrap_or(0)
    }

    pub(crate) fn cleaned(&self, of: &TopicPartition) -> Offset {
        locked(&self.cleaned).get(of).copied().unwrap_or(0)
    }

    /// Changes checkpointed offsets; where they changed, the file is never behind memory.
    fn change(
        &self,
        offsets: &Mutex<Offsets>,
        file: &str,
        change: impl FnOnce(&mut Offsets),
    ) -> Result<(), LogError> {
        self.check()?;
        let mut offsets = locked(offsets);
        let before = offsets.clone();
        change(&mut offsets);
        if *offsets == before { Ok(()) } else { self.write_offsets(file, &offsets) }
    }

    pub(crate) fn change_recovery_points(
        &self,
        change: impl FnOnce(&mut Offsets),
    ) -> Result<(), LogError> {
        self.change(&self.recovery_points, name::RECOVERY_POINTS, change)
    }

    pub(crate) fn change_log_starts(
        &self,
        change: impl FnOnce(&mut Offsets),
    ) -> Result<(), LogError> {
        self.change(&self.log_starts, name::LOG_STARTS, change)
    }

    pub(crate) fn change_cleaned(&self, change: impl FnOnce(&mut Offsets)) -> Result<(), LogError> {
        self.change(&self.cleaned, name::CLEANED, change)
    }

    /// From now on only what carries this stamp is written about the partition.
    pub(crate) fn stamp(&self, of: &TopicPartition, stamp: Stamp) {
        locked(&self.stamps).insert(of.clone(), stamp);
    }

    pub(crate) fn has_stamp(&self, of: &TopicPartition, stamp: Stamp) -> bool {
        locked(&self.stamps).get(of) == Some(&stamp)
    }

    /// Drops what is noted about a partition.
    pub(crate) fn forget_partition(&self, of: &TopicPartition) -> Result<(), LogError> {
        locked(&self.stamps).remove(of);
        for (offsets, file) in [
            (&self.recovery_points, name::RECOVERY_POINTS),
            (&self.log_starts, name::LOG_STARTS),
            (&self.cleaned, name::CLEANED),
        ] {
            // of a new one nothing is noted, and looking is cheaper than comparing them all
            let noted = locked(offsets).contains_key(of);
            if noted {
                self.change(offsets, file, |offsets| {
                    offsets.remove(of);
                })?;
            }
        }
        Ok(())
    }

    pub(crate) fn defer_syncs(&self, defer: bool) {
        self.deferring.store(defer, Ordering::Release);
    }

    /// Whether whoever opens logs syncs what they recovered, all together.
    pub(crate) fn defers_syncs(&self) -> bool {
        self.deferring.load(Ordering::Acquire)
    }

    /// Makes everything on the file system durable, or poisons.
    pub(crate) fn sync_volume(&self) -> Result<(), LogError> {
        self.check()?;
        let synced = self.volume.sync();
        synced.map_err(|error| {
            self.poison("sync the file system of", &self.root.display(), &error)
        })?;
        // another thread may have seen a write fail that this sync did not
        self.check()
    }

    /// Makes the names in a directory durable, or poisons.
    pub(crate) fn sync_dir(&self, dir: &Path) -> Result<(), LogError> {
        self.disk.sync_dir(dir).map_err(|error| self.poison("sync", &dir.display(), &error))
    }
}
