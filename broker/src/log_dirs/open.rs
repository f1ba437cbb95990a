//! Taking the log directories into use: one cluster, one node, an id each.
//!
//! What is a mistake of whoever configured them refuses the start. What is a fault of the disk
//! leaves that directory out, unless it holds the metadata.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use kastellan_core::id::{Uuid, uuid_to_text};
use kastellan_log::{Budget, Directory, Error, Properties, disk::StdDisk};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Broken;
use crate::{config::Config, start::StartError};

/// Directories that were taken into use.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The one that holds the metadata.
    pub(crate) metadata: Arc<Directory<StdDisk>>,
    /// Those that hold partitions, in the order in which they are configured.
    pub(crate) logs: Vec<Arc<Directory<StdDisk>>>,
    /// Those that did not open.
    pub(crate) broken: Vec<Broken>,
}

impl Opened {
    /// Opens what `config` names. A new directory is formatted for this cluster and node.
    pub(crate) fn new(config: &Config) -> Result<Self, StartError> {
        let absolute = |path: &PathBuf| std::path::absolute(path);
        let roots = config.log_dirs.iter().map(absolute).collect::<io::Result<Vec<_>>>()?;
        let first = roots.first().cloned().ok_or(StartError::NoLogDir)?;
        let home = config.metadata_log_dir.as_ref().map(absolute).transpose()?.unwrap_or(first);
        for (at, root) in roots.iter().enumerate() {
            if roots.iter().take(at).any(|earlier| earlier == root) {
                return Err(StartError::SameLogDir(root.clone()));
            }
        }
        let mut all: Vec<&Path> = vec![&home];
        all.extend(roots.iter().filter(|root| **root != home).map(PathBuf::as_path));
        let (known, unreadable) = read_properties(&all, &home)?;
        let found = all.iter().find_map(|root| known.get(*root)?.as_ref());
        let cluster_id = match (&config.cluster_id, found) {
            (Some(id), _) => id.clone(),
            (None, Some(found)) => found.cluster_id.clone(),
            (None, None) => uuid_to_text(Uuid::new_v4()),
        };
        let budget = budget(all.len());
        let mut opened = BTreeMap::new();
        let mut broken = Vec::new();
        for root in all {
            if let Some(why) = unreadable.get(root) {
                broken.push(Broken { path: root.to_path_buf(), why: why.clone() });
                continue;
            }
            let known = known.get(root).and_then(Option::as_ref);
            let directory_id = known.map_or_else(Uuid::new_v4, |found| found.directory_id);
            let node_id = config.node_id;
            let properties = Properties { cluster_id: cluster_id.clone(), node_id, directory_id };
            match Directory::open(StdDisk, root, properties, budget) {
                Ok(directory) => drop(opened.insert(root.to_path_buf(), Arc::new(directory))),
                Err(error) if root != home && is_fault(&error) => {
                    broken.push(Broken { path: root.to_path_buf(), why: error.to_string() });
                }
                Err(error) => return Err(error.into()),
            }
        }
        for Broken { path, why } in &broken {
            let path = path.display();
            tracing::error!(
                %path, why,
                "a log directory is offline, and its partitions with it: mend it and start again"
            );
        }
        let metadata = opened.get(&home).cloned().ok_or(StartError::NoLogDir)?;
        let logs: Vec<_> = roots.iter().filter_map(|root| opened.get(root).cloned()).collect();
        check_ids(&metadata, &logs)?;
        Ok(Self { metadata, logs, broken })
    }
}

type Known<'a> = BTreeMap<&'a Path, Option<Properties>>;

/// What each directory says about itself, and why some say nothing.
fn read_properties<'a>(
    all: &[&'a Path],
    home: &Path,
) -> Result<(Known<'a>, BTreeMap<&'a Path, String>), Error> {
    let mut known = Known::new();
    let mut unreadable = BTreeMap::new();
    for root in all {
        match Properties::read(&StdDisk, root) {
            Ok(properties) => drop(known.insert(*root, properties)),
            Err(error) if *root != home && is_fault(&error) => {
                unreadable.insert(*root, error.to_string());
            }
            Err(error) => return Err(error),
        }
    }
    Ok((known, unreadable))
}

/// Whether the disk is to blame, not whoever configured the directory.
fn is_fault(error: &Error) -> bool {
    matches!(error, Error::Io { .. } | Error::Log(_))
}

fn check_ids(
    metadata: &Arc<Directory<StdDisk>>,
    logs: &[Arc<Directory<StdDisk>>],
) -> Result<(), StartError> {
    let mut by_id = BTreeMap::from([(metadata.properties().directory_id, metadata.root())]);
    for directory in logs {
        let (id, root) = (directory.properties().directory_id, directory.root());
        let other = by_id.insert(id, root).filter(|other| *other != root);
        if let Some(other) = other {
            let (first, second) = (other.to_path_buf(), root.to_path_buf());
            return Err(StartError::SameDirectoryId { id: uuid_to_text(id), first, second });
        }
    }
    Ok(())
}

/// How much of the machine each of `directories` may use: two fifths of the open files are for
/// segments that were read, a fifth for those that were written, the rest is for connections. The
/// limit is raised as far as it may be.
fn budget(directories: usize) -> Budget {
    let now = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: now.maximum, maximum: now.maximum };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => now.maximum,
        Err(_refused) => now.current,
    };
    let files = usize::try_from(limit.unwrap_or(1 << 20)).unwrap_or(usize::MAX).min(1 << 20);
    let share = files / 5 / directories.max(1);
    let each = Budget::default();
    Budget {
        open_files: (2 * share).min(each.open_files).max(16),
        pinned_files: share.min(each.pinned_files).max(16),
        index_bytes: each.index_bytes / directories.max(1),
    }
}
