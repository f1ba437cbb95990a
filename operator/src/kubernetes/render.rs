//! A cluster as Kubernetes objects: pure, one file per kind.
//!
//! What is rendered for a version of Kastellan stays the same for good: a difference in a pod would
//! restart brokers because the operator was upgraded. The golden files in `tests/golden/` hold it.

use std::collections::BTreeMap;

use kastellan_crds::KafkaClusterSpec;
use kastellan_crds::cluster::{Listener, ListenerType};
use serde_json::{Value, json};

use super::names;
use super::object::Object;
use crate::fleet::quorum::Voter;

mod budget;
mod claim;
mod config_map;
mod guard;
pub mod issued;
mod network_policy;
mod pod;
mod rebalance;
pub mod secret;
mod service;
mod stateful_set;
mod throttled;

pub use budget::budget;
pub use claim::{Claim, claim, persistent, volumes};
pub use config_map::{Identity, config_map, directory, identity};
pub use guard::{guarded, is_open};
pub use network_policy::network_policy;
pub use rebalance::{hash, planned, rebalance};
pub use service::services;
pub use stateful_set::{StatefulSet, revision, stateful_set};
pub use throttled::throttled;

/// A cluster that can be rendered: checked, and with everything that others decided.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The uid of its `KafkaCluster`, for owner references.
    pub uid: String,
    /// What its author asked for.
    pub spec: KafkaClusterSpec,
    /// Its listeners: those of the spec, or the one that stands in for them.
    pub listeners: Vec<Listener>,
    /// Settings under Kafka's names.
    pub settings: BTreeMap<String, String>,
    /// What was recorded when it was made.
    pub identity: Identity,
    /// The value of the annotation that asks for a restart.
    pub restart: Option<String>,
    /// Secrets with which every broker's image is pulled.
    pub pull_secrets: Vec<String>,
}

impl Cluster {
    /// The listeners for clients inside.
    pub fn inside(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().filter(|listener| listener.kind == ListenerType::Internal)
    }

    /// The listeners on ports of the nodes.
    pub fn node_ports(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().filter(|listener| listener.kind == ListenerType::NodePort)
    }

    /// Who elects the active controller; nobody where there is one broker.
    fn voters(&self) -> Vec<Voter> {
        let voter = |id: i32| Voter {
            id,
            host: names::peer(&self.name, id, &self.namespace),
            port: names::PEERS_PORT,
            directory: self.identity.directory(id),
        };
        self.identity.voters().into_iter().map(voter).collect()
    }

    /// Metadata of an object of the cluster, owned by its `KafkaCluster`.
    fn metadata(&self, name: &str, labels: &BTreeMap<String, String>) -> Value {
        json!({
            "name": name,
            "namespace": self.namespace,
            "labels": labels,
            "ownerReferences": [self.owner()],
        })
    }

    fn owner(&self) -> Value {
        json!({
            "apiVersion": kastellan_crds::API_VERSION,
            "kind": "KafkaCluster",
            "name": self.name,
            "uid": self.uid,
            "controller": true,
            "blockOwnerDeletion": true,
        })
    }

    fn labels(&self) -> BTreeMap<String, String> {
        names::labels(&self.name)
    }

    fn broker_labels(&self, id: i32) -> BTreeMap<String, String> {
        names::broker_labels(&self.name, id)
    }

    /// Selects the pods of the cluster.
    fn selector(&self) -> Value {
        json!({ names::CLUSTER: self.name })
    }

    /// Selects the pod of one broker.
    fn broker_selector(&self, id: i32) -> Value {
        json!({ names::CLUSTER: self.name, names::NODE_ID: id.to_string() })
    }
}

/// A port's name in Services and pods.
fn port_name(listener: &Listener) -> String {
    format!("tcp-{}", listener.name)
}

/// What is the same for all brokers and does not wait for anything.
pub fn shared(cluster: &Cluster) -> Vec<Object> {
    vec![budget(cluster), network_policy(cluster)]
}
