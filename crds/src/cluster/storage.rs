//! What a broker keeps its data on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::head::DeletionPolicy;
use crate::name::VolumeName;
use crate::quantity::Quantity;

/// A broker's volumes. Without `volumes` it is one of `size`; with them, each takes from here what
/// it does not say itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = rules::storage()))]
pub struct Storage {
    /// What the volumes are: claims that outlive the pod, or directories that are gone with it.
    #[expect(clippy::struct_field_names, reason = "Kubernetes' name of such a field")]
    #[serde(rename = "type")]
    pub storage_type: StorageType,
    /// How large a volume is, as in `10Gi`. It can grow later, not shrink.
    pub size: Quantity,
    /// How far the operator may let a volume grow when it fills up. Left out: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<Quantity>,
    /// The Kubernetes storage class; left out: the default one.
    #[expect(clippy::struct_field_names, reason = "Kubernetes' name of this field")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
    /// What becomes of the volumes when the cluster is deleted.
    pub deletion_policy: DeletionPolicy,
    /// Several volumes in each broker, each a log directory of its own: when one fails, the broker
    /// goes on with the others. Left out: one, named `data`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub volumes: Vec<Volume>,
    /// The name of the volume that keeps the cluster's metadata. Left out: the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_volume: Option<VolumeName>,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            storage_type: StorageType::PersistentClaim,
            size: "10Gi".parse().expect("10Gi is an amount"),
            max_size: None,
            storage_class_name: None,
            deletion_policy: DeletionPolicy::Retain,
            volumes: Vec::new(),
            metadata_volume: None,
        }
    }
}

/// What a volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StorageType {
    /// A claim, which outlives the pod and the node.
    PersistentClaim,
    /// A directory of the node, which is gone with the pod: for trying things out.
    Ephemeral,
}

/// One of several volumes of a broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::volume()))]
pub struct Volume {
    /// Its name, unique among the volumes.
    pub name: VolumeName,
    /// How large it is; left out: `storage.size`. It can grow later, not shrink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Quantity>,
    /// How far the operator may let it grow; left out: `storage.maxSize`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<Quantity>,
    /// Its storage class; left out: `storage.storageClassName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
}
