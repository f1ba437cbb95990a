//! A broker's pod: restricted, without a token, with its volumes, its settings and its arguments.

use kastellan_crds::cluster::{AddressType, Listener};
use serde_json::{Map, Value, json};

use super::config_map::{DIRECTORY_FILE, config_map_name};
use super::{Cluster, claim, port_name};
use crate::fleet::{guard, quorum};
use crate::kubernetes::names;

/// Whom a broker's process is: nobody on the node.
const USER: i64 = 65532;
/// How long a broker may take to hand over and to stop, when its author does not say.
const GRACE_SECONDS: i64 = 120;
const DATA: &str = "/var/lib/kastellan";
pub(super) const CONFIG: &str = "/etc/kastellan/config";
pub(super) const CERTIFICATES: &str = "/etc/kastellan/certs";
pub(super) const LISTENERS: &str = "/etc/kastellan/listeners";
const DIRECTORY: &str = "/etc/kastellan/directory";

/// The pod's spec.
pub(super) fn spec(cluster: &Cluster, id: i32, node_ports: &[(String, u16)]) -> Value {
    let template = cluster.spec.template.clone().unwrap_or_default();
    let mut secrets = cluster.pull_secrets.clone();
    secrets.extend(template.image_pull_secrets.iter().cloned());
    secrets.dedup();
    let secrets: Vec<Value> = secrets.iter().map(|name| json!({ "name": name })).collect();
    let grace = template.termination_grace_period_seconds.unwrap_or(GRACE_SECONDS);
    let mut spec = json!({
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": grace,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "containers": [container(cluster, id, node_ports)],
        "volumes": volumes(cluster, id),
        "topologySpreadConstraints": spread(cluster),
    });
    let more = [
        ("nodeSelector", json!(template.node_selector)),
        ("tolerations", json!(template.tolerations)),
        ("affinity", json!(template.affinity)),
        ("priorityClassName", json!(template.priority_class_name)),
        ("runtimeClassName", json!(template.runtime_class_name)),
        ("schedulerName", json!(template.scheduler_name)),
        ("imagePullSecrets", json!(secrets)),
    ];
    add(&mut spec, more);
    spec
}

