//! Appending: one write of whole batches at the end, a new segment when the active one is full.

use std::{io, sync::Arc};

use kastellan_core::{
    id::Offset,
    log::{Appended, LogError},
};
use kastellan_protocol::batch::batches;

use super::{Active, Log};
use crate::{
    checkpoint,
    disk::{Disk, File, Open},
    epochs::Epochs,
    name::{self, Kind},
    segment::{Builder, Segment, write_index},
};

impl<D: Disk> Log<D> {
    pub(super) fn append_batches(
        &mut self,
        batches: &[u8],
        appended: Appended,
    ) -> Result<(), LogError> {
        self.shared.check()?;
        if appended.first < self.end {
            return Err(self.out_of_range(appended.first));
        }
        if batches.is_empty() {
            return Ok(());
        }
        if self.must_roll(batches.len() as u64, &appended) {
            self.roll()?;
        }
        self.pin_active().map_err(|error| self.poison("create or open a segment in", &error))?;
        let Some(active) = &mut self.active else { return Err(self.out_of_range(appended.first)) };
        let before = active.before();
        let epoch_begins = note(active, &mut self.epochs, batches, &appended);
        let written = self.write(batches, epoch_begins);
        let Some(active) = &mut self.active else { return Err(self.out_of_range(appended.first)) };
        if let Err(error) = written {
            active.forget(&before);
            self.end_epochs();
            return Err(error);
        }
        active.segment.size += batches.len() as u64;
        active.segment.end = appended.last + 1;
        self.end = appended.last + 1;
        self.unsynced_bytes += batches.len() as u64;
        Ok(())
    }

    /// Writes batches behind the last ones, the leader epochs before them where one begins: what an
    /// open finds noted behind the end it forgets.
    fn write(&mut self, batches: &[u8], epoch_begins: bool) -> Result<(), LogError> {
        if epoch_begins {
            self.write_epochs()?;
        }
        let Some(active) = &self.active else { return Err(self.out_of_range(self.end)) };
        let file = active.segment.file(&self.shared, &self.dir);
        let file = file.map_err(|error| self.poison("open a segment in", &error))?;
        let size = active.segment.size;
        if active.segment.pinned.is_none() {
            self.loosen();
        }
        let Err(error) = file.write_at(batches, size) else { return Ok(()) };
        let error = match file.set_len(size) {
            Ok(()) => error,
            // the next start cuts what this could not
            Err(cut) => io::Error::other(format!("{error}; cutting it back: {cut}")),
        };
        Err(self.poison("append to", &error))
    }

    fn must_roll(&self, bytes: u64, appended: &Appended) -> bool {
        let Some(active) = self.active.as_ref().filter(|active| active.segment.size > 0) else {
            return false;
        };
        let waited = match active.first_timestamp {
            Some(first) if appended.max_timestamp >= 0 => {
                appended.max_timestamp.saturating_sub(first)
            }
            _ => 0,
        };
        active.segment.size.saturating_add(bytes) > self.config.segment_bytes
            || waited > self.config.rolls_after(self.which(active.segment.base))
            || active.index.index.is_full(self.config.segment_index_bytes)
            || appended.last.saturating_sub(active.segment.base) > i64::from(i32::MAX)
    }

    /// Tells a segment from those of other logs; the same after every start.
    fn which(&self, base: Offset) -> u64 {
        let name = self.partition.topic.bytes();
        let topic = name.fold(0_u64, |sum, byte| sum.wrapping_mul(31) ^ u64::from(byte));
        let partition = u64::from(self.partition.partition.cast_unsigned());
        base.cast_unsigned() ^ topic.rotate_left(32) ^ partition.rotate_left(48)
    }

