//! Preparing the directory of a node before a fleet is formed of it.

use std::path::{Path, PathBuf};

use kastellan_core::id::{uuid_from_text, uuid_to_text};
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
    /// It was to get an id that is none.
    #[error("{0:?} is not the id of a directory: it is a UUID in base64url, 22 characters")]
    NoId(String),
    /// It cannot be used.
    #[error(transparent)]
    Directory(#[from] Error),
}

/// Makes `dir` the metadata directory of node `node` in cluster `cluster`. Its id is returned,
/// which is `id` or a new one: the one that `controller.quorum.voters` names it by. A directory
/// that is lost and made anew must have another id, so that it does not vote in the place of the
/// one that was: whoever chooses ids gives each away once.
pub fn format(
    dir: &Path,
    cluster: &str,
    node: i32,
    id: Option<&str>,
) -> Result<String, FormatError> {
    let read = |id: &str| uuid_from_text(id).ok_or_else(|| FormatError::NoId(id.to_owned()));
    let directory_id = id.map(read).transpose()?.unwrap_or_else(new_id);
    if let Some(found) = Properties::read(&StdDisk, dir)? {
        return Err(FormatError::Formatted {
            dir: dir.to_path_buf(),
            id: uuid_to_text(found.directory_id),
            node: found.node_id,
            cluster: found.cluster_id,
        });
    }
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
        let id = format(&dir, "a-cluster", 3, None).unwrap();
        let found = Properties::read(&StdDisk, &dir).unwrap().unwrap();
        assert_eq!(uuid_to_text(found.directory_id), id);
        assert_eq!((found.node_id, found.cluster_id.as_str()), (3, "a-cluster"));
        let again = format(&dir, "a-cluster", 3, Some(&id)).unwrap_err().to_string();
        assert!(again.contains(&id) && again.contains("formatted already"), "{again}");
        std::fs::remove_dir_all(&dir).unwrap();
        let chosen = format(&dir, "a-cluster", 3, Some(&id)).unwrap();
        assert_eq!(chosen, id);
        std::fs::remove_dir_all(&dir).unwrap();
        let refused = format(&dir, "a-cluster", 3, Some("seven")).unwrap_err().to_string();
        assert!(refused.contains("\"seven\" is not the id") && !dir.exists(), "{refused}");
    }
}
