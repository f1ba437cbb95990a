//! What the three kinds have in common beside their metadata: the reference to a cluster, the head
//! of a status, and what becomes of data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::name::ClusterName;

/// A cluster in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterRef {
    /// The `KafkaCluster`'s name.
    pub name: ClusterName,
}

/// What every status begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// The generation of the spec that this status was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What is true of the object, one entry a type: Ready, Reconciling, Stalled and, of a cluster,
    /// `Available`, `Degraded`, `ListenersReady`, `CertificatesValid`, `StorageReady`,
    /// `Balanced`, `Paused`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}

/// What becomes of data when the object that asked for it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The data stays.
    Retain,
    /// The data is deleted with the object.
    Delete,
}
