//! What a log needs of a disk, and nothing more, so that a faulty one can stand in for it.
//!
//! Promises of an implementation: positioned reads and writes; [`File::sync`] makes a file's bytes
//! and length durable; [`Disk::sync_dir`] makes the names in a directory durable. Nothing else is
//! promised: bytes that were not synced may be lost in any order, and so may names.

pub mod memory;
pub mod std;

use ::std::{fmt::Debug, io, path::Path};

pub use self::{
    memory::{Faults, MemoryDisk, MemoryFile, MemoryVolume},
    std::{Space, StdDisk, StdFile, StdVolume},
};

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// For reading; the file must exist.
    Read,
    /// For reading and writing; the file must exist.
    Write,
    /// For reading and writing; created when missing, kept as it is otherwise.
    Create,
    /// For reading and writing; emptied when it exists, created otherwise.
    Truncate,
}

/// What is said about the use of a file's bytes, for the page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// They will be read from front to end.
    Sequential,
    /// They need not be kept.
    DontNeed,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The file's name without its directory.
    pub name: String,
    /// Whether this is a directory.
    pub is_dir: bool,
}

/// A file system, as far as a log uses one.
pub trait Disk: Clone + Debug + Send + Sync + 'static {
    /// An open file.
    type File: File;
    /// Held for as long as a directory is in use; let go when dropped.
    type Lock: Debug + Send + Sync;
    /// The file system that a directory is on.
    type Volume: Volume;

    /// Opens a file.
    fn open(&self, path: &Path, how: Open) -> io::Result<Self::File>;
    /// What a directory holds, sorted by name.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;
    /// Creates a directory and those above it; nothing happens when it exists.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Gives a file or directory another name, replacing a file of that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file; readers that hold it open keep their bytes.
    fn remove(&self, file: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes a file's exclusive lock, creating the file; `Ok(None)` when somebody else holds it.
    fn lock(&self, path: &Path) -> io::Result<Option<Self::Lock>>;
    /// The file system that a directory is on.
    fn volume(&self, dir: &Path) -> io::Result<Self::Volume>;
}

/// A file system.
pub trait Volume: Debug + Send + Sync + 'static {
    /// Makes all bytes, lengths and names on it durable, and fails where any write-back has failed
    /// since this was opened: also of files that are closed by now.
    fn sync(&self) -> io::Result<()>;
}

/// An open file; shared by readers and the one writer.
pub trait File: Debug + Send + Sync + 'static {
    /// Reads at a position; fewer bytes than asked for, 0 at the end of the file.
    fn read_at(&self, into: &mut [u8], position: u64) -> io::Result<usize>;
    /// Writes all bytes at a position, growing the file; one system call where the disk allows it.
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()>;
    /// Makes bytes and length durable. After an error nothing written since the last success can
    /// be trusted to reach the disk, and trying again proves nothing.
    fn sync(&self) -> io::Result<()>;
    /// Starts writing a range back and waits for an earlier start to finish: paces the kernel's
    /// write-back, promises nothing.
    fn write_back(&self, position: u64, len: u64) -> io::Result<()>;
    /// Cuts or extends the file with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// The file's length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file holds no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Says how the first `len` bytes are going to be used; changes nothing but speed.
    fn advise(&self, _advice: Advice, _len: u64) {}
    /// Whether a read at a position needs no disk, as far as that can be told.
    fn is_cached(&self, _position: u64) -> bool {
        true
    }
    /// When the file was last changed, in milliseconds since 1970.
    fn modified(&self) -> io::Result<i64>;
}

/// Reads until `into` is full or the file ends; returns how many bytes were read.
pub fn read_full<F: File>(file: &F, into: &mut [u8], position: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, position + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A whole small file; `Ok(None)` when there is none.
pub fn read_file<D: Disk>(disk: &D, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(path, Open::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    read_whole(&file).map(Some)
}

/// All bytes of an open file.
pub fn read_whole<F: File>(file: &F) -> io::Result<Vec<u8>> {
    let len = usize::try_from(file.len()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; len];
    let read = read_full(file, &mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Replaces a small file in one step: a crash leaves the old bytes or the new ones, never a mix.
pub fn replace_file<D: Disk>(disk: &D, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = path.parent().ok_or_else(|| io::Error::other("a file without a directory"))?;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    let temporary = parent.join(name);
    let file = disk.open(&temporary, Open::Truncate)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    drop(file);
    disk.rename(&temporary, path)?;
    disk.sync_dir(parent)
}

/// Removes a file that may be gone already.
pub fn remove_if_there<D: Disk>(disk: &D, path: &Path) -> io::Result<bool> {
    match disk.remove(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
