//! Rewriting closed segments so that only the last record of each key stays.
//!
//! The work of a compaction that needs no log: [`Compaction::work`] reads files that no longer
//! change and writes others, and says when it is the log's turn ([`Log::take_up`](crate::Log)). A
//! record stays while no later one has its key; a tombstone stays until the delete horizon that its
//! first compaction wrote into its batch (KIP-534) has passed; records without a key go; control
//! batches stay. The last batch of every segment written stays, empty if need be, so that the file
//! itself says up to where it replaces others; so does the last one of every producer.
//!
//! Group after group of segments is rewritten and put in place, the lowest first, so that no
//! tombstone goes before what it deletes and so that little more of the disk is taken than one
//! segment. What would come out as it went in is not written at all.

mod gate;
mod keys;
mod source;
mod write;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Debug,
    io,
    path::Path,
    sync::Arc,
};

use kastellan_core::{
    id::{Offset, TopicPartition},
    log::LogError,
};
use kastellan_protocol::batch::Scratch;

pub(crate) use self::{
    gate::{Gate, Keeper},
    source::Source,
};
use self::{keys::Keys, write::Writer};
use crate::{
    config::Config,
    disk::{Advice, Disk, File},
    name::{self, Kind, Stage},
    segment::{Builder, stage_index},
    shared::Shared,
};

/// What a compaction may assume and use.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The time, in milliseconds since 1970.
    pub now: i64,
    /// Records at or behind this offset stay untouched: the high watermark, or the last stable
    /// offset where there are transactions.
    pub upto: Offset,
    /// The last offset of each producer that is still known: its batch stays, empty if need be, so
    /// that its sequence numbers can be rebuilt from the log.
    pub producers: BTreeMap<i64, Offset>,
    /// Bytes for keys in memory (`log.cleaner.dedupe.buffer.size`), 24 a key; what does not fit
    /// waits for the next round.
    pub key_bytes: usize,
    /// How full that memory may get, 0 to 1 (`log.cleaner.io.buffer.load.factor`).
    pub load: f64,
    /// Told of every byte that is read or written.
    pub brake: Option<Arc<dyn Brake>>,
}

/// Holds a compaction to a budget, and stops it.
pub trait Brake: Debug + Send + Sync {
    /// `bytes` were read or written; waits for as long as they were too many. False: give up.
    fn spent(&self, bytes: u64) -> bool;
}

/// What a compaction came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// It saw everything it was to see; false: the log changed under it, or it was told to stop,
    /// and what it had not put in place it has given up.
    pub complete: bool,
    /// Bytes read, written, and taken off the log.
    pub read: u64,
    /// See [`Compacted::read`].
    pub written: u64,
    /// See [`Compacted::read`].
    pub freed: u64,
    /// Records that went.
    pub dropped: u64,
    /// Segments written.
    pub segments: usize,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The log's: call [`Log::take_up`](crate::Log::take_up).
    Log,
    /// Nobody's.
    Done,
}

/// How far a compaction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Gather,
    Rewrite,
    /// The log's turn: what was written replaces what it covers.
    Swap,
    Sync,
    /// The log's turn: what was written gets its name.
    Name,
    Done,
}

/// A compaction under way; see the module.
#[derive(Debug)]
pub struct Compaction<D: Disk> {
    pub(crate) shared: Arc<Shared<D>>,
    pub(crate) partition: TopicPartition,
    pub(crate) dir: Arc<Path>,
    pub(crate) config: Config,
    pub(crate) bounds: Bounds,
    pub(crate) gate: Arc<Gate>,
    pub(crate) phase: Phase,
    /// The segments that are still to be rewritten.
    pub(crate) sources: VecDeque<Source>,
    pub(crate) first_dirty: Offset,
    pub(crate) written: Option<Written<D>>,
    pub(crate) outcome: Compacted,
    keys: Option<Keys>,
    scratch: Scratch,
}

/// One segment written, and those it replaces.
#[derive(Debug)]
pub(crate) struct Written<D: Disk> {
    pub(crate) replaces: Vec<u64>,
    pub(crate) base: Offset,
    pub(crate) end: Offset,
    pub(crate) size: u64,
    pub(crate) index: Builder,
    pub(crate) file: Arc<D::File>,
    /// What it replaces was not in the page cache, and so this need not be.
    pub(crate) cold: bool,
}

/// Why a compaction goes no further.
#[derive(Debug)]
pub(crate) enum Halt {
    Abandoned,
    Failed(LogError),
}

impl From<LogError> for Halt {
    fn from(error: LogError) -> Self {
        Self::Failed(error)
    }
}

