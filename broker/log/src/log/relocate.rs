//! Moving a log into another log directory while it is written to (KIP-113).
//!
//! The files are copied as they are into a `-future` directory, round after round, each round what
//! came since the one before. The last round happens with the log at rest: the copy is synced,
//! named `-moved`, the original named `-delete`, and the copy takes its name. A start that finds a
//! `-future` removes it; a `-moved` takes the partition's name where nothing else has it. Whichever
//! step is the last before a crash, one whole log is left and found.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use kastellan_core::{
    id::{Offset, TopicPartition},
    log::LogError,
};

use super::{Known, Log};
use crate::{
    checkpoint,
    directory::{Directory, FUTURE, MOVED},
    disk::{Disk, File, Open, read_file, read_full},
    error::{Doing, Error},
    name::{self, Kind},
    segment::write_index,
    shared::Shared,
};

/// Bytes that are copied at a time.
const CHUNK: usize = 1 << 20;
/// Index files that may wait for their sync, and are open until then.
const WAITING: usize = 128;

/// A copy that is on its way.
#[derive(Debug)]
pub struct Relocation<D: Disk> {
    to: Arc<Shared<D>>,
    dir: PathBuf,
    copied: BTreeMap<Offset, Copied<D>>,
    /// Index files that are not synced: once all of a round is on its way to the disk, most syncs
    /// find their work done by the first.
    indexes: Vec<D::File>,
    /// Where the log ended when the last round was taken.
    end: Offset,
}

/// A segment, as far as it is copied.
#[derive(Debug)]
struct Copied<D: Disk> {
    /// Which segment it was copied from: another one may have taken its place.
    id: u64,
    size: u64,
    synced: u64,
    file: Arc<D::File>,
}

/// What one round has to copy.
#[derive(Debug)]
pub struct Round<D: Disk> {
    pieces: Vec<Piece<D>>,
    end: Offset,
}

#[derive(Debug)]
struct Piece<D: Disk> {
    base: Offset,
    id: u64,
    size: u64,
    file: Arc<D::File>,
    /// Its index files, where it is closed and has some.
    index: Option<[D::File; 2]>,
}

impl<D: Disk> Directory<D> {
    /// Begins to copy a log of another directory into this one.
    pub fn begin_relocation(&self, partition: &TopicPartition) -> Result<Relocation<D>, Error> {
        let to = Arc::clone(self.shared());
        to.check()?;
        let dir = to.root.join(format!("{partition}.{:032x}{FUTURE}", to.id()));
        to.disk.create_dir(&dir).doing("create", &dir)?;
        let copied = BTreeMap::new();
        Ok(Relocation { to, dir, copied, indexes: Vec::new(), end: 0 })
    }

    /// Copies what is left of `log` here, puts the copy in its place and returns the copy, opened.
    /// `log` must not be used in between, nor afterwards. An error leaves it where it was, unless
    /// its directory is poisoned now.
    pub fn finish_relocation(
        &self,
        relocation: Relocation<D>,
        log: &mut Log<D>,
    ) -> Result<Log<D>, Error> {
        let moved = log.finish_relocation(relocation)?;
        self.note_opened(moved.partition());
        Ok(moved)
    }
}

impl<D: Disk> Relocation<D> {
    /// Bytes copied so far.
    pub fn size(&self) -> u64 {
        self.copied.values().map(|copied| copied.size).sum()
    }

    /// One past the last offset that is copied.
    pub fn end(&self) -> Offset {
        self.end
    }

    /// Copies what a round has to, as long as it is to `go_on`; returns how many bytes that were.
    /// Goes on without the log.
    pub fn copy(&mut self, round: &Round<D>, go_on: impl Fn() -> bool) -> Result<u64, LogError> {
        self.to.check()?;
        self.copy_pieces(&round.pieces, &go_on).map_err(|error| self.poison(&error)).inspect(|_| {
            self.end = round.end;
        })
    }

