//! StatefulSets: one for each broker, of one pod or none, so that every broker can change by
//! itself.

use serde_json::{Value, json};

use super::{Cluster, pod};
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, Object};

/// A broker's StatefulSet.
#[derive(Debug, Clone, PartialEq)]
pub struct StatefulSet {
    /// The object.
    pub object: Object,
    /// The hash of what its pods are: a pod with another one has to be replaced.
    pub revision: String,
}

/// The StatefulSet of a broker whose external addresses are these: a port of the nodes for each
/// listener on ports of the nodes, by the listener's name.
///
/// The update strategy leaves a pod alone when the template changes: the operator deletes it, once
/// the brokers permit.
pub fn stateful_set(cluster: &Cluster, id: i32, node_ports: &[(String, u16)]) -> StatefulSet {
    let spec = pod::spec(cluster, id, node_ports);
    let restart = cluster.restart.as_deref().unwrap_or_default();
    let template = &cluster.spec.template;
    let (mut labels, mut annotations) = template
        .as_ref()
        .map(|one| (one.labels.clone(), one.annotations.clone()))
        .unwrap_or_default();
    labels.extend(cluster.broker_labels(id));
    let whole = json!([spec, labels, annotations, restart]);
    let revision = names::hash(&whole.to_string(), 16);
    annotations.insert(names::REVISION.to_owned(), revision.clone());
    let replicas = i32::from(!cluster.spec.hibernated);
    let object = Object::new(
        Kind::StatefulSet,
        cluster.metadata(&names::broker(&cluster.name, id), &cluster.broker_labels(id)),
        json!({ "spec": {
            "replicas": replicas,
            "serviceName": names::headless(&cluster.name),
            "podManagementPolicy": "Parallel",
            "updateStrategy": { "type": "OnDelete" },
            "selector": { "matchLabels": cluster.broker_selector(id) },
            "template": {
                "metadata": { "labels": labels, "annotations": annotations },
                "spec": spec,
            },
        } }),
    );
    StatefulSet { object, revision }
}

/// Where the revision of a StatefulSet's pods is written.
const REVISION_PATH: &str = "/spec/template/metadata/annotations";

/// The revision of the pods that a StatefulSet makes.
pub fn revision(stateful_set: &Value) -> Option<&str> {
    stateful_set.pointer(REVISION_PATH)?.get(names::REVISION)?.as_str()
}
