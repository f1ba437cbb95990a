//! Why a log directory or a log does not open.

use std::{io, path::PathBuf};

use kastellan_core::log::LogError;

/// Why a directory or a log in it cannot be used; says what to do where somebody can do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds the directory's lock.
    #[error(
        "the data directory {} is in use by another process: stop it, or choose another directory",
        .0.display()
    )]
    InUse(PathBuf),
    /// The directory was written by a broker of another cluster.
    #[error(
        "the data directory {} belongs to cluster {found}, this broker to {expected}: choose \
         another directory, or empty this one if its data may go",
        .dir.display()
    )]
    OtherCluster {
        /// The directory.
        dir: PathBuf,
        /// The cluster id in its `meta.properties`.
        found: String,
        /// This broker's.
        expected: String,
    },
    /// The directory was written by another broker.
    #[error(
        "the data directory {} belongs to node {found}, this broker is node {expected}: start node \
         {found} with it, or choose another directory",
        .dir.display()
    )]
    OtherNode {
        /// The directory.
        dir: PathBuf,
        /// The node id in its `meta.properties`.
        found: i32,
        /// This broker's.
        expected: i32,
    },
    /// `meta.properties` cannot be read.
    #[error("{} is damaged ({why}): restore it, or empty the directory if its data may go", .path.display())]
    Properties {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The partition's directory belongs to an earlier topic of the same name.
    #[error("{} holds topic id {found}, not {expected}", .dir.display())]
    OtherTopic {
        /// The partition's directory.
        dir: PathBuf,
        /// The id in its `partition.metadata`.
        found: uuid::Uuid,
        /// The id asked for.
        expected: uuid::Uuid,
    },
    /// The disk refused.
    #[error("{doing} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A write or sync failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Names the step that an I/O error stopped.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str, path: &std::path::Path) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &std::path::Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io { doing, path: path.to_path_buf(), source })
    }
}
