//! What is durable: dirty ends go out, durable ends come back.

use std::{io, path::Path, sync::Arc};

use kastellan_core::{id::Offset, log::LogError};

use super::{Active, Log};
use crate::{
    directory::Checkpoints,
    disk::{Disk, File},
    segment::write_index,
    shared::{Shared, Stamp},
};

/// From so many logs on one sync of the file system is cheaper than one of each file.
pub(crate) const MANY: usize = 64;

/// Syncing these makes the log durable up to `receipt.upto`.
#[derive(Debug)]
pub struct Unsynced<D: Disk> {
    /// What to tell the log afterwards.
    pub receipt: Receipt,
    /// How many bytes were appended since the last time.
    pub bytes: u64,
    /// The files, each of which may be asked for again before this sync is done.
    pub files: Vec<Arc<D::File>>,
    /// The directory, when names in it changed.
    pub dir: Option<Arc<Path>>,
    /// Whether the log's own directory is new to the data directory.
    root: bool,
    /// Whether only a sync of the whole file system proves it: not every file is open.
    whole: bool,
    shared: Arc<Shared<D>>,
}

/// What a finished sync proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Everything below was in the files when they were handed out.
    pub upto: Offset,
    generation: u64,
    changes: u64,
}

/// A range of the active segment to write back; no promise hangs on it.
#[derive(Debug)]
pub struct WriteBack<D: Disk> {
    /// The segment's file.
    pub file: Arc<D::File>,
    /// Where the range begins.
    pub position: u64,
    /// How many bytes.
    pub len: u64,
}

impl<D: Disk> Unsynced<D> {
    /// Syncs all of it, here and now. The first failure poisons the directory; after one nothing
    /// is tried again.
    pub fn sync(&self) -> Result<(), LogError> {
        if self.whole {
            return self.shared.sync_volume();
        }
        self.shared.check()?;
        let synced = self.files.iter().try_for_each(|file| file.sync());
        let root = self.root.then_some(&*self.shared.root);
        let mut dirs = self.dir.as_deref().into_iter().chain(root);
        let synced = synced.and_then(|()| dirs.try_for_each(|dir| self.shared.disk.sync_dir(dir)));
        let root = self.shared.root.display();
        synced.map_err(|error| self.shared.poison("sync a log in", &root, &error))?;
        // another thread may have seen a write fail that this sync did not
        self.shared.check()
    }

    /// Syncs what several logs of one directory handed out. Where there is much, the whole file
    /// system is synced once instead of each file.
    pub fn sync_all<'a>(
        all: impl ExactSizeIterator<Item = &'a Self> + Clone,
    ) -> Result<(), LogError>
    where
        D: 'a,
    {
        match all.clone().next() {
            Some(first) if all.len() >= MANY || all.clone().any(|one| one.whole) => {
                first.shared.sync_volume()
            }
            _ => all.into_iter().try_for_each(Self::sync),
        }
    }

    /// Takes in what a later call handed out, for one sync of both.
    pub fn merge(&mut self, later: Self) {
        for file in later.files {
            if !self.files.iter().any(|known| Arc::ptr_eq(known, &file)) {
                self.files.push(file);
            }
        }
        self.receipt = later.receipt;
        self.bytes += later.bytes;
        self.dir = self.dir.take().or(later.dir);
        self.root |= later.root;
        self.whole |= later.whole;
    }
}

impl<D: Disk> Log<D> {
    /// Its directory is new, or its topic id: both become durable with the next sync.
    pub(crate) fn created(&mut self, topic_id: Option<D::File>) {
        self.changed(topic_id);
        self.created = Some(self.changes);
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { log: self.id, generation: self.generation }
    }

    /// What to sync so that everything appended so far is durable; `None` when it is.
    pub fn take_unsynced(&mut self) -> Result<Option<Unsynced<D>>, LogError> {
        self.shared.check()?;
        if self.synced == self.end && self.changes == self.changes_synced {
            return Ok(None);
        }
        let whole = self.loose > self.changes_synced;
        let dirty = self.segments().filter(|segment| !whole && segment.end > self.synced);
        let files: io::Result<Vec<_>> =
            dirty.map(|segment| segment.file(&self.shared, &self.dir)).collect();
        let mut files = files.map_err(|error| self.poison("open a segment of", &error))?;
        files.extend(self.unsynced_files.iter().map(|(_, file)| Arc::clone(file)));
        let root = self.created.is_some_and(|change| change > self.changes_synced);
        let dir = (self.changes > self.changes_synced).then(|| Arc::clone(&self.dir));
        Ok(Some(Unsynced {
            receipt: Receipt { upto: self.end, generation: self.generation, changes: self.changes },
            bytes: std::mem::take(&mut self.unsynced_bytes),
            files,
            dir,
            root,
            whole,
            shared: Arc::clone(&self.shared),
        }))
    }