/// Whether the disk has no room: what a compaction writes can be written again another time.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl<D: Disk> Compaction<D> {
    pub(crate) fn new(
        (shared, partition, dir): (Arc<Shared<D>>, TopicPartition, Arc<Path>),
        config: Config,
        bounds: Bounds,
        gate: Arc<Gate>,
        (sources, first_dirty): (VecDeque<Source>, Offset),
    ) -> Self {
        Self {
            shared,
            partition,
            dir,
            config,
            bounds,
            gate,
            phase: Phase::Gather,
            sources,
            first_dirty,
            written: None,
            outcome: Compacted::default(),
            keys: None,
            scratch: Scratch::default(),
        }
    }

    /// It touches no record at or behind this offset.
    pub fn end(&self) -> Offset {
        self.sources.back().map_or(self.first_dirty, |last| last.end)
    }

    /// What it came to so far.
    pub fn outcome(&self) -> Compacted {
        self.outcome
    }

    /// Goes on up to where the log is needed, or the end. Without the log: call it where waiting
    /// hurts nobody.
    ///
    /// An error of a read, or a full disk, ends this compaction only; another one of a write
    /// poisons the directory.
    pub fn work(&mut self) -> Result<Turn, LogError> {
        let done = self.proceed();
        // whatever it stumbled over, the log that it was about is gone
        let gone = self.gate.is_shut();
        match done {
            Ok(turn) if !gone || turn == Turn::Log => Ok(turn),
            Err(Halt::Failed(error)) if !gone => {
                self.give_up();
                Err(error)
            }
            Ok(_) => Ok(Turn::Done),
            Err(_) => {
                self.give_up();
                Ok(Turn::Done)
            }
        }
    }

    fn proceed(&mut self) -> Result<Turn, Halt> {
        loop {
            self.shared.check()?;
            match self.phase {
                Phase::Gather => {
                    self.named(|it| remove_swaps(&it.shared, &it.dir))?;
                    self.gather()?;
                    self.phase = Phase::Rewrite;
                }
                Phase::Rewrite => self.phase = self.rewrite_next()?,
                Phase::Sync => {
                    // what was replaced is gone for good before anything gets its name
                    self.named(|it| it.shared.sync_dir(&it.dir))?;
                    if let Some(written) = self.written.as_ref().filter(|written| written.cold) {
                        written.file.advise(Advice::DontNeed, written.size);
                    }
                    self.phase = Phase::Name;
                }
                Phase::Swap | Phase::Name => return Ok(Turn::Log),
                Phase::Done => return Ok(Turn::Done),
            }
        }
    }

    fn rewrite_next(&mut self) -> Result<Phase, Halt> {
        let Some(group) = self.next_group() else {
            self.named(Self::conclude)?;
            self.outcome.complete = true;
            return Ok(Phase::Done);
        };
        self.written = self.rewrite(&group)?;
        Ok(if self.written.is_some() { Phase::Swap } else { Phase::Rewrite })
    }

    /// Does what goes by name, unless the names belong to something else by now.
    fn named<R>(&self, act: impl FnOnce(&Self) -> Result<R, LogError>) -> Result<R, Halt> {
        let done = self.gate.pass(|| act(self)).ok_or(Halt::Abandoned)?;
        Ok(done?)
    }

    /// Removes what it wrote and did not put in place.
    pub(crate) fn give_up(&mut self) {
        if matches!(self.phase, Phase::Gather | Phase::Rewrite | Phase::Swap) {
            // where this fails, the next compaction or the next start does it
            drop(self.named(|it| remove_swaps(&it.shared, &it.dir)));
        }
        self.written = None;
        self.keys = None;
        self.phase = Phase::Done;
    }

    fn unreadable(&self, error: &io::Error) -> LogError {
        LogError::Unreadable(format!("compact {}: {error}", self.dir.display()))
    }

    fn poison(&self, error: &io::Error) -> LogError {
        self.shared.poison("compact", &self.dir.display(), error)
    }

    /// A failed write of a file that nobody needs yet.
    fn unwritten(&self, error: &io::Error) -> LogError {
        if is_full(error) { self.unreadable(error) } else { self.poison(error) }
    }

    /// The last offset of every key from the first dirty offset on, as far as memory allows.
    fn gather(&mut self) -> Result<(), Halt> {
        let first_dirty = self.first_dirty;
        let end = self.sources.back().map_or(first_dirty, |last| last.end);
        let records = u64::try_from(end - first_dirty).unwrap_or(0);
        let Bounds { key_bytes, load, .. } = self.bounds;
        let mut keys = Keys::new(key_bytes, load, first_dirty, records);
        let mut sources = std::mem::take(&mut self.sources);
        for source in sources.iter_mut().filter(|source| source.end > first_dirty) {
            self.gather_from(source, &mut keys)?;
            if keys.is_full() {
                break;
            }
            keys.end = source.end;
        }
        sources.retain(|source| source.base < keys.end);
        self.sources = sources;
        self.keys = Some(keys);
        Ok(())
    }

    fn gather_from(&mut self, source: &mut Source, keys: &mut Keys) -> Result<(), Halt> {
        let file = source.open(&self.shared.disk, &self.dir).map_err(|e| self.unreadable(&e))?;
        let mut reading = source.read(&file);
        while let Some((header, batch)) = reading.next().map_err(|e| self.unreadable(&e))? {
            if !self.spent(header.size()) {
                return Err(Halt::Abandoned);
            }
            if header.last_offset() < keys.end {
                continue;
            }
            if !header.is_control() {
                let noted = keys.note_all(batch, &mut self.scratch);
                noted.map_err(|error| self.unreadable(&source::malformed(error)))?;
            }
            if keys.is_full() {
                return Ok(());
            }
            keys.end = header.next_offset();
        }
        Ok(())
    }

    fn spent(&mut self, bytes: usize) -> bool {
        self.outcome.read += bytes as u64;
        brake(&self.bounds, bytes)
    }

    /// As many segments as fit into one; none once all were rewritten.
    fn next_group(&mut self) -> Option<Vec<Source>> {
        let base = self.sources.front()?.base;
        let mut size = 0;
        let fits = self.sources.iter().take_while(|source| {
            size += source.size;
            size <= self.config.segment_bytes && source.end - base <= i64::from(i32::MAX)
        });
        let count = fits.count().max(1).min(self.sources.len());
        Some(self.sources.drain(..count).collect())
    }

    /// Writes what is left of a group; `None` when that is all of it and one segment already.
    fn rewrite(&mut self, group: &[Source]) -> Result<Option<Written<D>>, Halt> {
        let Some(keys) = self.keys.take() else { return Err(Halt::Abandoned) };
        let mut scratch = std::mem::take(&mut self.scratch);
        let done = Writer::new(self, &keys, &mut scratch).group(group);
        self.scratch = scratch;
        self.keys = Some(keys);
        let (written, tally) = done?;
        self.outcome.read += tally.read;
        self.outcome.dropped += tally.dropped;
        let Some(written) = written else { return Ok(None) };
        let before: u64 = group.iter().map(|source| source.size).sum();
        self.outcome.written += written.size;
        self.outcome.freed += before.saturating_sub(written.size);
        self.outcome.segments += 1;
        self.named(|it| it.stage(&written))?;
        Ok(Some(written))
    }

    /// Has a segment wait as `.swap` with its indexes, all of it on the disk: the next start trusts
    /// them as soon as they have their names.
    fn stage(&self, written: &Written<D>) -> Result<(), LogError> {
        let base = written.base;
        let indexes = || {
            let files = stage_index(&self.shared.disk, &self.dir, base, &written.index)?;
            // all of it is on its way before the first sync: one commit of the file system's
            // journal then does for all three files, and keeps producers waiting once
            let written_back = |file: &D::File| file.len().and_then(|len| file.write_back(0, len));
            files.iter().try_for_each(written_back)?;
            files.iter().try_for_each(File::sync)?;
            written.file.sync()
        };
        indexes().map_err(|error| self.unwritten(&error))?;
        let swap = self.dir.join(Kind::Log.file(base) + Stage::Swap.suffix());
        let renamed = self.shared.disk.rename(&self.cleaned(base), &swap);
        renamed.map_err(|error| self.poison(&error))?;
        // a later segment must not lose a tombstone before an earlier one loses what it deletes
        self.shared.sync_dir(&self.dir)
    }

    fn cleaned(&self, base: Offset) -> std::path::PathBuf {
        self.dir.join(Kind::Log.file(base) + Stage::Cleaned.suffix())
    }

    /// Notes how far the log is clean.
    fn conclude(&self) -> Result<(), LogError> {
        let clean = self.keys.as_ref().map_or(self.first_dirty, |keys| keys.end);
        let partition = self.partition.clone();
        self.shared.change_cleaned(|cleaned| {
            cleaned.insert(partition, clean);
        })
    }
}

fn brake(bounds: &Bounds, bytes: usize) -> bool {
    bounds.brake.as_ref().is_none_or(|brake| brake.spent(bytes as u64))
}

/// Removes what compactions wrote that never took its place; the last first, so that what is left
/// after a crash is what a shorter compaction would have left.
pub(crate) fn remove_swaps<D: Disk>(shared: &Shared<D>, dir: &Path) -> Result<(), LogError> {
    let poison = |error: io::Error| shared.poison("clean up", &dir.display(), &error);
    for entry in shared.disk.list(dir).map_err(poison)?.into_iter().rev() {
        let stage = name::parse(&entry.name).map(|(_, _, stage)| stage);
        if matches!(stage, Some(Stage::Swap | Stage::Cleaned)) {
            shared.disk.remove(&dir.join(&entry.name)).map_err(poison)?;
            shared.sync_dir(dir)?;
        }
    }
    Ok(())
}
