//! Where the brokers keep their data: a directory that stays, or one that goes with this process.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The directory of one cluster's brokers; a temporary one is removed when this is dropped.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    temporary: bool,
}

impl DataDir {
    /// `kept` and the cluster's name, or a new directory among the system's temporary ones.
    pub(super) fn new(kept: Option<&Path>, cluster: &str) -> Result<Self, Failure> {
        let temporary = kept.is_none();
        let path = kept.map_or_else(
            || {
                let unique = uuid::Uuid::new_v4().simple();
                std::env::temp_dir().join(format!("kastellan-{cluster}-{unique}"))
            },
            |kept| kept.join(cluster),
        );
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|why| {
            Failure::new(format!("make the data directory {}: {why}", path.display()))
                .help("name another one with --data-dir")
        })?;
        Ok(Self { path, temporary })
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What one broker has of it.
    pub(super) fn broker(&self, id: i32) -> PathBuf {
        self.path.join(format!("broker-{id}"))
    }

    /// The directory, and whether it stays, for the report.
    pub(super) fn describe(&self) -> String {
        let fate = if self.temporary { "removed at the end" } else { "kept" };
        format!("{} ({fate})", self.path.display())
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if self.temporary
            && let Err(why) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %why, "the data directory stays behind");
        }
    }
}
