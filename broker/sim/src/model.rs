//! What the world was told and promised: the naive truth that the broker is held against.

pub(crate) mod groups;
pub(crate) mod partition;

use std::collections::BTreeMap;

use kastellan_core::{id::TopicPartition, metadata::Image};

pub(crate) use self::{
    groups::Groups,
    partition::{Batch, Partition, Record},
};

/// Everything that was told and promised.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// By name; those of deleted topics are gone.
    pub(crate) partitions: BTreeMap<TopicPartition, Partition>,
    pub(crate) groups: Groups,
    /// The metadata that was committed.
    pub(crate) committed: Image,
    /// What it would be after each append since then, and whether the log took that.
    pub(crate) uncommitted: Vec<(Image, bool)>,
    /// Names of topics that were deleted.
    pub(crate) deleted: std::collections::BTreeSet<String>,
}

/// How the last life of the broker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It closed everything.
    Clean,
    /// The process died, the page cache did not.
    Killed,
    /// The power was cut.
    PowerCut,
}
