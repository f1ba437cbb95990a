//! Producer snapshots: bytes of somebody else's, kept by offset.
//!
//! A snapshot says what the records below its offset did to producers. It is written beside the log
//! and synced with it; its bytes must tell themselves whether they are whole (they carry a CRC),
//! because a crash may leave part of them. One whose offset the log does not reach is removed.

use std::{collections::BTreeSet, io};

use kastellan_core::{id::Offset, log::LogError, producer::Producers};

use super::Log;
use crate::{
    disk::{Disk, File, Open, read_file, remove_if_there},
    name::Kind,
};

/// How many snapshots are kept: a damaged newest one must not mean reading the whole log.
const KEPT: usize = 2;

impl<D: Disk> Log<D> {
    /// The offsets at which snapshots are stored.
    pub fn snapshots(&self) -> &BTreeSet<Offset> {
        &self.snapshots
    }

    /// Stores a snapshot of the state that the records below `offset` left; the oldest go.
    pub fn store_snapshot(&mut self, offset: Offset, bytes: &[u8]) -> Result<(), LogError> {
        self.shared.check()?;
        if offset > self.end {
            return Err(self.out_of_range(offset));
        }
        let path = self.dir.join(Kind::Snapshot.file(offset));
        let temporary = self.dir.join(Kind::Snapshot.file(offset) + ".tmp");
        let write = || {
            let file = self.shared.disk.open(&temporary, Open::Truncate)?;
            file.write_at(bytes, 0)?;
            self.shared.disk.rename(&temporary, &path)?;
            Ok::<_, io::Error>(file)
        };
        let file = write().map_err(|error| self.poison("write a snapshot of", &error))?;
        self.changed(Some(file));
        self.snapshots.insert(offset);
        while self.snapshots.len() > KEPT
            && let Some(oldest) = self.snapshots.pop_first()
        {
            remove_if_there(&self.shared.disk, &self.dir.join(Kind::Snapshot.file(oldest)))
                .map_err(|error| self.poison("remove a snapshot of", &error))?;
        }
        Ok(())
    }

    /// A stored snapshot's bytes; `None` when there is none at `offset`.
    pub fn load_snapshot(&self, offset: Offset) -> Result<Option<Vec<u8>>, LogError> {
        read_file(&self.shared.disk, &self.dir.join(Kind::Snapshot.file(offset)))
            .map_err(|error| self.unreadable(&error))
    }

    /// The producers as of the newest snapshot that can be read, `limit` of them at most, and what
    /// the log says since; with them the offset of that snapshot, or where the log's files begin:
    /// what was deleted and is still in a file tells of producers, too, who may ask again.
    ///
    /// A snapshot from before the first file is none: what a producer did in between is gone, and
    /// whoever is remembered as of before that would be refused, while one that is not remembered
    /// may go on.
    pub fn replay_producers(&self, limit: usize) -> Result<(Producers, Offset), LogError> {
        let mut producers = Producers::new(limit);
        let mut from = self.segments().next().map_or(self.start, |first| first.base);
        for offset in self.snapshots.range(from..).rev().copied() {
            let read = self.load_snapshot(offset)?;
            let parsed = read.map(|bytes| Producers::from_snapshot(&bytes, limit));
            // a damaged one only means that more of the log is read
            if let Some(Ok(found)) = parsed {
                (producers, from) = (found, offset);
                break;
            }
        }
        if from < self.end {
            self.for_each_header(from, |header| {
                if header.base_offset >= from {
                    producers.record(header, header.max_timestamp);
                }
            })?;
        }
        Ok((producers, from))
    }
}