    /// The range appended since the last time, once it is at least `min` bytes: what to hand to
    /// [`Committer::write_back`](crate::Committer::write_back) after an append.
    pub fn take_write_back(&mut self, min: u64) -> Option<WriteBack<D>> {
        let active = self.active.as_mut()?;
        let (position, len) =
            (active.written_back, active.segment.size.saturating_sub(active.written_back));
        if len < min.max(1) {
            return None;
        }
        active.written_back = active.segment.size;
        let file = Arc::clone(active.segment.pinned.as_ref()?);
        Some(WriteBack { file, position, len })
    }

    /// A sync of what [`Log::take_unsynced`] handed out is done; returns the durable end.
    pub fn synced(&mut self, receipt: Receipt) -> Offset {
        if receipt.generation == self.generation {
            self.synced = self.synced.max(receipt.upto).min(self.end);
        }
        self.changes_synced = self.changes_synced.max(receipt.changes);
        self.unsynced_files.retain(|(change, _)| *change > receipt.changes);
        let (synced, unnamed) = (self.synced, self.unnamed);
        let segments = self.active.iter_mut().map(|active| &mut active.segment);
        for segment in segments.chain(self.closed.iter_mut().rev()) {
            // one that compaction has put in place without a name could not be opened again
            if segment.end <= synced && unnamed != Some(segment.base) {
                // the cache may close it from here on
                let Some(file) = segment.pinned.take() else { continue };
                self.shared.keep_file(segment.id, &file);
            }
        }
        let pinned = self.segments().filter(|segment| segment.pinned.is_some()).count();
        self.pins.set(pinned + self.unsynced_files.len());
        synced
    }

    /// Makes everything appended durable before it returns.
    pub fn flush(&mut self) -> Result<(), LogError> {
        if let Some(unsynced) = self.take_unsynced()? {
            unsynced.sync()?;
            self.synced(unsynced.receipt);
        }
        Ok(())
    }

    /// Makes everything durable and writes the active segment's indexes, so that the next open
    /// need not scan; returns what the directory's checkpoints are to say.
    pub fn close(mut self) -> Result<Checkpoints, LogError> {
        self.prepare_close()?;
        self.flush()?;
        Ok(self.checkpoints())
    }

    /// Does what [`Log::close`] does but the sync: who has many logs to close prepares them all,
    /// syncs once for all ([`Unsynced::sync_all`]), and finds closing them cheap.
    pub fn prepare_close(&mut self) -> Result<(), LogError> {
        self.abandon_compaction();
        self.shared.check()?;
        self.stop_compaction()?;
        let stale = |active: &&Active<D>| {
            active.segment.size > 0 && active.indexed != Some(active.segment.size)
        };
        if let Some(active) = self.active.as_ref().filter(stale) {
            let mut index = active.index.index.clone();
            if let Some(largest) = active.index.largest {
                index.note_time(largest);
            }
            let (base, size) = (active.segment.base, active.segment.size);
            let files = write_index(&self.shared.disk, &self.dir, base, &index)
                .map_err(|error| self.poison("write the indexes of", &error))?;
            self.changed_files(files);
            if let Some(active) = &mut self.active {
                active.indexed = Some(size);
            }
        }
        self.purge(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        disk::{MemoryDisk, Open},
        shared::Budget,
    };

    #[test]
    fn merged_work_syncs_each_file_once_and_ends_at_the_later_offset() {
        let disk = MemoryDisk::new(1);
        let open = |name: &str| Arc::new(disk.open(Path::new(name), Open::Create).unwrap());
        let (a, b) = (open("/a"), open("/b"));
        let shared = Shared::new(disk.clone(), "/".into(), Budget::default()).unwrap();
        let shared = Arc::new(shared);
        let work = |upto, files: &[&Arc<_>], dir: Option<&str>| Unsynced {
            receipt: Receipt { upto, generation: 0, changes: 0 },
            bytes: 10,
            files: files.iter().map(|file| Arc::clone(file)).collect(),
            dir: dir.map(|dir| Path::new(dir).into()),
            root: false,
            whole: false,
            shared: Arc::clone(&shared),
        };
        let mut first = work(5, &[&a], Some("/"));
        first.merge(work(9, &[&a, &b], None));
        assert_eq!((first.receipt.upto, first.bytes, first.files.len()), (9, 20, 2));
        let before = disk.syncs();
        first.sync().unwrap();
        assert_eq!(disk.syncs() - before, 3);
    }
}
