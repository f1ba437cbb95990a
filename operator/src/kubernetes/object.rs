//! Objects as the operator handles them: which kinds there are, and what is applied.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::{ApiResource, DynamicObject};
use serde_json::{Value, json};

use super::names::{APPLIED, hash};

/// A kind of object that the operator makes or reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Of brokers' settings, and the recorded bootstrap.
    ConfigMap,
    /// Of certificates.
    Secret,
    /// Of cert-manager, where there is one.
    Certificate,
    /// Of listeners, and the headless one.
    Service,
    /// Of a broker's volumes.
    PersistentVolumeClaim,
    /// How many brokers may be gone for a drain.
    PodDisruptionBudget,
    /// Who may connect.
    NetworkPolicy,
    /// One for each broker.
    StatefulSet,
    /// Made by the StatefulSets.
    Pod,
}

impl Kind {
    /// All that every API server knows, in the order in which they are applied: what a pod needs
    /// comes before it.
    pub const ALL: [Self; 8] = [
        Self::ConfigMap,
        Self::Secret,
        Self::Service,
        Self::PersistentVolumeClaim,
        Self::PodDisruptionBudget,
        Self::NetworkPolicy,
        Self::StatefulSet,
        Self::Pod,
    ];

    /// Kubernetes' name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
            Self::Certificate => "Certificate",
            Self::Service => "Service",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::StatefulSet => "StatefulSet",
            Self::Pod => "Pod",
        }
    }

    /// What kube's client needs to know of the kind.
    pub fn resource(self) -> ApiResource {
        let (group, plural) = match self {
            Self::ConfigMap => ("", "configmaps"),
            Self::Secret => ("", "secrets"),
            Self::Certificate => ("cert-manager.io", "certificates"),
            Self::Service => ("", "services"),
            Self::PersistentVolumeClaim => ("", "persistentvolumeclaims"),
            Self::Pod => ("", "pods"),
            Self::PodDisruptionBudget => ("policy", "poddisruptionbudgets"),
            Self::NetworkPolicy => ("networking.k8s.io", "networkpolicies"),
            Self::StatefulSet => ("apps", "statefulsets"),
        };
        let api_version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
        ApiResource {
            group: group.to_owned(),
            version: "v1".to_owned(),
            api_version,
            kind: self.name().to_owned(),
            plural: plural.to_owned(),
        }
    }
}

/// An object as it should be: all of the fields that the operator cares about, and no others.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The whole object.
    pub body: Value,
}

impl Object {
    /// The object with `metadata` and the fields of `rest`, which is a map.
    pub fn new(kind: Kind, metadata: Value, rest: Value) -> Self {
        let name = metadata.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut body = rest;
        if let Some(fields) = body.as_object_mut() {
            fields.insert("apiVersion".to_owned(), json!(kind.resource().api_version));
            fields.insert("kind".to_owned(), json!(kind.name()));
            fields.insert("metadata".to_owned(), metadata);
        }
        let applied = hash(&body.to_string(), 16);
        if let Some(annotations) = body
            .pointer_mut("/metadata")
            .and_then(Value::as_object_mut)
            .map(|metadata| metadata.entry("annotations").or_insert_with(|| json!({})))
            .and_then(Value::as_object_mut)
        {
            annotations.insert(APPLIED.to_owned(), json!(applied));
        }
        Self { kind, name, body }
    }
}

/// A text below `path` of an object that was read, as in `/spec/clusterIP`.
pub fn text<'a>(object: &'a DynamicObject, path: &str) -> Option<&'a str> {
    object.data.pointer(path).and_then(Value::as_str)
}

/// A field of a condition of an object that was read, as in the `message` of `Ready`.
pub fn condition<'a>(object: &'a DynamicObject, kind: &str, field: &str) -> Option<&'a str> {
    let mut all = object.data.pointer("/status/conditions")?.as_array()?.iter();
    all.find(|one| one.get("type").is_some_and(|it| it == kind))?.get(field)?.as_str()
}

/// Whether an object that was read says of itself that it is ready.
pub fn is_ready(object: &DynamicObject) -> bool {
    condition(object, "Ready", "status") == Some("True")
}

/// A text file of a Secret that was read.
pub fn file(secret: &DynamicObject, name: &str) -> Option<String> {
    let bytes = STANDARD.decode(text(secret, &format!("/data/{name}"))?).ok()?;
    String::from_utf8(bytes).ok()
}

/// A label of an object that was read.
pub fn label<'a>(object: &'a DynamicObject, key: &str) -> Option<&'a str> {
    object.metadata.labels.as_ref()?.get(key).map(String::as_str)
}
