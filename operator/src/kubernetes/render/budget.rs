//! The PodDisruptionBudget: drains of nodes take one broker at a time.

use serde_json::json;

use super::Cluster;
use crate::kubernetes::object::{Kind, Object};

/// One budget spans all brokers. An eviction never asks the operator: the broker hands over what it
/// leads when it is told to stop.
pub fn budget(cluster: &Cluster) -> Object {
    Object::new(
        Kind::PodDisruptionBudget,
        cluster.metadata(&cluster.name, &cluster.labels()),
        json!({ "spec": {
            "maxUnavailable": 1,
            "selector": { "matchLabels": cluster.selector() },
        } }),
    )
}
