//! The NetworkPolicy: who may connect to a broker's pod, port by port. What it sends is its own.

use kastellan_crds::cluster::NetworkPeer;
use serde_json::{Value, json};

use super::Cluster;
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, Object};

/// Listeners for whom their author lets in, the operator's own for it alone, peers for the
/// cluster's own pods, management for those and the operator, probes and metrics for everybody.
pub fn network_policy(cluster: &Cluster) -> Object {
    let own = json!({ "podSelector": { "matchLabels": cluster.selector() } });
    let operator = json!({
        "namespaceSelector": {},
        "podSelector": { "matchLabels": { "app.kubernetes.io/name": names::OPERATOR_NAME } },
    });
    let mut ingress: Vec<Value> = cluster
        .listeners
        .iter()
        .map(|listener| {
            let mut from: Vec<Value> = listener.network_peers.iter().map(peer).collect();
            if !from.is_empty() && !cluster.is_guarded() {
                from.push(operator.clone());
            }
            rule(listener.port, &from)
        })
        .collect();
    ingress.push(rule(names::PEERS_PORT, std::slice::from_ref(&own)));
    if cluster.is_guarded() {
        ingress.push(rule(names::OPERATOR_PORT, std::slice::from_ref(&operator)));
    }
    ingress.push(rule(names::MANAGEMENT_PORT, &[own, operator]));
    ingress.push(rule(names::PROBES_PORT, &[]));
    Object::new(
        Kind::NetworkPolicy,
        cluster.metadata(&cluster.name, &cluster.labels()),
        json!({ "spec": {
            "podSelector": { "matchLabels": cluster.selector() },
            "policyTypes": ["Ingress"],
            "ingress": ingress,
        } }),
    )
}

/// Lets a list of peers in on one port; an empty list is everybody.
fn rule(port: u16, from: &[Value]) -> Value {
    let ports = json!([{ "port": port, "protocol": "TCP" }]);
    if from.is_empty() {
        json!({ "ports": ports })
    } else {
        json!({ "ports": ports, "from": from })
    }
}

fn peer(peer: &NetworkPeer) -> Value {
    // the fields have Kubernetes' own names
    serde_json::to_value(peer).expect("a peer is plain data")
}
