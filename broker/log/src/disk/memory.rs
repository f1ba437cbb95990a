//! A disk that forgets, refuses and fills up on request: deterministic, from one seed, no threads.
//!
//! It keeps two states, what programs see and what a power cut would leave. Writes, new lengths,
//! creations, renames and removals reach the first at once and the second only through
//! [`File::sync`] and [`Disk::sync_dir`], or by chance: at [`MemoryDisk::crash`]
//! each block that was not synced is kept or lost on its own, a length may be kept without its
//! bytes, and names that were not synced survive as any subset, in any order. A failed sync drops
//! what it should have written while programs go on seeing it, as Linux does.

mod inode;
mod state;
#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use self::state::State;
use super::{Disk, Entry, File, Open, Volume};

/// What goes wrong, and when. Counts run down to the operation that fails; `None` means never.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Bytes that all files together may hold; a write beyond them is cut short with `StorageFull`.
    pub capacity: Option<u64>,
    /// How many syncs still succeed before one fails.
    pub syncs_until_failure: Option<u64>,
    /// How many writes still succeed before one fails.
    pub writes_until_failure: Option<u64>,
    /// How many changing operations still happen before the power is cut; after that nothing
    /// works until [`MemoryDisk::crash`].
    pub operations_until_power_cut: Option<u64>,
    /// The unit in which bytes that were not synced are kept or lost: 512 or 4096.
    pub block: Option<usize>,
}

/// A file system in memory; clones share it.
#[derive(Debug, Clone)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

/// An open file; dead after the next crash.
#[derive(Debug)]
pub struct MemoryFile {
    state: Arc<Mutex<State>>,
    inode: u64,
    boot: u64,
}

/// A held lock; let go when dropped, or by a crash.
#[derive(Debug)]
pub struct MemoryLock {
    state: Arc<Mutex<State>>,
    path: PathBuf,
    boot: u64,
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryDisk {
    /// An empty disk; the seed decides what crashes keep.
    pub fn new(seed: u64) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(seed))) }
    }

    /// Another disk in the same state, with a seed of its own for what comes.
    pub fn fork(&self, seed: u64) -> Self {
        Self { state: Arc::new(Mutex::new(locked(&self.state).fork(seed))) }
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        locked(&self.state).faults = faults;
    }

    /// What goes wrong from now on.
    pub fn faults(&self) -> Faults {
        locked(&self.state).faults.clone()
    }

    /// Cuts the power and turns it on again, without faults: open files are dead, and what was not
    /// synced is kept or lost block by block.
    pub fn crash(&self) {
        locked(&self.state).crash();
    }

    /// Ends every program on the disk and keeps all they wrote, as `kill -9` does: what was not
    /// synced is still there, and a later crash may still lose it.
    pub fn kill(&self) {
        locked(&self.state).kill();
    }

    /// How many changing operations there were.
    pub fn operations(&self) -> u64 {
        locked(&self.state).operations
    }

    /// How many syncs of files and directories there were.
    pub fn syncs(&self) -> u64 {
        locked(&self.state).syncs
    }

    /// How many bytes all files together hold, removed ones too: what a capacity is compared with.
    pub fn used(&self) -> u64 {
        locked(&self.state).used()
    }

    /// Sets the time that files changed from now on carry, in milliseconds since 1970.
    pub fn set_time(&self, now: i64) {
        locked(&self.state).now = now;
    }

    /// A file's bytes as programs see them.
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        locked(&self.state).contents(path)
    }

    /// Replaces a file's bytes, durably and behind everybody's back.
    pub fn corrupt(&self, path: &Path, bytes: Vec<u8>) {
        locked(&self.state).corrupt(path, bytes);
    }
}

/// The whole disk; dead after the next crash.
#[derive(Debug)]
pub struct MemoryVolume {
    state: Arc<Mutex<State>>,
    boot: u64,
}

impl Volume for MemoryVolume {
    fn sync(&self) -> io::Result<()> {
        locked(&self.state).sync_all(self.boot)
    }
}

impl Disk for MemoryDisk {
    type File = MemoryFile;
    type Lock = MemoryLock;
    type Volume = MemoryVolume;

    fn open(&self, path: &Path, how: Open) -> io::Result<MemoryFile> {
        let mut state = locked(&self.state);
        let inode = state.open(path, how)?;
        Ok(MemoryFile { state: Arc::clone(&self.state), inode, boot: state.boot })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        locked(&self.state).list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        locked(&self.state).create_dir(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        locked(&self.state).rename(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        locked(&self.state).remove(file, false)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        locked(&self.state).remove(dir, true)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        locked(&self.state).sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<MemoryLock>> {
        let mut state = locked(&self.state);
        state.open(path, Open::Create)?;
        let boot = state.boot;
        let free = state.locks.insert(path.to_path_buf());
        Ok(free.then(|| MemoryLock {
            state: Arc::clone(&self.state),
            path: path.to_path_buf(),
            boot,
        }))
    }

    fn volume(&self, dir: &Path) -> io::Result<MemoryVolume> {
        let state = locked(&self.state);
        state.list(dir)?;
        Ok(MemoryVolume { state: Arc::clone(&self.state), boot: state.boot })
    }
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        let mut state = locked(&self.state);
        if state.boot == self.boot {
            state.locks.remove(&self.path);
        }
    }
}

impl File for MemoryFile {
    fn read_at(&self, into: &mut [u8], position: u64) -> io::Result<usize> {
        locked(&self.state).file(self.inode, self.boot)?.read(into, position)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        locked(&self.state).write(self.inode, self.boot, bytes, position)
    }

    fn sync(&self) -> io::Result<()> {
        locked(&self.state).sync(self.inode, self.boot)
    }

    fn write_back(&self, _position: u64, _len: u64) -> io::Result<()> {
        locked(&self.state).file(self.inode, self.boot).map(drop)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        locked(&self.state).set_len(self.inode, self.boot, len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(locked(&self.state).file(self.inode, self.boot)?.seen.len() as u64)
    }

    fn modified(&self) -> io::Result<i64> {
        Ok(locked(&self.state).file(self.inode, self.boot)?.modified)
    }
}
