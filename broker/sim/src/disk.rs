//! The faulty disk, behind a layer in which the mistakes of [`Mutant`] are made.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use kastellan_log::{
    disk::{Disk, Entry, File, MemoryDisk, MemoryFile, MemoryVolume, Open, Volume},
    name::EPOCHS,
};
use kastellan_protocol::batch::Header;

use crate::mutant::Mutant;

/// The bytes of a batch that its CRC covers begin here, and the CRC itself lies in the four before.
const CRC: std::ops::Range<usize> = 17..21;

/// A disk of the world; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct SimDisk {
    inner: MemoryDisk,
    layer: Arc<Layer>,
}

/// What all files of a disk share.
#[derive(Debug)]
struct Layer {
    mutant: Option<Mutant>,
    /// Whether a directory is being opened.
    opening: AtomicBool,
    failed_syncs: AtomicU64,
    failed_writes: AtomicU64,
}

/// An open file.
#[derive(Debug)]
pub(crate) struct SimFile {
    inner: MemoryFile,
    path: PathBuf,
    layer: Arc<Layer>,
}

/// The whole disk.
#[derive(Debug)]
pub(crate) struct SimVolume {
    inner: MemoryVolume,
    layer: Arc<Layer>,
}

impl SimDisk {
    pub(crate) fn new(seed: u64, mutant: Option<Mutant>) -> Self {
        let layer = Layer {
            mutant,
            opening: AtomicBool::new(false),
            failed_syncs: AtomicU64::new(0),
            failed_writes: AtomicU64::new(0),
        };
        Self { inner: MemoryDisk::new(seed), layer: Arc::new(layer) }
    }

    /// The disk below, to be broken.
    pub(crate) fn memory(&self) -> &MemoryDisk {
        &self.inner
    }

    fn holds_staged(&self, dir: &Path) -> bool {
        let entries = self.inner.list(dir).unwrap_or_default();
        entries.iter().any(|entry| is_staged(Path::new(&entry.name)))
    }

    /// Says whether a directory is being opened.
    pub(crate) fn opening(&self, opening: bool) {
        self.layer.opening.store(opening, Ordering::Relaxed);
    }

    /// How many syncs and writes have failed.
    pub(crate) fn failures(&self) -> (u64, u64) {
        let layer = &self.layer;
        (layer.failed_syncs.load(Ordering::Relaxed), layer.failed_writes.load(Ordering::Relaxed))
    }
}

/// Whether compaction has written it and not named it.
fn is_staged(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "swap" || it == "cleaned")
}

impl Layer {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn synced(&self, outcome: io::Result<()>) -> io::Result<()> {
        if outcome.is_err() {
            self.failed_syncs.fetch_add(1, Ordering::Relaxed);
        }
        if self.is(Mutant::SwallowSyncError) { Ok(()) } else { outcome }
    }
}

impl Disk for SimDisk {
    type File = SimFile;
    type Lock = <MemoryDisk as Disk>::Lock;
    type Volume = SimVolume;

    fn open(&self, path: &Path, how: Open) -> io::Result<SimFile> {
        let inner = self.inner.open(path, how)?;
        Ok(SimFile { inner, path: path.to_path_buf(), layer: Arc::clone(&self.layer) })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = self.inner.list(dir)?;
        if self.layer.is(Mutant::HideCompacted) {
            entries.retain(|entry| !is_staged(Path::new(&entry.name)));
        }
        Ok(entries)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.create_dir(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let replaced = to.extension().is_some_and(|it| it == "deleted");
        if self.layer.is(Mutant::KeepReplaced) && replaced {
            return Ok(());
        }
        let stale = self.layer.is(Mutant::StaleEpochCheckpoint)
            && to.file_name().is_some_and(|name| name == EPOCHS)
            && self.inner.contents(to).is_some();
        if stale {
            return self.inner.remove(from);
        }
        self.inner.rename(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        if self.layer.is(Mutant::KeepGivenUp) && is_staged(file) {
            return Ok(());
        }
        self.inner.remove(file)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.remove_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if self.layer.is(Mutant::ForgetDirectorySync) {
            return Ok(());
        }
        if self.layer.is(Mutant::ForgetCompactedNames) && self.holds_staged(dir) {
            return Ok(());
        }
        self.layer.synced(self.inner.sync_dir(dir))
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Self::Lock>> {
        self.inner.lock(path)
    }

    fn volume(&self, dir: &Path) -> io::Result<SimVolume> {
        let inner = self.inner.volume(dir)?;
        Ok(SimVolume { inner, layer: Arc::clone(&self.layer) })
    }
}

impl Volume for SimVolume {
    fn sync(&self) -> io::Result<()> {
        if self.layer.is(Mutant::ForgetFileSync) || self.layer.is(Mutant::ForgetDirectorySync) {
            return Ok(());
        }
        self.layer.synced(self.inner.sync())
    }
}

impl SimFile {
    fn is_segment(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "log")
    }
}

impl File for SimFile {
    fn read_at(&self, into: &mut [u8], position: u64) -> io::Result<usize> {
        let read = self.inner.read_at(into, position)?;
        let opening = self.layer.opening.load(Ordering::Relaxed);
        if opening && self.layer.is(Mutant::SkipRecoveryCrc) && self.is_segment() {
            mend(into.get_mut(..read).unwrap_or_default());
        }
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let outcome = self.inner.write_at(bytes, position);
        if outcome.is_err() {
            self.layer.failed_writes.fetch_add(1, Ordering::Relaxed);
        }
        if self.layer.is(Mutant::SwallowWriteError) { Ok(()) } else { outcome }
    }

    fn sync(&self) -> io::Result<()> {
        if self.layer.is(Mutant::ForgetFileSync) && self.is_segment() {
            return Ok(());
        }
        if self.layer.is(Mutant::ForgetCompactedSync) && is_staged(&self.path) {
            return Ok(());
        }
        self.layer.synced(self.inner.sync())
    }

    fn write_back(&self, position: u64, len: u64) -> io::Result<()> {
        self.inner.write_back(position, len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn modified(&self) -> io::Result<i64> {
        self.inner.modified()
    }
}

/// Gives every whole batch in `bytes` the CRC that fits what it holds.
fn mend(mut bytes: &mut [u8]) {
    while let Ok(header) = Header::parse(bytes) {
        let Some((batch, rest)) = std::mem::take(&mut bytes).split_at_mut_checked(header.size())
        else {
            return;
        };
        let crc = crc32c(batch.get(CRC.end..).unwrap_or_default());
        if let Some(place) = batch.get_mut(CRC) {
            place.copy_from_slice(&crc.to_be_bytes());
        }
        bytes = rest;
    }
}

/// CRC-32C, bit by bit: only a mistake uses it.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use kastellan_protocol::batch::{Builder, check_crc};

    use super::*;

    #[test]
    fn mending_gives_batches_the_crc_that_fits() {
        let batch = Builder::new(0, 0).record(1, None, Some(b"value"), &[]).finish();
        let mut bytes = [batch.clone(), batch.clone()].concat();
        bytes[70] ^= 1;
        bytes[batch.len() + 70] ^= 1;
        assert!(!check_crc(&bytes[..batch.len()]));
        mend(&mut bytes);
        assert!(check_crc(&bytes[..batch.len()]) && check_crc(&bytes[batch.len()..]));
        mend(&mut bytes[..10]);
    }
}
