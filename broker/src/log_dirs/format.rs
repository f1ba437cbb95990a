//! Preparing the directory of a node before a fleet is formed of it.

use std::path::{Path, PathBuf};

use kastellan_core::id::uuid_to_text;
use kastellan_log::{Budget, Directory, Error, Properties, StdDisk};

use crate::controller::new_id;

/// Why a directory was not formatted.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It belongs to a node already.
    #[error("{} is formatted already, as {id} of node {node} in cluster {cluster}", .dir.display())]
    Formatted {
        /// The directory.
        dir: PathBuf,
        /// The directory's id.
        id: String,
        /// The node it belongs to.
        node: i32,
        /// The cluster it belongs to.
        cluster: String,
    },
    /// It cannot be used.
    #[error(transparent)]
    Directory(#[from] Error),
}

/// Makes `dir` the metadata directory of node `node` in cluster `cluster`, under an id of its own,
/// which is returned: the one that `controller.quorum.voters` names it by. A directory that is lost
/// and made anew has another id, and does not vote in the place of the one that was.
pub fn format(dir: &Path, cluster: &str, node: i32) -> Result<String, FormatError> {
    if let Some(found) = Properties::read(&StdDisk, dir)? {
        return Err(FormatError::Formatted {
            dir: dir.to_path_buf(),
            id: uuid_to_text(found.directory_id),
            node: found.node_id,
            cluster: found.cluster_id,
        });
    }
    let directory_id = new_id();
    let properties = Properties { cluster_id: cluster.to_owned(), node_id: node, directory_id };
    let opened = Directory::open(StdDisk, dir, properties, Budget::default())?;
    Ok(uuid_to_text(opened.properties().directory_id))
}

#[cfg(test)]
mod tests {
    use kastellan_core::id::Uuid;

    use super::*;

    #[test]
    fn a_directory_gets_its_id_once() {
        let dir = std::env::temp_dir().join(format!("kastellan-format-{}", Uuid::new_v4()));
        let id = format(&dir, "a-cluster", 3).unwrap();
        let found = Properties::read(&StdDisk, &dir).unwrap().unwrap();
        assert_eq!(uuid_to_text(found.directory_id), id);
        assert_eq!((found.node_id, found.cluster_id.as_str()), (3, "a-cluster"));
        let again = format(&dir, "a-cluster", 3).unwrap_err().to_string();
        assert!(again.contains(&id) && again.contains("formatted already"), "{again}");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
