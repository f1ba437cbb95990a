//! The faulty disk's names, counters and power switch.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Component, Path, PathBuf},
};

use super::{
    super::{Entry, Open},
    Faults,
    inode::{Inode, Random},
};

const ROOT: u64 = 0;

#[derive(Debug, Clone)]
enum Node {
    File(Inode),
    Dir { seen: BTreeMap<String, u64>, durable: BTreeMap<String, u64> },
}

/// One act on names; happens as a whole or not at all.
#[derive(Debug, Clone)]
struct Act(Vec<(u64, String, Option<u64>)>);

#[derive(Debug)]
pub(super) struct State {
    random: Random,
    pub(super) faults: Faults,
    nodes: BTreeMap<u64, Node>,
    next: u64,
    /// Acts on names since their directories were synced, oldest first.
    acts: Vec<Act>,
    pub(super) locks: BTreeSet<PathBuf>,
    /// How often the power came back; open files of an earlier boot are dead.
    pub(super) boot: u64,
    powered: bool,
    pub(super) operations: u64,
    pub(super) syncs: u64,
    pub(super) now: i64,
}

fn missing(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{} does not exist", path.display()))
}

fn no_power() -> io::Error {
    io::Error::other("the power is cut")
}

fn split(path: &Path) -> io::Result<(&Path, String)> {
    let name = path.file_name().and_then(|name| name.to_str());
    match (path.parent(), name) {
        (Some(parent), Some(name)) => Ok((parent, name.to_owned())),
        _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
    }
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        let root = Node::Dir { seen: BTreeMap::new(), durable: BTreeMap::new() };
        Self {
            random: Random::new(seed),
            faults: Faults::default(),
            nodes: BTreeMap::from([(ROOT, root)]),
            next: ROOT + 1,
            acts: Vec::new(),
            locks: BTreeSet::new(),
            boot: 0,
            powered: true,
            operations: 0,
            syncs: 0,
            now: 0,
        }
    }

    pub(super) fn fork(&self, seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            faults: self.faults.clone(),
            nodes: self.nodes.clone(),
            acts: self.acts.clone(),
            locks: BTreeSet::new(),
            ..*self
        }
    }

    fn block(&self) -> usize {
        self.faults.block.unwrap_or(4096)
    }

    /// Counts one changing operation; fails once the power is cut.
    fn operate(&mut self) -> io::Result<()> {
        if !self.powered {
            return Err(no_power());
        }
        if let Some(left) = self.faults.operations_until_power_cut.as_mut() {
            if *left == 0 {
                self.powered = false;
                return Err(no_power());
            }
            *left -= 1;
        }
        self.operations += 1;
        Ok(())
    }

    fn children(&self, node: u64) -> Option<&BTreeMap<String, u64>> {
        match self.nodes.get(&node) {
            Some(Node::Dir { seen, .. }) => Some(seen),
            Some(Node::File(_)) | None => None,
        }
    }

    fn find(&self, path: &Path) -> io::Result<u64> {
        let mut node = ROOT;
        for part in path.components() {
            if let Component::Normal(name) = part {
                let name = name.to_str().ok_or_else(|| missing(path))?;
                let children = self.children(node).ok_or_else(|| missing(path))?;
                node = *children.get(name).ok_or_else(|| missing(path))?;
            }
        }
        if self.powered { Ok(node) } else { Err(no_power()) }
    }

    fn apply(&mut self, act: &Act, durable: bool) {
        for (dir, name, target) in &act.0 {
            if let Some(Node::Dir { seen, durable: kept }) = self.nodes.get_mut(dir) {
                let names = if durable { kept } else { seen };
                match target {
                    Some(inode) => names.insert(name.clone(), *inode),
                    None => names.remove(name),
                };
            }
        }
    }

    fn act(&mut self, changes: Vec<(u64, String, Option<u64>)>) {
        let act = Act(changes);
        self.apply(&act, false);
        self.acts.push(act);
    }

    fn create(&mut self, path: &Path, node: Node) -> io::Result<u64> {
        let (parent, name) = split(path)?;
        let parent = self.find(parent)?;
        self.operate()?;
        let inode = self.next;
        self.next += 1;
        self.nodes.insert(inode, node);
        self.act(vec![(parent, name, Some(inode))]);
        Ok(inode)
    }

    pub(super) fn open(&mut self, path: &Path, how: Open) -> io::Result<u64> {
        match (self.find(path), how) {
            (Ok(inode), Open::Truncate) => {
                self.operate()?;
                let size = self.block();
                self.inode(inode)?.set_len(0, size);
                Ok(inode)
            }
            (Ok(inode), _) => Ok(inode),
            (Err(error), Open::Create | Open::Truncate)
                if error.kind() == io::ErrorKind::NotFound =>
            {
                let mut file = Inode::default();
                file.modified = self.now;
                self.create(path, Node::File(file))
            }
            (Err(error), _) => Err(error),
        }
    }

    pub(super) fn create_dir(&mut self, dir: &Path) -> io::Result<()> {
        match self.find(dir) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        if let Some(parent) = dir.parent() {
            self.create_dir(parent)?;
        }
        let node = Node::Dir { seen: BTreeMap::new(), durable: BTreeMap::new() };
        self.create(dir, node).map(drop)
    }

    pub(super) fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let node = self.find(dir)?;
        let children = self.children(node).ok_or_else(|| missing(dir))?;
        let entry = |(name, inode): (&String, &u64)| Entry {
            name: name.clone(),
            is_dir: matches!(self.nodes.get(inode), Some(Node::Dir { .. })),
        };
        Ok(children.iter().map(entry).collect())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inode = self.find(from)?;
        let ((from_dir, from_name), (to_dir, to_name)) = (split(from)?, split(to)?);
        let (from_dir, to_dir) = (self.find(from_dir)?, self.find(to_dir)?);
        self.operate()?;
        self.act(vec![(from_dir, from_name, None), (to_dir, to_name, Some(inode))]);
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path, dir: bool) -> io::Result<()> {
        let inode = self.find(path)?;
        match self.children(inode) {
            Some(children) if dir && !children.is_empty() => {
                return Err(io::Error::from(io::ErrorKind::DirectoryNotEmpty));
            }
            Some(_) if !dir => return Err(io::Error::from(io::ErrorKind::IsADirectory)),
            None if dir => return Err(io::Error::from(io::ErrorKind::NotADirectory)),
            _ => {}
        }
        let (parent, name) = split(path)?;
        let parent = self.find(parent)?;
        self.operate()?;
        self.act(vec![(parent, name, None)]);
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        let node = self.find(dir)?;
        self.operate()?;
        self.count_sync()?;
        let acts = std::mem::take(&mut self.acts);
        for act in acts {
            if act.0.iter().any(|(dir, ..)| *dir == node) {
                self.apply(&act, true);
            } else {
                self.acts.push(act);
            }
        }
        Ok(())
    }

    fn count_sync(&mut self) -> io::Result<()> {
        self.syncs += 1;
        match self.faults.syncs_until_failure.as_mut() {
            Some(0) => {
                self.faults.syncs_until_failure = None;
                Err(io::Error::other("the disk failed a sync"))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn inode(&mut self, inode: u64) -> io::Result<&mut Inode> {
        match self.nodes.get_mut(&inode) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Dir { .. }) => Err(io::Error::from(io::ErrorKind::IsADirectory)),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    pub(super) fn file(&mut self, inode: u64, boot: u64) -> io::Result<&mut Inode> {
        if boot != self.boot || !self.powered {
            return Err(no_power());
        }
        self.inode(inode)
    }

    pub(super) fn used(&self) -> u64 {
        let len = |node: &Node| match node {
            Node::File(file) => file.seen.len() as u64,
            Node::Dir { .. } => 0,
        };
        self.nodes.values().map(len).sum()
    }

    pub(super) fn write(
        &mut self,
        inode: u64,
        boot: u64,
        bytes: &[u8],
        position: u64,
    ) -> io::Result<()> {
        let seen = self.file(inode, boot)?.seen.len();
        self.operate()?;
        let start = usize::try_from(position).map_err(io::Error::other)?;
        let grows = (start + bytes.len()).saturating_sub(seen);
        let mut written = bytes.len();
        let mut outcome = Ok(());
        if let Some(capacity) = self.faults.capacity {
            let free = usize::try_from(capacity.saturating_sub(self.used())).unwrap_or(0);
            if grows > free {
                written = bytes.len() - (grows - free);
                outcome = Err(io::Error::from(io::ErrorKind::StorageFull));
            }
        }
        match self.faults.writes_until_failure.as_mut() {
            Some(0) => {
                self.faults.writes_until_failure = None;
                written = self.random.below(bytes.len() + 1);
                outcome = Err(io::Error::other("the disk failed a write"));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        let (size, now) = (self.block(), self.now);
        let mut random = self.random.clone();
        let file = self.inode(inode)?;
        file.modified = now;
        file.write(bytes.get(..written).unwrap_or_default(), start, size);
        if random.chance(10) {
            file.write_back_one(&mut random, size);
        }
        self.random = random;
        outcome
    }

    pub(super) fn set_len(&mut self, inode: u64, boot: u64, len: u64) -> io::Result<()> {
        self.file(inode, boot)?;
        self.operate()?;
        let len = usize::try_from(len).map_err(io::Error::other)?;
        let (size, now) = (self.block(), self.now);
        let file = self.inode(inode)?;
        file.modified = now;
        file.set_len(len, size);
        Ok(())
    }

    pub(super) fn sync(&mut self, inode: u64, boot: u64) -> io::Result<()> {
        self.file(inode, boot)?;
        self.operate()?;
        let outcome = self.count_sync();
        let size = self.block();
        let file = self.inode(inode)?;
        match outcome {
            Ok(()) => file.sync(size),
            Err(_) => file.fail_sync(),
        }
        outcome
    }

    /// Syncs every file and name. One that fails has dropped what some of the files had to write.
    pub(super) fn sync_all(&mut self, boot: u64) -> io::Result<()> {
        if boot != self.boot {
            return Err(no_power());
        }
        self.operate()?;
        let outcome = self.count_sync();
        let size = self.block();
        for node in self.nodes.values_mut() {
            match (node, &outcome) {
                (Node::File(file), Ok(())) => file.sync(size),
                (Node::File(file), Err(_)) if self.random.chance(50) => file.fail_sync(),
                (Node::File(_) | Node::Dir { .. }, _) => {}
            }
        }
        if outcome.is_ok() {
            for act in std::mem::take(&mut self.acts) {
                self.apply(&act, true);
            }
        }
        outcome
    }

    fn restart(&mut self) {
        self.boot += 1;
        self.powered = true;
        self.locks.clear();
        self.faults = Faults { block: self.faults.block, ..Faults::default() };
    }

    pub(super) fn crash(&mut self) {
        let acts = std::mem::take(&mut self.acts);
        // a journalled file system keeps a prefix of the acts, others keep what they like
        let journalled = self.random.chance(50);
        let prefix = self.random.below(acts.len() + 1);
        for (index, act) in acts.iter().enumerate() {
            let kept = if journalled { index < prefix } else { self.random.chance(50) };
            if kept {
                self.apply(act, true);
            }
        }
        let size = self.block();
        let mut random = self.random.clone();
        let keep = [0, 30, 70, 100].get(random.below(4)).copied().unwrap_or(50);
        for node in self.nodes.values_mut() {
            match node {
                Node::File(file) => file.crash(&mut random, keep, size),
                Node::Dir { seen, durable } => seen.clone_from(durable),
            }
        }
        self.random = random;
        self.restart();
    }

    /// The page cache outlives the programs: nothing is lost, and nothing is durable that was not.
    pub(super) fn kill(&mut self) {
        self.restart();
    }

    pub(super) fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        match self.nodes.get(&self.find(path).ok()?) {
            Some(Node::File(file)) => Some(file.seen.clone()),
            Some(Node::Dir { .. }) | None => None,
        }
    }

    pub(super) fn corrupt(&mut self, path: &Path, bytes: Vec<u8>) {
        if let Ok(inode) = self.find(path)
            && let Ok(file) = self.inode(inode)
        {
            file.replace(bytes);
        }
    }
}