    /// Closes the active segment; the next append begins a new one.
    pub(super) fn close_active(&mut self) -> io::Result<()> {
        let Some(active) = &self.active else { return Ok(()) };
        let (base, largest) = (active.segment.base, active.index.largest);
        let index = Arc::new(active.index.clone().close());
        // readers go on with the active segment where this fails
        let files = write_index(&self.shared.disk, &self.dir, base, &index)?;
        let Some(Active { mut segment, .. }) = self.active.take() else { return Ok(()) };
        segment.know_largest(largest);
        self.changed_files(files);
        self.shared.keep_index(segment.id, &index);
        self.closed.push_back(segment);
        Ok(())
    }

    /// Closes the active segment and begins a new, empty one at the end of the log.
    pub(super) fn roll(&mut self) -> Result<(), LogError> {
        self.close_active().map_err(|error| self.poison("close a segment in", &error))?;
        self.create_active(self.end).map_err(|error| self.poison("create a segment in", &error))
    }

    pub(super) fn create_active(&mut self, base: Offset) -> io::Result<()> {
        let mut segment = Segment::new(self.shared.id(), base, base, 0);
        let path = segment.path(&self.dir, Kind::Log);
        let file = Arc::new(self.shared.disk.open(&path, Open::Truncate)?);
        self.shared.keep_file(segment.id, &file);
        segment.pinned = self.pins.take().then_some(file);
        self.changed(None);
        let index = Builder::new(base, self.config.index_interval_bytes);
        self.active = Some(Active::new(segment, index, None));
        Ok(())
    }

    fn pin_active(&mut self) -> io::Result<()> {
        match &mut self.active {
            None => self.create_active(self.end),
            Some(active) if active.segment.pinned.is_none() && self.pins.take() => {
                active.segment.pinned = Some(active.segment.file(&self.shared, &self.dir)?);
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    /// Forgets the epochs that begin behind the end; true when there were any. Where everything is
    /// deleted and still in a file, the epoch of the last record stays: recovery would drop batches
    /// of a lower one that follow.
    pub(super) fn end_epochs(&mut self) -> bool {
        let in_a_file = self.segments().next().is_some_and(|first| first.base < self.start);
        let emptied = self.start >= self.end && in_a_file;
        self.epochs.truncate_end(self.end + Offset::from(emptied))
    }

    /// Replaces the epoch checkpoint; it is synced with the log.
    pub(super) fn write_epochs(&mut self) -> Result<(), LogError> {
        let bytes = checkpoint::epochs_to_bytes(self.epochs.entries());
        let path = self.dir.join(name::EPOCHS);
        // half of a first one reads as none, and so does a missing one
        let temporary = self.epochs_kept.then(|| path.with_added_extension("tmp"));
        let write = || {
            let file =
                self.shared.disk.open(temporary.as_ref().unwrap_or(&path), Open::Truncate)?;
            file.write_at(&bytes, 0)?;
            if let Some(temporary) = &temporary {
                self.shared.disk.rename(temporary, &path)?;
            }
            Ok::<_, io::Error>(file)
        };
        let file = write().map_err(|error| self.poison("write the leader epochs of", &error))?;
        self.epochs_kept = true;
        self.changed(Some(file));
        Ok(())
    }
}

/// Takes in the headers of batches that are about to be written behind the last ones, in one walk;
/// true when a leader epoch begins with them. Panics where they contradict what is said about them:
/// that must not reach the disk.
fn note<D: Disk>(
    active: &mut Active<D>,
    epochs: &mut Epochs,
    bytes: &[u8],
    appended: &Appended,
) -> bool {
    let (mut noted, mut next, mut epoch_begins) = (0, appended.first, false);
    for batch in batches(bytes) {
        let (header, raw) = batch.expect("the partition appends batches that it validated");
        assert!(header.base_offset >= next, "a batch does not carry the offset it is given");
        epoch_begins |= epochs.note(header.leader_epoch, header.base_offset);
        active.note(active.segment.size + noted, &header);
        noted += raw.len() as u64;
        next = header.next_offset();
    }
    assert_eq!(noted, bytes.len() as u64, "an append ends within a batch");
    assert_eq!(next, appended.last + 1, "the last batch does not end where it should");
    epoch_begins
}
