//! Secrets: certificates and keys, mounted whole and never as a single file, so that a pod sees new
//! ones.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Cluster;
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, Object};
use crate::pki::{Pair, Subject};

/// Who the certificate of a broker is for.
pub fn broker_subject(cluster: &Cluster, id: i32) -> Subject {
    let names = vec![
        names::host(&names::broker(&cluster.name, id), &cluster.namespace),
        names::peer(&cluster.name, id, &cluster.namespace),
    ];
    Subject::node(id, &cluster.identity.cluster_id, names)
}

/// Who the operator's certificate is for.
pub fn operator_subject(cluster: &Cluster) -> Subject {
    Subject {
        common_name: "operator".to_owned(),
        organization: cluster.identity.cluster_id.clone(),
        names: Vec::new(),
    }
}

/// The Secret of the authority, without its content: `ca.crt` and `ca.key`.
pub fn authority_frame(cluster: &Cluster) -> Value {
    let name = names::authority(&cluster.name);
    frame(&cluster.metadata(&name, &cluster.labels()), "Opaque")
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

/// A Secret of its frame and its content, signed by the authority of this hash.
pub fn filled(frame: &Value, files: &[(&str, &str)], pair: &Pair, authority: &str) -> Object {
    let data: serde_json::Map<String, Value> = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), json!(STANDARD.encode(text))))
        .collect();
    let mut metadata = frame.get("metadata").cloned().unwrap_or_default();
    if let Some(fields) = metadata.as_object_mut() {
        let annotations = json!({
            names::NOT_AFTER: pair.not_after.to_string(),
            names::AUTHORITY: authority,
        });
        fields.insert("annotations".to_owned(), annotations);
    }
    Object::new(Kind::Secret, metadata, json!({ "data": data, "type": frame.get("type") }))
}