    fn copy_pieces(&mut self, pieces: &[Piece<D>], go_on: &dyn Fn() -> bool) -> io::Result<u64> {
        let bases: BTreeSet<_> = pieces.iter().map(|piece| piece.base).collect();
        let gone: Vec<_> =
            self.copied.keys().filter(|base| !bases.contains(base)).copied().collect();
        for base in gone {
            self.copied.remove(&base);
            self.remove(base)?;
        }
        let mut bytes = 0;
        for piece in pieces {
            bytes += self.copy_piece(piece, go_on)?;
            if self.indexes.len() >= WAITING {
                self.sync_indexes()?;
            }
        }
        Ok(bytes)
    }

    /// Makes durable what is copied, so that the last round finds little to do.
    pub fn sync(&mut self) -> Result<(), LogError> {
        self.to.check()?;
        let mut synced = self.sync_indexes();
        let stale = self.copied.values_mut().filter(|copied| copied.synced < copied.size);
        for copied in stale {
            synced = synced.and_then(|()| copied.file.sync());
            copied.synced = copied.size;
        }
        synced.map_err(|error| self.poison(&error))
    }

    fn sync_indexes(&mut self) -> io::Result<()> {
        self.indexes.drain(..).try_for_each(|file| file.sync())
    }

    /// Gives up: what was copied goes.
    pub fn abandon(self) {
        // what is left of it goes at the next start
        drop(remove_all(&self.to.disk, &self.dir));
    }

    fn poison(&self, error: &io::Error) -> LogError {
        self.to.poison("copy a log to", &self.dir.display(), error)
    }

    fn remove(&self, base: Offset) -> io::Result<()> {
        for kind in [Kind::Index, Kind::TimeIndex, Kind::Log] {
            crate::disk::remove_if_there(&self.to.disk, &self.dir.join(kind.file(base)))?;
        }
        Ok(())
    }

    fn copy_piece(&mut self, piece: &Piece<D>, go_on: &dyn Fn() -> bool) -> io::Result<u64> {
        let known = self
            .copied
            .get(&piece.base)
            .filter(|copied| copied.id == piece.id && copied.size <= piece.size);
        let (file, from) = if let Some(known) = known {
            (Arc::clone(&known.file), known.size)
        } else {
            let path = self.dir.join(Kind::Log.file(piece.base));
            (Arc::new(self.to.disk.open(&path, Open::Truncate)?), 0)
        };
        let synced = known.map_or(0, |known| known.synced);
        let mut buffer = vec![0; CHUNK.min(usize::try_from(piece.size - from).unwrap_or(CHUNK))];
        let mut at = from;
        while at < piece.size && go_on() {
            let wanted = usize::try_from(piece.size - at).unwrap_or(CHUNK).min(CHUNK);
            let chunk = buffer.get_mut(..wanted).unwrap_or_default();
            if read_full(&*piece.file, chunk, at)? < wanted {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            file.write_at(chunk, at)?;
            at += wanted as u64;
        }
        if let Some([offsets, times]) = &piece.index {
            for (kind, from) in [(Kind::Index, offsets), (Kind::TimeIndex, times)] {
                let bytes = crate::disk::read_whole(from)?;
                let to =
                    self.to.disk.open(&self.dir.join(kind.file(piece.base)), Open::Truncate)?;
                write_all(&to, &bytes)?;
                to.write_back(0, bytes.len() as u64)?;
                self.indexes.push(to);
            }
        }
        file.write_back(from, at - from)?;
        let copied = Copied { id: piece.id, size: at, synced, file };
        self.copied.insert(piece.base, copied);
        Ok(at - from)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let file = self.to.disk.open(&self.dir.join(name), Open::Truncate)?;
        write_all(&file, bytes)?;
        file.sync()
    }
}

fn write_all<F: File>(file: &F, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() { Ok(()) } else { file.write_at(bytes, 0) }
}

fn remove_all<D: Disk>(disk: &D, dir: &Path) -> io::Result<()> {
    for entry in disk.list(dir)? {
        disk.remove(&dir.join(entry.name))?;
    }
    disk.remove_dir(dir)
}

impl<D: Disk> Log<D> {
    /// What `relocation` has yet to copy.
    pub fn relocation_round(&self, relocation: &Relocation<D>) -> Result<Round<D>, LogError> {
        let active = self.active.as_ref().map(|active| active.segment.id);
        let piece = |segment: &crate::segment::Segment<D>| {
            let known = relocation.copied.get(&segment.base);
            let done = known.is_some_and(|it| it.id == segment.id && it.size == segment.size);
            let closed = Some(segment.id) != active && !done;
            let index = if closed { segment.open_index(&self.shared, &self.dir)? } else { None };
            let file = segment.file(&self.shared, &self.dir)?;
            let (base, id, size) = (segment.base, segment.id, segment.size);
            Ok::<_, io::Error>(Piece { base, id, size, file, index })
        };
        let pieces: io::Result<Vec<_>> = self.segments().map(piece).collect();
        let pieces = pieces.map_err(|error| self.unreadable(&error))?;
        Ok(Round { pieces, end: self.end })
    }

