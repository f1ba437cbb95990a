//! The real disk: `std::fs`, `pwrite`, `fdatasync`, `syncfs`, `flock`.

use std::{
    fs::{self, OpenOptions, TryLockError},
    io,
    num::NonZeroU64,
    os::unix::fs::FileExt,
    path::Path,
    time::UNIX_EPOCH,
};

use super::{Advice, Disk, Entry, File, Open, Volume};

/// The machine's own file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct StdDisk;

/// An open file of the machine's file system.
#[derive(Debug)]
pub struct StdFile(fs::File);

impl StdFile {
    /// The file itself, for `sendfile`.
    pub fn as_file(&self) -> &fs::File {
        &self.0
    }
}

/// A held `flock`; the kernel lets go of it when the process dies.
#[derive(Debug)]
pub struct StdLock {
    _file: fs::File,
}

/// A file system, by a directory on it that stays open.
///
/// Since Linux 5.8 `syncfs` tells of every failed write-back since the directory was opened; before
/// that, of none.
#[derive(Debug)]
pub struct StdVolume(fs::File);

/// How large a file system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes it holds in all.
    pub total: u64,
    /// Bytes that are free for us.
    pub usable: u64,
}

impl StdVolume {
    /// How large it is.
    pub fn space(&self) -> io::Result<Space> {
        let found = rustix::fs::fstatvfs(&self.0)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Space { total: bytes(found.f_blocks), usable: bytes(found.f_bavail) })
    }
}

impl Volume for StdVolume {
    fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.0)?)
    }
}

impl Disk for StdDisk {
    type File = StdFile;
    type Lock = StdLock;
    type Volume = StdVolume;

    fn open(&self, path: &Path, how: Open) -> io::Result<StdFile> {
        let mut options = OpenOptions::new();
        options.read(true);
        match how {
            Open::Read => &mut options,
            Open::Write => options.write(true),
            Open::Create => options.write(true).create(true).truncate(false),
            Open::Truncate => options.write(true).create(true).truncate(true),
        };
        options.open(path).map(StdFile)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let is_dir = entry.file_type()?.is_dir();
            // names that are not UTF-8 are none of ours
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(Entry { name, is_dir });
            }
        }
        entries.sort();
        Ok(entries)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<StdLock>> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(StdLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn volume(&self, dir: &Path) -> io::Result<StdVolume> {
        fs::File::open(dir).map(StdVolume)
    }
}

impl File for StdFile {
    fn read_at(&self, into: &mut [u8], position: u64) -> io::Result<usize> {
        self.0.read_at(into, position)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, position)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write_back(&self, position: u64, len: u64) -> io::Result<()> {
        write_back::start(&self.0, position, len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn advise(&self, advice: Advice, len: u64) {
        let advice = match advice {
            Advice::Sequential => rustix::fs::Advice::Sequential,
            Advice::DontNeed => rustix::fs::Advice::DontNeed,
        };
        // a file system that takes no advice is none the worse for it
        let _advised = rustix::fs::fadvise(&self.0, 0, NonZeroU64::new(len), advice);
    }

    fn is_cached(&self, position: u64) -> bool {
        let mut byte = [0];
        let mut into = [io::IoSliceMut::new(&mut byte)];
        let flags = rustix::io::ReadWriteFlags::NOWAIT;
        rustix::io::preadv2(&self.0, &mut into, position, flags) != Err(rustix::io::Errno::AGAIN)
    }

    fn modified(&self) -> io::Result<i64> {
        let time = self.0.metadata()?.modified()?;
        let since = time.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        i64::try_from(since.as_millis()).map_err(io::Error::other)
    }
}

/// `sync_file_range`, the one system call here that std and rustix do not have.
mod write_back {
    use std::{fs::File, io, os::fd::AsRawFd};

    /// Starts write-back of the range after waiting for an earlier one of it; no durability.
    #[expect(unsafe_code, reason = "neither std nor rustix has sync_file_range")]
    pub(super) fn start(file: &File, position: u64, len: u64) -> io::Result<()> {
        let (Ok(position), Ok(len)) = (i64::try_from(position), i64::try_from(len)) else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        };
        let flags = libc::SYNC_FILE_RANGE_WAIT_BEFORE
            | libc::SYNC_FILE_RANGE_WRITE
            | libc::SYNC_FILE_RANGE_WAIT_AFTER;
        // SAFETY: takes numbers only; `file` keeps the descriptor open for the call.
        let result = unsafe { libc::sync_file_range(file.as_raw_fd(), position, len, flags) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}
