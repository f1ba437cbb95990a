//! ConfigMaps: what a broker reads at its start, and the record of how the cluster came to be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::Cluster;
use crate::fleet::plan;
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, Object};

/// The file of a broker's ConfigMap.
pub(super) const FILE: &str = "broker.properties";

/// What is decided once for a cluster and kept: the recorded bootstrap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The cluster id that clients see, and that each volume carries.
    pub cluster_id: String,
    /// The version of Kastellan that the brokers run.
    pub version: String,
    /// The image of that version, as long as the spec names none.
    pub image: String,
    /// The node ids whose volumes have held data: such a broker is never started on an empty one.
    pub formatted: BTreeSet<i32>,
}

/// The record. It may be created, and changed, but it is never made anew over another one.
pub fn identity(cluster: &Cluster) -> Object {
    let identity = &cluster.identity;
    let formatted: Vec<String> = identity.formatted.iter().map(ToString::to_string).collect();
    Object::new(
        Kind::ConfigMap,
        cluster.metadata(&names::identity(&cluster.name), &cluster.labels()),
        json!({ "data": {
            "clusterId": identity.cluster_id,
            "version": identity.version,
            "image": identity.image,
            "formatted": formatted.join(","),
        } }),
    )
}

/// What a broker reads at its start. Its name has the hash of its content, so that a pod never
/// starts with settings that were not meant for it.
pub fn config_map(cluster: &Cluster, id: i32) -> Object {
    let text = properties(&plan::at_start(&cluster.settings));
    Object::new(
        Kind::ConfigMap,
        cluster.metadata(&config_map_name(cluster, id), &cluster.broker_labels(id)),
        json!({ "immutable": true, "data": { FILE: text } }),
    )
}

/// The name of [`config_map`].
pub(super) fn config_map_name(cluster: &Cluster, id: i32) -> String {
    let text = properties(&plan::at_start(&cluster.settings));
    format!("{}-{id}-{}", cluster.name, names::hash(&text, 10))
}

fn properties(settings: &BTreeMap<String, String>) -> String {
    let lines = settings.iter().map(|(name, value)| format!("{name}={value}"));
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}