    fn finish_relocation(&mut self, mut relocation: Relocation<D>) -> Result<Self, Error> {
        self.shared.check()?;
        self.abandon_compaction();
        let round = self.relocation_round(&relocation)?;
        relocation.copy(&round, || true)?;
        let (to, dir) = (Arc::clone(&relocation.to), relocation.dir.clone());
        self.copy_state(&relocation).doing("copy the state of a log to", &dir)?;
        relocation.sync()?;
        to.sync_dir(&dir)?;
        // what the checkpoints say of the copy is there before its name
        let (partition, start, end) = (self.partition.clone(), self.start, self.end);
        let cleaned = self.shared.cleaned(&partition);
        to.change_log_starts(|starts| {
            starts.insert(partition.clone(), start);
        })?;
        to.change_recovery_points(|points| {
            points.insert(partition.clone(), end);
        })?;
        to.change_cleaned(|all| {
            all.insert(partition.clone(), cleaned);
        })?;
        let moved = dir.with_extension(format!("{:032x}{MOVED}", to.id()));
        to.disk.rename(&dir, &moved).doing("rename", &dir)?;
        to.sync_dir(&to.root)?;
        let original = self.dir.to_path_buf();
        let gone = self.shared.root.join(crate::directory::aside(
            &partition,
            self.shared.id(),
            crate::directory::DELETE,
        ));
        let named = self.shared.disk.rename(&original, &gone);
        named.map_err(|error| self.poison("set aside the moved log in", &error))?;
        self.shared.sync_dir(&self.shared.root)?;
        let home = to.root.join(partition.to_string());
        let named = to.disk.rename(&moved, &home);
        named.map_err(|error| to.poison("name the moved log", &home.display(), &error))?;
        to.sync_dir(&to.root)?;
        self.shared.forget_partition(&partition)?;
        // what is left of it goes at the next start
        drop(remove_all(&self.shared.disk, &gone));
        let known = Known { clean: true, start, new: false };
        Self::open(to, partition, self.config.clone(), known)
    }

    /// Copies everything but the segments, durably.
    fn copy_state(&self, relocation: &Relocation<D>) -> io::Result<()> {
        let disk = &self.shared.disk;
        relocation.write(name::EPOCHS, &checkpoint::epochs_to_bytes(self.epochs.entries()))?;
        let snapshots = self.snapshots.iter().map(|offset| Kind::Snapshot.file(*offset));
        for file in snapshots.chain([name::PARTITION_METADATA.to_owned()]) {
            if let Some(bytes) = read_file(disk, &self.dir.join(&file))? {
                relocation.write(&file, &bytes)?;
            }
        }
        if let Some(active) = self.active.as_ref().filter(|active| active.segment.size > 0) {
            let index = active.index.clone().close();
            for file in
                write_index(&relocation.to.disk, &relocation.dir, active.segment.base, &index)?
            {
                file.sync()?;
            }
        }
        Ok(())
    }
}
