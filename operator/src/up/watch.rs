//! Tells when the files may have changed, by inotify: no polling, no wake-up while nothing happens.
//!
//! Directories are watched rather than files, because most editors put a new file in the place of
//! the old one. What really changed is for the reader of the files to find out.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

use super::files::is_manifest;
use crate::failure::Failure;

/// An editor that moves a file away and writes it anew is done after this.
const SETTLE: Duration = Duration::from_millis(150);

/// The watched directories.
#[derive(Debug)]
pub(super) struct Watch {
    inotify: AsyncFd<OwnedFd>,
    interest: BTreeMap<i32, Interest>,
    /// Since when there is a change that nobody was told of.
    seen: Option<Instant>,
}

/// Which names in one directory matter.
#[derive(Debug, Default)]
struct Interest {
    manifests: bool,
    names: Vec<OsString>,
}

impl Interest {
    fn covers(&self, name: &OsStr) -> bool {
        (self.manifests && is_manifest(name)) || self.names.iter().any(|known| known == name)
    }
}

impl Watch {
    /// Watches the paths, and where symbolic links among them lead.
    pub(super) fn new(paths: &[PathBuf]) -> Result<Self, Failure> {
        let system = |why: std::io::Error| Failure::new(format!("watch the files: {why}"));
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .map_err(|why| system(why.into()))?;
        let inotify = register(inotify).map_err(system)?;
        let mut watch = Self { inotify, interest: BTreeMap::new(), seen: None };
        for path in paths {
            let unreadable =
                |why: std::io::Error| Failure::new(format!("read {}: {why}", path.display()));
            let real = path.canonicalize().map_err(unreadable)?;
            watch.add(path).map_err(unreadable)?;
            if real != *path {
                watch.add(&real).map_err(unreadable)?;
            }
        }
        Ok(watch)
    }

    fn add(&mut self, path: &Path) -> std::io::Result<()> {
        let (directory, name) = if path.is_dir() {
            (path, None)
        } else {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            (parent.unwrap_or(Path::new(".")), path.file_name())
        };
        let events = WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::ONLYDIR;
        let key = inotify::add_watch(self.inotify.get_ref(), directory, events)?;
        let interest = self.interest.entry(key).or_default();
        match name {
            Some(name) => interest.names.push(name.to_owned()),
            None => interest.manifests = true,
        }
        Ok(())
    }

    /// Waits until something may have changed and has settled. May be dropped and asked again, as
    /// who waits for several things does: a change is forgotten only once it has been told.
    pub(super) async fn changed(&mut self) -> std::io::Result<()> {
        let seen = loop {
            if let Some(seen) = self.seen {
                break seen;
            }
            let mut ready = self.inotify.readable().await?;
            if drain(self.inotify.get_ref(), &self.interest)? {
                self.seen = Some(Instant::now());
            }
            ready.clear_ready();
        };
        tokio::time::sleep_until(seen + SETTLE).await;
        drain(self.inotify.get_ref(), &self.interest)?;
        self.seen = None;
        Ok(())
    }
}

#[expect(deprecated, reason = "its successor is unsafe for descriptors that change; this cannot")]
fn register(inotify: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(inotify)
}

/// Takes all waiting events; whether one of them matters.
fn drain(inotify: &OwnedFd, interest: &BTreeMap<i32, Interest>) -> std::io::Result<bool> {
    let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
    let mut reader = inotify::Reader::new(inotify, &mut buffer);
    let mut seen = false;
    loop {
        match reader.next() {
            Ok(event) => {
                let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                // without a name: the queue overflowed or the directory itself is gone
                let matters = match (interest.get(&event.wd()), name) {
                    (Some(interest), Some(name)) => interest.covers(name),
                    _ => true,
                };
                seen |= matters;
            }
            Err(Errno::AGAIN) => return Ok(seen),
            Err(Errno::INTR) => {}
            Err(why) => return Err(why.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::task::yield_now;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_change_outlives_those_who_stop_waiting_for_it() {
        let folder = std::env::temp_dir().join(format!("kastellan-watch-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("demo.yaml");
        fs::write(&file, "").unwrap();
        let mut watch = Watch::new(std::slice::from_ref(&file)).unwrap();
        fs::write(&file, "kind: KafkaCluster").unwrap();
        while watch.seen.is_none() {
            tokio::select! {
                biased;
                told = watch.changed() => panic!("before it has settled: {told:?}"),
                () = yield_now() => {}
            }
        }
        timeout(SETTLE * 20, watch.changed()).await.expect("told").unwrap();
        let again = timeout(SETTLE * 2, watch.changed()).await;
        fs::remove_dir_all(&folder).unwrap();
        assert!(again.is_err(), "told twice");
    }
}
