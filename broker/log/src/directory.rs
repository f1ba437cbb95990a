//! A data directory: locked, identified, with the checkpoints of all its logs.
//!
//! One process at a time, one cluster and node for ever. The mark of a clean shutdown is taken away
//! before anything else happens and comes back last, so it never stands beside a change.

use std::{
    collections::BTreeSet,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use kastellan_core::{
    id::{Offset, TopicPartition},
    log::{Log as _, LogError},
};
use uuid::Uuid;

use crate::{
    checkpoint::Offsets,
    config::Config,
    disk::{Disk, File, Open, read_file, remove_if_there, replace_file},
    error::{Doing, Error},
    log::{Known, Log},
    name,
    properties::{Properties, topic_id_from_bytes, topic_id_to_bytes},
    shared::{Budget, Shared, Stamp},
};

/// A log that is to be removed.
pub(crate) const DELETE: &str = "-delete";
/// A copy of a log of another directory, not whole yet.
pub(crate) const FUTURE: &str = "-future";
/// A log of no topic that is known.
const STRAY: &str = "-stray";
/// A whole copy of a log of another directory.
pub(crate) const MOVED: &str = "-moved";
/// The longest name of a directory.
const NAME_MAX: usize = 255;

/// The name of a log that is set aside; cut at the front where it would be too long, as nobody
/// reads it back.
pub(crate) fn aside(
    partition: &TopicPartition,
    unique: impl fmt::LowerHex,
    suffix: &str,
) -> String {
    let name = partition.to_string();
    let behind = format!(".{unique:032x}{suffix}");
    let room = NAME_MAX - behind.len();
    // topic names are ASCII
    let from = name.len().saturating_sub(room);
    format!("{}{behind}", name.get(from..).unwrap_or_default())
}

/// A data directory in use.
#[derive(Debug)]
pub struct Directory<D: Disk> {
    shared: Arc<Shared<D>>,
    properties: Properties,
    clean: bool,
    epoch: Option<i64>,
    opened: Mutex<BTreeSet<TopicPartition>>,
    _lock: D::Lock,
}

impl<D: Disk> Directory<D> {
    /// Takes a directory into use. An empty or missing one is formatted with `properties`; one that
    /// has properties must have this cluster's and node's.
    pub fn open(
        disk: D,
        root: &Path,
        properties: Properties,
        budget: Budget,
    ) -> Result<Self, Error> {
        disk.create_dir(root).doing("create", root)?;
        let path = root.join(name::LOCK);
        let lock = disk.lock(&path).doing("lock", &path)?;
        let lock = lock.ok_or_else(|| Error::InUse(root.to_path_buf()))?;
        let properties = if let Some(found) = Properties::read(&disk, root)? {
            same(root, found, &properties)?
        } else {
            properties.write(&disk, root).doing("format", root)?;
            if let Some(parent) = root.parent() {
                disk.sync_dir(parent).doing("sync", parent)?;
            }
            properties
        };
        let mark = root.join(name::CLEAN_SHUTDOWN);
        let said = read_file(&disk, &mark).doing("read", &mark)?;
        let clean = remove_if_there(&disk, &mark).doing("remove", &mark)?;
        disk.sync_dir(root).doing("sync", root)?;
        let shared = Shared::new(disk, root.to_path_buf(), budget).doing("open", root)?;
        shared.load().doing("read the checkpoints of", root)?;
        let directory = Self {
            shared: Arc::new(shared),
            properties,
            clean,
            epoch: said.as_deref().and_then(epoch_of_mark),
            opened: Mutex::default(),
            _lock: lock,
        };
        directory.remove_deleted()?;
        Ok(directory)
    }

    /// Who the directory belongs to.
    pub fn properties(&self) -> &Properties {
        &self.properties
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// The disk it is on.
    pub fn disk(&self) -> &D {
        &self.shared.disk
    }

    /// The file system it is on.
    pub fn volume(&self) -> &D::Volume {
        &self.shared.volume
    }

    /// Has `tell` called at the first failed write or sync, on the thread that met it and with
    /// locks held: it must only pass the word on. Where that happened already it is called now.
    pub fn when_poisoned(&self, tell: impl Fn(&str) + Send + Sync + 'static) {
        self.shared.when_poisoned(Box::new(tell));
    }

    /// Whether the last shutdown was clean.
    pub fn was_clean(&self) -> bool {
        self.clean
    }

    /// The epoch of the registration under which its broker ended it cleanly (KIP-966).
    pub fn ended_in(&self) -> Option<i64> {
        self.epoch
    }

    /// Why the directory takes no more writes, once it does not.
    pub fn poisoned(&self) -> Option<&str> {
        self.shared.poisoned()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<D>> {
        &self.shared
    }

    /// The partitions that have a directory here, with their topic ids where those are known.
    pub fn partitions(&self) -> Result<Vec<(TopicPartition, Option<Uuid>)>, Error> {
        let root = &self.shared.root;
        let mut found = Vec::new();
        for entry in self.shared.disk.list(root).doing("list", root)? {
            if let Some(partition) = name::parse_partition(&entry.name).filter(|_| entry.is_dir) {
                let topic_id = self.topic_id(&root.join(&entry.name))?;
                found.push((partition, topic_id));
            }
        }
        Ok(found)
    }

    fn topic_id(&self, dir: &Path) -> Result<Option<Uuid>, Error> {
        let path = dir.join(name::PARTITION_METADATA);
        let bytes = read_file(&self.shared.disk, &path).doing("read", &path)?;
        Ok(bytes.and_then(|bytes| topic_id_from_bytes(&bytes)))
    }

    /// From now on, or no longer, opening a log after an unclean shutdown leaves the sync of what
    /// it recovered to the caller, who has many to open:
    /// [`Unsynced::sync_all`](crate::Unsynced::sync_all) does it once for all. Nothing may be
    /// served from a log before that.
    pub fn defer_syncs(&self, defer: bool) {
        self.shared.defer_syncs(defer);
    }

    /// Opens a partition's log and creates it when there is none. A topic id is noted beside it,
    /// and must be the one noted earlier.
    ///
    /// Creating waits for no disk: a new directory becomes durable with the first records in it.
    pub fn open_log(
        &self,
        partition: TopicPartition,
        topic_id: Option<Uuid>,
        config: Config,
    ) -> Result<Log<D>, Error> {
        self.shared.check()?;
        let dir = self.shared.root.join(partition.to_string());
        let disk = &self.shared.disk;
        let there = match disk.list(&dir) {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error).doing("list", &dir),
        };
        if !there {
            // what is noted about a log of this name is about one that is gone
            self.shared.forget_partition(&partition)?;
            disk.create_dir(&dir).doing("create", &dir)?;
        }
        let mut noted = None;
        if let Some(expected) = topic_id {
            match if there { self.topic_id(&dir)? } else { None } {
                Some(found) if found != expected => {
                    return Err(Error::OtherTopic { dir, found, expected });
                }
                Some(_) => {}
                None => {
                    noted = Some(self.note_topic_id(&dir, expected).map_err(|error| {
                        self.shared.poison("note the topic id in", &dir.display(), &error)
                    })?);
                }
            }
        }
        let first = self.note_opened(&partition);
        let start = self.shared.log_start(&partition);
        let known = Known { clean: self.clean && there && first, start, new: !there };
        let mut log = Log::open(Arc::clone(&self.shared), partition, config, known)?;
        if !there || noted.is_some() {
            log.created(noted);
        }
        Ok(log)
    }

    /// Notes that a log was opened; false where it was before.
    pub(crate) fn note_opened(&self, partition: &TopicPartition) -> bool {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(partition.clone())
    }

    /// Writes the topic id of a log that had none: half of it reads as none.
    fn note_topic_id(&self, dir: &Path, topic_id: Uuid) -> io::Result<D::File> {
        let file = self.shared.disk.open(&dir.join(name::PARTITION_METADATA), Open::Truncate)?;
        file.write_at(&topic_id_to_bytes(topic_id), 0)?;
        Ok(file)
    }

    /// Removes a log: at once from sight, durably, and then its files.
    pub fn delete_log(&self, log: Log<D>) -> Result<(), Error> {
        let partition = log.partition().clone();
        log.abandon_compaction();
        drop(log);
        self.delete_partition(&partition)
    }

    /// Removes a partition's directory that no [`Log`] has open.
    pub fn delete_partition(&self, partition: &TopicPartition) -> Result<(), Error> {
        self.shared.check()?;
        let root = &self.shared.root;
        let from = root.join(partition.to_string());
        let to = root.join(aside(partition, self.shared.id(), DELETE));
        self.shared.disk.rename(&from, &to).doing("rename", &from)?;
        self.shared.sync_dir(root)?;
        self.shared.forget_partition(partition)?;
        self.remove_dir(&to)
    }

    /// Renames a partition's directory that no [`Log`] has open out of the way, as Kafka calls
    /// those of no topic; returns where it lies now. `unique` is in no name of one of its kind.
    pub fn set_stray_aside(
        &self,
        partition: &TopicPartition,
        unique: u128,
    ) -> Result<PathBuf, Error> {
        self.shared.check()?;
        let root = &self.shared.root;
        let from = root.join(partition.to_string());
        let to = root.join(aside(partition, unique, STRAY));
        self.shared.disk.rename(&from, &to).doing("rename", &from)?;
        self.shared.sync_dir(root)?;
        self.shared.forget_partition(partition)?;
        Ok(to)
    }

    /// [`Directory::delete_partition`], where there may be nothing to remove.
    pub fn delete_if_there(&self, partition: &TopicPartition) -> Result<(), Error> {
        let dir = self.shared.root.join(partition.to_string());
        match self.shared.disk.list(&dir) {
            Ok(_) => self.delete_partition(partition),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error).doing("list", &dir),
        }
    }

    fn remove_deleted(&self) -> Result<(), Error> {
        let root = &self.shared.root;
        for entry in self.shared.disk.list(root).doing("list", root)? {
            if entry.is_dir && (entry.name.ends_with(DELETE) || entry.name.ends_with(FUTURE)) {
                self.remove_dir(&root.join(entry.name))?;
            }
        }
        Ok(())
    }

    fn remove_dir(&self, dir: &Path) -> Result<(), Error> {
        let disk = &self.shared.disk;
        for entry in disk.list(dir).doing("list", dir)? {
            let path: PathBuf = dir.join(entry.name);
            disk.remove(&path).doing("remove", &path)?;
        }
        disk.remove_dir(dir).doing("remove", dir)
    }

    /// Writes the recovery points and start offsets of open logs, as known now.
    pub fn checkpoint<'a>(
        &self,
        logs: impl IntoIterator<Item = &'a Log<D>>,
    ) -> Result<(), LogError> {
        let offsets = logs.into_iter().map(Log::checkpoints).collect::<Vec<_>>();
        self.write_checkpoints(&offsets)
    }

    /// Writes what [`Log::checkpoints`] said about each log, for a caller that cannot hold them
    /// all.
    pub fn write_checkpoints(&self, logs: &[Checkpoints]) -> Result<(), LogError> {
        // a log that was truncated, or deleted and created anew, since it said this has been heeded
        let holds = |log: &&Checkpoints| self.shared.has_stamp(&log.partition, log.stamp);
        self.shared.change_log_starts(|starts| {
            for log in logs.iter().filter(holds) {
                let start = starts.entry(log.partition.clone()).or_default();
                *start = log.start.max(*start);
            }
        })?;
        self.shared.change_recovery_points(|points| {
            for log in logs.iter().filter(holds) {
                points.insert(log.partition.clone(), log.durable_end);
            }
        })
    }

    /// The high watermarks as last written.
    pub fn high_watermarks(&self) -> Result<Offsets, Error> {
        self.shared.read_offsets(name::HIGH_WATERMARKS).doing("read", &self.shared.root)
    }

    /// Replaces the high watermarks of all logs.
    pub fn write_high_watermarks(&self, watermarks: &Offsets) -> Result<(), LogError> {
        self.shared.write_offsets(name::HIGH_WATERMARKS, watermarks)
    }

    /// The logs that were copied here whole when the broker stopped, and have not their name yet.
    pub fn moved(&self) -> Result<Vec<(TopicPartition, PathBuf)>, Error> {
        let root = &self.shared.root;
        let entries = self.shared.disk.list(root).doing("list", root)?;
        let moved = entries.iter().filter(|entry| entry.is_dir).filter_map(|entry| {
            let (name, _unique) = entry.name.strip_suffix(MOVED)?.rsplit_once('.')?;
            Some((name::parse_partition(name)?, root.join(&entry.name)))
        });
        Ok(moved.collect())
    }

    /// Settles a copy of [`Directory::moved`]: it takes the partition's name, or goes where that is
    /// taken.
    pub fn settle_moved(
        &self,
        partition: &TopicPartition,
        copy: &Path,
        taken: bool,
    ) -> Result<(), Error> {
        if taken {
            return self.remove_dir(copy);
        }
        let home = self.shared.root.join(partition.to_string());
        self.shared.disk.rename(copy, &home).doing("rename", copy)?;
        Ok(self.shared.sync_dir(&self.shared.root)?)
    }

    /// Ends the use of the directory cleanly: syncs and closes the logs, writes the checkpoints
    /// and, last, the mark that lets the next start trust the indexes.
    pub fn close(self, logs: impl IntoIterator<Item = Log<D>>) -> Result<(), LogError> {
        let mut closed = Vec::new();
        for log in logs {
            closed.push(log.close()?);
        }
        self.close_after(&closed, None)
    }

    /// Whether no log is left that an unclean shutdown, earlier, may have damaged and that nobody
    /// has opened since: a mark would have the next start trust it.
    fn all_recovered(&self) -> Result<bool, LogError> {
        if self.clean {
            return Ok(true);
        }
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let root = &self.shared.root;
        let entries = self.shared.disk.list(root);
        let entries =
            entries.map_err(|error| self.shared.poison("list", &root.display(), &error))?;
        let partitions = entries.iter().filter_map(|entry| name::parse_partition(&entry.name));
        Ok(partitions.into_iter().all(|partition| opened.contains(&partition)))
    }

    /// [`Directory::close`] for a caller that has closed the logs itself, every one that was
    /// opened; `epoch` is that of its broker's registration, where it has one (KIP-966).
    pub fn close_after(self, closed: &[Checkpoints], epoch: Option<i64>) -> Result<(), LogError> {
        self.write_checkpoints(closed)?;
        if !self.all_recovered()? {
            return Ok(());
        }
        let mark = self.shared.root.join(name::CLEAN_SHUTDOWN);
        let text = format!("{{\"version\":0,\"brokerEpoch\":{}}}", epoch.unwrap_or(-1));
        replace_file(&self.shared.disk, &mark, text.as_bytes())
            .map_err(|error| self.shared.poison("write", &mark.display(), &error))
    }
}

