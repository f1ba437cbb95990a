//! The three custom resources: types, conditions, names, generated YAML.
//!
//! `KafkaCluster`, `KafkaTopic` and `KafkaUser` of the API group `kastellan.dev`. The same types
//! parse a manifest for `kastellan up` and carry an object of the API server; the definitions in
//! `yaml/` are generated from them. No client, no I/O, no defaults that need a cluster.
//!
//! A spec refuses fields that it does not know: a typing error must not become a default.

pub mod cluster;
pub mod condition;
pub mod config;
pub mod definition;
pub mod head;
pub mod name;
pub mod quantity;
mod rule;
mod schema;
pub mod topic;
pub mod user;
pub mod yaml;

pub use cluster::{KafkaCluster, KafkaClusterSpec, KafkaClusterStatus};
pub use topic::{KafkaTopic, KafkaTopicSpec, KafkaTopicStatus};
pub use user::{KafkaUser, KafkaUserSpec, KafkaUserStatus};

/// The API group.
pub const GROUP: &str = "kastellan.dev";
/// The version served and stored.
pub const VERSION: &str = "v1alpha1";
/// Group and version as `apiVersion` has them.
pub const API_VERSION: &str = "kastellan.dev/v1alpha1";
