//! The features of a cluster and the levels that this version serves.
//!
//! A feature's level is finalized by a record, for all brokers at once; clients see it in
//! `ApiVersions` and turn on what it stands for.

use super::Image;

/// metadata.version 27 is Kafka's 4.1-IV1: the record versions that are written.
pub const METADATA_VERSION: &str = "metadata.version";

/// Level 1: replicas that leave an ISR below min.insync.replicas stay eligible leaders (KIP-966).
pub const ELIGIBLE_LEADER_REPLICAS: &str = "eligible.leader.replicas.version";

/// A feature and the levels served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Kafka's name.
    pub name: &'static str,
    /// The lowest level served.
    pub min: i16,
    /// The highest level served.
    pub max: i16,
    /// The level that a new cluster begins with; 0 leaves the feature off.
    pub initial: i16,
}

/// Every feature that this version serves, in alphabetical order. `group.version` (the new consumer
/// protocol), `transaction.version`, `share.version` and `streams.version` appear here with the
/// code behind them.
pub const SUPPORTED: &[Feature] = &[
    Feature { name: ELIGIBLE_LEADER_REPLICAS, min: 0, max: 1, initial: 1 },
    Feature { name: METADATA_VERSION, min: 27, max: 27, initial: 27 },
];

/// The finalized features of a cluster: (name, level), those at 0 left out.
pub fn finalized(image: &Image) -> Vec<(String, i16)> {
    image
        .features()
        .filter(|(_, level)| *level > 0)
        .map(|(name, level)| (name.to_owned(), level))
        .collect()
}
