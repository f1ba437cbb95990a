//! Services: where clients begin, where each broker is reached, and where pods find each other.

use kastellan_crds::cluster::{Listener, ServiceTemplate};
use serde_json::{Value, json};

use super::{Cluster, port_name};
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, Object};

/// All Services of a cluster with these brokers.
pub fn services(cluster: &Cluster, ids: &[i32]) -> Vec<Object> {
    let mut services = vec![headless(cluster)];
    if cluster.inside().next().is_some() {
        services.push(bootstrap(cluster));
        services.extend(ids.iter().map(|id| broker(cluster, *id)));
    }
    for listener in cluster.node_ports() {
        services.push(node_port_bootstrap(cluster, listener));
        services.extend(ids.iter().map(|id| node_port_broker(cluster, listener, *id)));
    }
    services
}

/// Names of pods, which have to resolve before a broker serves.
fn headless(cluster: &Cluster) -> Object {
    let port = |name: &str, port: u16| json!({ "name": name, "port": port });
    let metadata = cluster.metadata(&names::headless(&cluster.name), &cluster.labels());
    let mut ports = vec![
        port("tcp-peers", names::PEERS_PORT),
        port("tcp-management", names::MANAGEMENT_PORT),
        port("http-probes", names::PROBES_PORT),
    ];
    if cluster.is_guarded() {
        ports.push(port("tcp-operator", names::OPERATOR_PORT));
    }
    Object::new(
        Kind::Service,
        metadata,
        json!({ "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": true,
            "selector": cluster.selector(),
            "ports": ports,
        } }),
    )
}

/// Any broker that serves.
fn bootstrap(cluster: &Cluster) -> Object {
    let mut metadata = cluster.metadata(&names::bootstrap(&cluster.name), &cluster.labels());
    cluster.inside().for_each(|listener| decorate(&mut metadata, listener.service.as_ref()));
    Object::new(
        Kind::Service,
        metadata,
        json!({ "spec": {
            "type": "ClusterIP",
            "selector": cluster.selector(),
            "ports": cluster.inside().map(|listener| port(listener, None)).collect::<Vec<_>>(),
        } }),
    )
}

/// One broker, under an address that outlives its pods; who asks for it has been sent there, and
/// has to hear from the broker itself that it does not serve yet.
fn broker(cluster: &Cluster, id: i32) -> Object {
    let name = names::broker(&cluster.name, id);
    let mut metadata = cluster.metadata(&name, &cluster.broker_labels(id));
    cluster.inside().for_each(|listener| decorate(&mut metadata, listener.service.as_ref()));
    Object::new(
        Kind::Service,
        metadata,
        json!({ "spec": {
            "type": "ClusterIP",
            "publishNotReadyAddresses": true,
            "selector": cluster.broker_selector(id),
            "ports": cluster.inside().map(|listener| port(listener, None)).collect::<Vec<_>>(),
        } }),
    )
}

fn node_port_bootstrap(cluster: &Cluster, listener: &Listener) -> Object {
    let name = names::listener_bootstrap(&cluster.name, listener.name.as_str());
    let mut metadata = cluster.metadata(&name, &cluster.labels());
    decorate(&mut metadata, listener.service.as_ref());
    let fixed = listener.node_port.as_ref().and_then(|ports| ports.bootstrap_port);
    Object::new(
        Kind::Service,
        metadata,
        json!({ "spec": {
            "type": "NodePort",
            "selector": cluster.selector(),
            "ports": [port(listener, fixed)],
        } }),
    )
}

fn node_port_broker(cluster: &Cluster, listener: &Listener, id: i32) -> Object {
    let name = names::listener_broker(&cluster.name, listener.name.as_str(), id);
    let mut metadata = cluster.metadata(&name, &cluster.broker_labels(id));
    decorate(&mut metadata, listener.service.as_ref());
    let first = listener.node_port.as_ref().and_then(|ports| ports.first_port);
    let fixed = first.and_then(|first| first.checked_add(u16::try_from(id).ok()?));
    Object::new(
        Kind::Service,
        metadata,
        json!({ "spec": {
            "type": "NodePort",
            "publishNotReadyAddresses": true,
            "selector": cluster.broker_selector(id),
            "ports": [port(listener, fixed)],
        } }),
    )
}

fn port(listener: &Listener, node_port: Option<u16>) -> Value {
    let mut port = json!({
        "name": port_name(listener),
        "port": listener.port,
        "targetPort": listener.port,
        "protocol": "TCP",
    });
    if let (Some(node_port), Some(fields)) = (node_port, port.as_object_mut()) {
        fields.insert("nodePort".to_owned(), json!(node_port));
    }
    port
}

/// Adds what the author wants on the listener's Services; ours cannot be overridden.
fn decorate(metadata: &mut Value, template: Option<&ServiceTemplate>) {
    let (Some(template), Some(fields)) = (template, metadata.as_object_mut()) else { return };
    for (key, more) in [("labels", &template.labels), ("annotations", &template.annotations)] {
        if more.is_empty() {
            continue;
        }
        let map = fields.entry(key).or_insert_with(|| json!({}));
        let Some(map) = map.as_object_mut() else { continue };
        for (name, value) in more {
            map.entry(name.clone()).or_insert_with(|| json!(value));
        }
    }
}
