//! Secrets: certificates and keys, mounted whole and never as a single file, so that a pod sees new
//! ones.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::Cluster;
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, Object};
use crate::pki::Subject;

/// Who the certificate of a broker is for.
pub fn broker_subject(cluster: &Cluster, id: i32) -> Subject {
    let names = vec![
        names::host(&names::broker(&cluster.name, id), &cluster.namespace),
        names::peer(&cluster.name, id, &cluster.namespace),
    ];
    Subject::node(id, &cluster.identity.cluster_id, names)
}

/// Who the certificate is for that a broker shows to clients: the names under which they reach it
/// or any broker, and the addresses of its `nodes`.
pub fn listener_subject(cluster: &Cluster, id: i32, nodes: &[String]) -> Subject {
    let authority = cluster.authority();
    let services = [names::bootstrap(&cluster.name), names::broker(&cluster.name, id)];
    let mut names = Vec::new();
    for service in services {
        let whole = names::host(&service, &cluster.namespace);
        names.extend([
            service.clone(),
            format!("{service}.{}", cluster.namespace),
            format!("{whole}.cluster.local"),
            whole,
        ]);
    }
    if cluster.node_ports().any(|listener| listener.tls.is_some()) {
        names.extend(nodes.iter().cloned());
    }
    Subject { days: i64::from(authority.validity_days), ..Subject::node(id, &cluster.name, names) }
}

/// Who the operator's certificate is for.
pub fn operator_subject(cluster: &Cluster) -> Subject {
    Subject::operator(&cluster.identity.cluster_id)
}

/// The Secret of the authority, without its content: `ca.crt` and `ca.key`.
pub fn authority_frame(cluster: &Cluster) -> Value {
    let name = names::authority(&cluster.name);
    frame(&cluster.metadata(&name, &cluster.labels()), "Opaque")
}

/// The Secret of the clients' authority, the same.
pub fn clients_authority_frame(cluster: &Cluster) -> Value {
    let name = names::clients_authority(&cluster.name);
    frame(&cluster.metadata(&name, &cluster.labels()), "Opaque")
}

/// A Secret of nothing but authorities' certificates, for everybody who has to trust them.
pub fn certificate(cluster: &Cluster, name: &str, trusted: &str) -> Object {
    let metadata = cluster.metadata(name, &cluster.labels());
    let data = json!({ "ca.crt": STANDARD.encode(trusted) });
    Object::new(Kind::Secret, metadata, json!({ "data": data, "type": "Opaque" }))
}

/// The Secret of what a broker shows to clients, without its content.
pub fn listener_frame(cluster: &Cluster, id: i32) -> Value {
    let name = names::listener_certificate(&cluster.name, id);
    frame(&cluster.metadata(&name, &cluster.broker_labels(id)), "kubernetes.io/tls")
}

/// The Secret of a broker's certificate, without its content: `ca.crt`, `tls.crt`, `tls.key`.
pub fn broker_frame(cluster: &Cluster, id: i32) -> Value {
    let name = names::broker_certificate(&cluster.name, id);
    frame(&cluster.metadata(&name, &cluster.broker_labels(id)), "kubernetes.io/tls")
}

/// The Secret of the operator's certificate, the same.
pub fn operator_frame(cluster: &Cluster) -> Value {
    let name = names::operator_certificate(&cluster.name);
    frame(&cluster.metadata(&name, &cluster.labels()), "kubernetes.io/tls")
}

fn frame(metadata: &Value, kind: &str) -> Value {
    json!({ "metadata": metadata, "type": kind })
}

/// The hash under which a subject stands on its certificate.
pub fn subject_hash(subject: &Subject) -> String {
    let Subject { common_name, organization, names, days } = subject;
    names::hash(&format!("{common_name}/{organization}/{}/{days}", names.join(",")), 16)
}

/// A Secret of its frame alone: its content is somebody else's.
pub fn bare(frame: &Value) -> Object {
    let metadata = frame.get("metadata").cloned().unwrap_or_default();
    Object::new(Kind::Secret, metadata, json!({ "type": frame.get("type") }))
}

/// A Secret of its frame, its content and its annotations.
pub fn filled(
    frame: &Value,
    files: &BTreeMap<String, String>,
    marks: impl IntoIterator<Item = (&'static str, String)>,
) -> Object {
    let data: Map<String, Value> =
        files.iter().map(|(name, text)| (name.clone(), json!(STANDARD.encode(text)))).collect();
    let mut metadata = frame.get("metadata").cloned().unwrap_or_default();
    if let Some(fields) = metadata.as_object_mut() {
        let marks = marks.into_iter().map(|(mark, value)| (mark.to_owned(), json!(value)));
        fields.insert("annotations".to_owned(), marks.collect::<Map<_, _>>().into());
    }
    Object::new(Kind::Secret, metadata, json!({ "data": data, "type": frame.get("type") }))
}