/// Adds the fields that have a value.
fn add<const N: usize>(to: &mut Value, more: [(&str, Value); N]) {
    let Some(fields) = to.as_object_mut() else { return };
    let said = |value: &Value| match value {
        Value::Null => false,
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    let more = more.into_iter().filter(|(_, value)| said(value));
    fields.extend(more.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>());
}

fn container(cluster: &Cluster, id: i32, node_ports: &[(String, u16)]) -> Value {
    let spec = &cluster.spec;
    let mut ports: Vec<Value> = cluster
        .listeners
        .iter()
        .map(|listener| json!({ "name": port_name(listener), "containerPort": listener.port }))
        .collect();
    if cluster.is_guarded() {
        ports.push(json!({ "name": "kafka-operator", "containerPort": names::OPERATOR_PORT }));
    }
    ports.push(json!({ "name": "http-probes", "containerPort": names::PROBES_PORT }));
    let mut mounts: Vec<Value> = claim::volumes(cluster)
        .iter()
        .map(|volume| json!({ "name": volume.name, "mountPath": mount(&volume.name) }))
        .collect();
    mounts.push(json!({ "name": "config", "mountPath": CONFIG, "readOnly": true }));
    mounts.push(json!({ "name": "certs", "mountPath": CERTIFICATES, "readOnly": true }));
    if cluster.shows_certificates() {
        mounts.push(json!({ "name": "listeners", "mountPath": LISTENERS, "readOnly": true }));
    }
    if cluster.identity.voters().contains(&id) {
        mounts.push(json!({ "name": "directory", "mountPath": DIRECTORY, "readOnly": true }));
    }
    let probe = |path: &str| json!({ "path": path, "port": "http-probes" });
    let mut container = json!({
        "name": "broker",
        "image": spec.image.as_ref().unwrap_or(&cluster.identity.image),
        "args": arguments(cluster, id, node_ports),
        "ports": ports,
        "volumeMounts": mounts,
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        // a recovery of many logs takes its time, and is never a reason to begin it again
        "startupProbe": {
            "httpGet": probe("/startupz"),
            "periodSeconds": 1,
            "timeoutSeconds": 5,
            "failureThreshold": 86_400,
        },
        "livenessProbe": {
            "httpGet": probe("/livez"),
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "readinessProbe": {
            "httpGet": probe("/readyz"),
            "periodSeconds": 1,
            "timeoutSeconds": 5,
            "failureThreshold": 2,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
    });
    let env = if node_ports.is_empty() {
        Value::Null
    } else {
        let field = |name: &str, path: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": path } } });
        json!([field("HOST_IP", "status.hostIP"), field("HOST_NAME", "spec.nodeName")])
    };
    let policy = spec.template.as_ref().and_then(|template| template.image_pull_policy);
    let resources = spec.resources.clone().unwrap_or_default();
    let more = [("env", env), ("imagePullPolicy", json!(policy)), ("resources", json!(resources))];
    add(&mut container, more);
    container
}

fn mount(volume: &str) -> String {
    format!("{DATA}/{volume}")
}

fn arguments(cluster: &Cluster, id: i32, node_ports: &[(String, u16)]) -> Vec<String> {
    let mut arguments = vec![
        "broker".to_owned(),
        format!("--node-id={id}"),
        format!("--cluster-id={}", cluster.identity.cluster_id),
        format!("--config={CONFIG}/{}", super::config_map::FILE),
        format!("--certificates={CERTIFICATES}"),
        format!("--management-listener=0.0.0.0:{}", names::MANAGEMENT_PORT),
        format!("--probe-listener=0.0.0.0:{}", names::PROBES_PORT),
    ];
    for volume in claim::volumes(cluster) {
        // not the volume's root: some file systems have a directory of their own there
        arguments.push(format!("--data-dir={}/log", mount(&volume.name)));
    }
    for listener in &cluster.listeners {
        let advertised = advertised(cluster, id, listener, node_ports);
        let (name, port) = (&listener.name, listener.port);
        arguments.push(format!("--listener={name}=0.0.0.0:{port},advertised={advertised}"));
    }
    if cluster.is_guarded() {
        // for one who can look up pods
        let host = names::peer(&cluster.name, id, &cluster.namespace);
        let (name, port) = (guard::OPERATOR, names::OPERATOR_PORT);
        arguments.push(format!("--listener={name}=0.0.0.0:{port},advertised={host}:{port}"));
    }
    arguments.extend(guard::allowed_urls(cluster.doors()));
    arguments.extend(among_others(cluster, id));
    arguments
}

/// What a broker is told of the others, where there are some.
fn among_others(cluster: &Cluster, id: i32) -> Vec<String> {
    let voters = cluster.voters();
    if voters.is_empty() {
        return Vec::new();
    }
    let (host, port) = (names::peer(&cluster.name, id, &cluster.namespace), names::PEERS_PORT);
    let mut arguments = vec![format!("--peer-listener=0.0.0.0:{port},advertised={host}:{port}")];
    if voters.iter().any(|voter| voter.id == id) {
        arguments.push(format!("--directory-id-file={DIRECTORY}/{DIRECTORY_FILE}"));
    }
    let settings = quorum::settings(id, &voters);
    arguments.extend(settings.map(|(name, value)| format!("--set={name}={value}")));
    arguments
}

/// What the broker tells clients of its address.
fn advertised(
    cluster: &Cluster,
    id: i32,
    listener: &Listener,
    node_ports: &[(String, u16)],
) -> String {
    let outside = node_ports.iter().find(|(name, _)| name == listener.name.as_str());
    if let Some((_, port)) = outside {
        // whichever node the pod is on: its kubelet fills this in at every start
        let kind = listener.node_port.as_ref().map(|ports| ports.address_type);
        let host = if kind == Some(AddressType::Hostname) { "HOST_NAME" } else { "HOST_IP" };
        return format!("$({host}):{port}");
    }
    let service = names::broker(&cluster.name, id);
    format!("{}:{}", names::host(&service, &cluster.namespace), listener.port)
}

fn volumes(cluster: &Cluster, id: i32) -> Vec<Value> {
    let persistent = claim::persistent(cluster);
    let mut volumes: Vec<Value> = claim::volumes(cluster)
        .iter()
        .map(|volume| {
            let claim = names::claim(&volume.name, &cluster.name, id);
            if persistent {
                json!({ "name": volume.name, "persistentVolumeClaim": { "claimName": claim } })
            } else {
                json!({ "name": volume.name, "emptyDir": { "sizeLimit": volume.size } })
            }
        })
        .collect();
    volumes.push(json!({
        "name": "certs",
        "secret": {
            "secretName": names::broker_certificate(&cluster.name, id),
            // for the group of the broker's process
            "defaultMode": 0o440,
        },
    }));
    if cluster.shows_certificates() {
        let sources = cluster.listener_files(id);
        volumes.push(json!({
            "name": "listeners",
            "projected": { "defaultMode": 0o440, "sources": sources },
        }));
    }
    volumes.push(json!({
        "name": "config",
        "configMap": { "name": config_map_name(cluster, id) },
    }));
    if cluster.identity.voters().contains(&id) {
        let name = names::directory(&cluster.name, id);
        volumes.push(json!({
            "name": "directory",
            "configMap": { "name": name, "optional": true },
        }));
    }
    volumes
}

/// Over nodes where possible, unless the author has other wishes.
fn spread(cluster: &Cluster) -> Value {
    let asked =
        cluster.spec.template.as_ref().map(|template| &template.topology_spread_constraints);
    let own = json!({ "matchLabels": cluster.selector() });
    match asked.filter(|asked| !asked.is_empty()) {
        Some(asked) => asked
            .iter()
            .map(|one| {
                let mut constraint = json!(one);
                if let Some(fields) = constraint.as_object_mut() {
                    fields.entry("labelSelector").or_insert_with(|| own.clone());
                }
                constraint
            })
            .collect(),
        None => json!([{
            "topologyKey": "kubernetes.io/hostname",
            "maxSkew": 1,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": own,
        }]),
    }
}
