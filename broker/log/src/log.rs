//! [`Log`]: one partition's batches in segments of Kafka's format.
//!
//! Appends and truncations are synchronous and reach the page cache; what is durable is told by
//! [`Log::take_unsynced`] and [`Log::synced`], with the syncs in between done by whoever likes
//! (the [`Committer`](crate::Committer)). Reads return file ranges. A log never panics on what it
//! finds on the disk; it panics when it is handed batches whose headers contradict the offsets it
//! was told, because that is our own bug and must not reach the disk.

mod active;
mod append;
mod compact;
mod open;
mod read;
mod recover;
mod relocate;
mod retain;
mod snapshot;
mod sync;
mod time;
mod truncate;

use std::{
    collections::{BTreeSet, VecDeque},
    fmt::Display,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use kastellan_core::{
    id::{LeaderEpoch, Offset, TopicPartition},
    log::{Appended, LogError},
    producer::Producers,
};

use self::active::Active;
pub use self::{
    compact::Dirtiness,
    read::{Located, Look, Resolved, Slice},
    recover::Recovery,
    relocate::Relocation,
    sync::{Receipt, Unsynced, WriteBack},
    time::{Search, Seek, Timed},
};
pub(crate) use self::{open::Known, read::invalid, sync::MANY};
use crate::{
    compact::Keeper,
    config::Config,
    disk::Disk,
    epochs::Epochs,
    segment::Segment,
    shared::{Pins, Shared},
};

/// The log of one partition; opened by [`Directory::open_log`](crate::Directory::open_log).
#[derive(Debug)]
pub struct Log<D: Disk> {
    shared: Arc<Shared<D>>,
    partition: TopicPartition,
    dir: Arc<Path>,
    config: Config,
    start: Offset,
    end: Offset,
    closed: VecDeque<Segment<D>>,
    active: Option<Active<D>>,
    epochs: Epochs,
    /// Whether the disk has a checkpoint of them.
    epochs_kept: bool,
    /// Everything below is durable.
    synced: Offset,
    /// Told apart from other logs of the partition's name.
    id: u64,
    /// Counts truncations, so that a sync begun before one is not taken for one begun after.
    generation: u64,
    unsynced_bytes: u64,
    /// Changes to names and to files other than segments, counted; each file with its change.
    changes: u64,
    changes_synced: u64,
    unsynced_files: Vec<(u64, Arc<D::File>)>,
    /// The last change that no open file stands for: only a sync of the file system proves it.
    loose: u64,
    pins: Pins,
    /// The change with which the log's directory appeared, or its topic id was noted.
    created: Option<u64>,
    snapshots: BTreeSet<Offset>,
    /// Renamed files and when they may go, in milliseconds since 1970.
    doomed: Vec<(i64, PathBuf)>,
    /// What the compaction under way, if there is one, has to pass.
    gate: Keeper,
    /// The base of a segment that compaction has put in place and that has not got its name.
    unnamed: Option<Offset>,
    recovery: Recovery,
}

impl<D: Disk> Log<D> {
    /// Whose log this is.
    pub fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Changes its settings; they hold from the next act on.
    pub fn set_config(&mut self, config: Config) {
        if let Some(active) = &mut self.active {
            active.index.set_interval(config.index_interval_bytes);
        }
        if self.config.compact && !config.compact {
            // from now on nothing may go but by age and size
            self.abandon_compaction();
        }
        self.config = config;
    }

    /// What opening it found.
    pub fn recovery(&self) -> Recovery {
        self.recovery
    }

    /// Everything below this offset is durable.
    pub fn durable_end(&self) -> Offset {
        self.synced
    }

    /// Bytes in all its segments.
    pub fn size(&self) -> u64 {
        self.segments().map(|segment| segment.size).sum()
    }

    /// How many segments it has.
    pub fn segment_count(&self) -> usize {
        self.closed.len() + usize::from(self.active.is_some())
    }

    /// Its leader epochs and where each began.
    pub fn epochs(&self) -> &[(LeaderEpoch, Offset)] {
        self.epochs.entries()
    }

    fn segments(&self) -> impl DoubleEndedIterator<Item = &Segment<D>> {
        self.closed.iter().chain(self.active.iter().map(|active| &active.segment))
    }

    /// Notes that names in the directory changed, and a file that must be synced with them.
    fn changed(&mut self, file: Option<D::File>) {
        self.changes += 1;
        match file {
            Some(file) if self.pins.take() => {
                self.unsynced_files.push((self.changes, Arc::new(file)));
            }
            Some(_) => self.loose = self.changes,
            None => {}
        }
    }

    /// Notes that bytes were written of which no file stays open.
    fn loosen(&mut self) {
        self.changes += 1;
        self.loose = self.changes;
    }

    fn changed_files(&mut self, files: [D::File; 2]) {
        for file in files {
            self.changed(Some(file));
        }
    }

    fn out_of_range(&self, offset: Offset) -> LogError {
        LogError::OutOfRange { offset, start: self.start, end: self.end }
    }

    /// A failed write: the directory takes no more.
    fn poison(&self, doing: &str, error: &io::Error) -> LogError {
        self.shared.poison(doing, &self.dir.display() as &dyn Display, error)
    }

    /// A failed read: the reader is told.
    fn unreadable(&self, error: &io::Error) -> LogError {
        LogError::Unreadable(format!("{}: {error}", self.dir.display()))
    }
}

impl<D: Disk> kastellan_core::log::Log for Log<D> {
    type Slice = Slice<D::File>;

    fn append(&mut self, batches: &[u8], appended: Appended) -> Result<(), LogError> {
        self.append_batches(batches, appended)
    }

    fn read(
        &self,
        from: Offset,
        until: Offset,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Slice<D::File>, LogError> {
        self.read_range(from, until, max_bytes, at_least_one)
    }

    fn start(&self) -> Offset {
        self.start
    }

    fn end(&self) -> Offset {
        self.end
    }

    fn truncate(&mut self, end: Offset) -> Result<(), LogError> {
        self.truncate_to(end)
    }

    fn restart_at(&mut self, start: Offset) -> Result<(), LogError> {
        self.restart_empty(start)
    }

    fn replay(&self, limit: usize) -> Result<Producers, LogError> {
        Ok(self.replay_producers(limit)?.0)
    }

    fn latest_epoch(&self) -> LeaderEpoch {
        self.epochs.latest()
    }

    fn end_of_epoch(&self, epoch: LeaderEpoch) -> (LeaderEpoch, Offset) {
        self.epochs.end_of(epoch, self.end)
    }

    fn epoch_at(&self, offset: Offset) -> LeaderEpoch {
        self.epochs.at(offset)
    }

    fn advance_start(&mut self, to: Offset) -> Result<(), LogError> {
        self.move_start(to)
    }
}
