//! A control group per node, above its kubelet, its containerd and its pods: to freeze the node as
//! a whole, and to find everything that a killed cluster left.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::process::pause;

/// Where the groups are: one tree per controller (version 1), or one for all (version 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hierarchies {
    /// The root of every controller's tree.
    One(Vec<PathBuf>),
    /// The root of the tree.
    Two(PathBuf),
}

/// This machine's.
pub(super) fn hierarchies() -> Result<Hierarchies> {
    parse(&fs::read_to_string("/proc/self/mounts")?).context("no control groups are mounted")
}

/// From the text of `/proc/PID/mounts`. A tree of version 2 beside those of version 1 has no
/// controllers.
fn parse(mounts: &str) -> Option<Hierarchies> {
    let of = |kind: &str| -> Vec<PathBuf> {
        let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let mounted = fields.filter(|fields| fields.get(2) == Some(&kind));
        mounted.filter_map(|fields| fields.get(1).map(PathBuf::from)).collect()
    };
    let one = of("cgroup");
    if one.is_empty() {
        return of("cgroup2").into_iter().next().map(Hierarchies::Two);
    }
    Some(Hierarchies::One(one))
}

impl Hierarchies {
    fn roots(&self) -> &[PathBuf] {
        match self {
            Hierarchies::One(roots) => roots,
            Hierarchies::Two(root) => std::slice::from_ref(root),
        }
    }

    /// Makes the group `path` (as `cluster/node-1`) with all controllers, and the groups above it.
    pub(super) fn make(&self, path: &str) -> Result<()> {
        for root in self.roots() {
            let mut folder = root.clone();
            for part in path.split('/') {
                let above = folder.clone();
                folder.push(part);
                if let Hierarchies::Two(_) = self {
                    delegate(&above)?;
                }
                match fs::create_dir(&folder) {
                    Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                        return Err(error).context(format!("cannot make {}", folder.display()));
                    }
                    _ => fill_in(&above, &folder)?,
                }
            }
        }
        Ok(())
    }

    /// The files that a process writes its id to, to get into the group.
    pub(super) fn entrances(&self, path: &str) -> Vec<PathBuf> {
        self.roots().iter().map(|root| root.join(path).join("cgroup.procs")).collect()
    }

    /// Stops or continues everything in the group and below it, and waits until it is so.
    pub(super) fn freeze(&self, path: &str, frozen: bool) -> Result<()> {
        let (file, word, state, wanted) = match self {
            Hierarchies::One(roots) => {
                let root = roots.iter().find(|root| root.ends_with("freezer"));
                let group = root.context("there is no freezer")?.join(path);
                let word = if frozen { "FROZEN" } else { "THAWED" };
                (group.join("freezer.state"), word, group.join("freezer.state"), word.to_owned())
            }
            Hierarchies::Two(root) => {
                let group = root.join(path);
                let number = i32::from(frozen);
                let word = if frozen { "1" } else { "0" };
                let wanted = format!("frozen {number}");
                (group.join("cgroup.freeze"), word, group.join("cgroup.events"), wanted)
            }
        };
        fs::write(&file, word).with_context(|| format!("cannot write {}", file.display()))?;
        wait(&format!("{path} to be {word}"), || {
            Ok(fs::read_to_string(&state)?.lines().any(|line| line == wanted))
        })
    }

    /// Removes the group and all below it, once nothing runs in them.
    pub(super) fn remove(&self, path: &str) -> Result<()> {
        for root in self.roots() {
            let group = root.join(path);
            wait(&format!("{} to be empty", group.display()), || Ok(remove(&group).is_ok()))?;
        }
        Ok(())
    }
}

/// Passes all controllers on to the groups below (version 2).
fn delegate(group: &Path) -> Result<()> {
    let all = fs::read_to_string(group.join("cgroup.controllers"))?;
    let words: Vec<String> = all.split_whitespace().map(|name| format!("+{name}")).collect();
    let file = group.join("cgroup.subtree_control");
    fs::write(&file, words.join(" ")).with_context(|| {
        format!(
            "cannot write {}: in a container, move its processes to a group below",
            file.display()
        )
    })
}

/// A new group of `cpuset` has no processors and takes no process (version 1).
fn fill_in(above: &Path, group: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let (from, to) = (above.join(file), group.join(file));
        if from.exists() && fs::read_to_string(&to)?.trim().is_empty() {
            fs::write(&to, fs::read_to_string(&from)?)?;
        }
    }
    Ok(())
}

/// Removes a group, those below it first.
fn remove(group: &Path) -> Result<()> {
    let entries = match fs::read_dir(group) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    Ok(fs::remove_dir(group)?)
}

fn wait(what: &str, done: impl Fn() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !done()? {
        if Instant::now() > deadline {
            bail!("waited 10 s for {what}");
        }
        pause();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::{Hierarchies, parse};
    use crate::suite::Scratch;

    const ONE: &str = "cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0\n\
        cgroup /sys/fs/cgroup/freezer cgroup rw,relatime,freezer 0 0\n\
        cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n";

    #[test]
    fn both_versions_are_found_among_the_mounts() {
        let one = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/freezer"].map(PathBuf::from);
        assert_eq!(parse(ONE), Some(Hierarchies::One(one.into())));
        let two = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
        assert_eq!(parse(two), Some(Hierarchies::Two("/sys/fs/cgroup".into())));
        assert_eq!(parse("proc /proc proc rw 0 0\n"), None);
    }

    #[test]
    fn version_2_passes_every_controller_on_at_every_level() {
        let scratch = Scratch::new("cgroups").unwrap();
        let root = scratch.path().to_owned();
        fs::write(root.join("cgroup.controllers"), "cpu memory\n").unwrap();
        // a level that the kernel would fill when it is made
        fs::create_dir(root.join("c")).unwrap();
        fs::write(root.join("c/cgroup.controllers"), "cpu memory\n").unwrap();
        Hierarchies::Two(root.clone()).make("c/node-1").unwrap();
        for group in [root.clone(), root.join("c")] {
            let written = fs::read_to_string(group.join("cgroup.subtree_control")).unwrap();
            assert_eq!(written, "+cpu +memory");
        }
        assert!(root.join("c/node-1").is_dir());
    }
}