/// The broker's epoch in the mark of a clean shutdown, as Kafka writes it.
fn epoch_of_mark(mark: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(mark).ok()?;
    let (_, rest) = text.split_once("\"brokerEpoch\":")?;
    let digits = rest.trim_start().split(|it: char| !it.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// What the directory's checkpoints say about one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoints {
    /// Which log.
    pub partition: TopicPartition,
    /// Its first readable offset.
    pub start: Offset,
    /// Everything below is durable.
    pub durable_end: Offset,
    pub(crate) stamp: Stamp,
}

impl<D: Disk> Log<D> {
    /// What to tell [`Directory::write_checkpoints`] about this log.
    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints {
            partition: self.partition().clone(),
            start: self.start(),
            durable_end: self.durable_end(),
            stamp: self.stamp(),
        }
    }
}

fn same(root: &Path, found: Properties, expected: &Properties) -> Result<Properties, Error> {
    let dir = || root.to_path_buf();
    if found.cluster_id != expected.cluster_id {
        let (found, expected) = (found.cluster_id, expected.cluster_id.clone());
        return Err(Error::OtherCluster { dir: dir(), found, expected });
    }
    if found.node_id != expected.node_id {
        let (found, expected) = (found.node_id, expected.node_id);
        return Err(Error::OtherNode { dir: dir(), found, expected });
    }
    Ok(found)
}
