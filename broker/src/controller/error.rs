//! Why the controller does not start; says what to do where somebody can do something.

use std::{io, path::PathBuf};

use kastellan_core::{
    id::Offset,
    log::LogError,
    metadata::{DecodeError, Inconsistent},
};
use kastellan_protocol::batch::Malformed;

/// Why the controller does not start.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// The directory or the log does not open.
    #[error(transparent)]
    Open(#[from] kastellan_log::Error),
    /// The log cannot be read or written.
    #[error("the metadata log: {0}")]
    Log(#[from] LogError),
    /// A snapshot or a directory cannot be read or written.
    #[error("{doing} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A batch of the log or of a snapshot is not what it should be.
    #[error("the metadata log is damaged at offset {at}: {why}")]
    Damaged {
        /// Where.
        at: Offset,
        /// What is wrong.
        why: Malformed,
    },
    /// A record is not known.
    #[error("the metadata log at offset {at}: {why}")]
    Record {
        /// Where.
        at: Offset,
        /// What is wrong.
        why: DecodeError,
    },
    /// A record does not follow the ones before it.
    #[error("the metadata log at offset {at}: {why}")]
    Inconsistent {
        /// Where.
        at: Offset,
        /// What is wrong.
        why: Inconsistent,
    },
    /// Records between the newest snapshot and the log are missing.
    #[error(
        "the metadata log begins at offset {start} and no snapshot reaches up to there (the newest \
         ends at {snapshot}): restore the snapshot, or the whole directory"
    )]
    Gap {
        /// Where the log begins.
        start: Offset,
        /// Where the newest snapshot ends; 0 when there is none.
        snapshot: Offset,
    },
    /// What was written down about epochs and votes cannot be believed.
    #[error(
        "{} cannot be read: {why}; restore it, or remove the whole directory of a node that the \
         others can do without",
        .path.display()
    )]
    QuorumState {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The metadata is gone and data is there: beginning a new cluster would give it away.
    #[error(
        "{} holds data but no cluster metadata: restore its __cluster_metadata-0, or choose an \
         empty directory for a new cluster",
        .0.display()
    )]
    MetadataLost(PathBuf),
    /// A partition lies in two log directories.
    #[error(
        "{partition} is in {} and in {}: move the one away that should not be there, and start \
         again",
        .first.display(),
        .second.display()
    )]
    TwiceThere {
        /// Which partition.
        partition: String,
        /// One directory.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A feature level of the cluster is not served by this version.
    #[error(
        "the cluster runs at {feature} {level}, this version serves {min} to {max}: start a \
         version that serves it"
    )]
    Feature {
        /// The feature.
        feature: String,
        /// Its finalized level.
        level: i16,
        /// The lowest level served.
        min: i16,
        /// The highest level served.
        max: i16,
    },
    /// The controller refused to begin.
    #[error("the controller: {0}")]
    Refused(String),
    /// The system refuses a thread.
    #[error("cannot start the controller's thread: {0}")]
    Thread(#[source] io::Error),
}
