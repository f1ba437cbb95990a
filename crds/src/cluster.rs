//! `KafkaCluster`: brokers, where they listen, what they keep.
#![expect(unreachable_pub, reason = "KubeSchema puts a copy of the struct into a function")]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::config::Config;
use crate::name::ListenerName;
use crate::quantity::Quantity;

/// A Kafka cluster. `spec: {}` is legal: every field has a default.
#[derive(
    CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[kube(
    group = "kastellan.dev",
    version = "v1alpha1",
    kind = "KafkaCluster",
    namespaced,
    status = "KafkaClusterStatus",
    derive = "PartialEq",
    shortname = "kc",
    category = "kafka",
    doc = "A Kafka cluster: its brokers, where they listen, what they keep.",
    validation = Rule::new("size(self.metadata.name) <= 40")
        .message("a cluster's name has 40 characters at most"),
    scale(spec_replicas_path = ".spec.replicas", status_replicas_path = ".status.replicas"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Brokers", type_ = "integer", json_path = ".status.readyReplicas"),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".status.replicas"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version"),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaClusterSpec {
    /// The version of Kastellan that the brokers run, as in "0.1". Pinned at creation when left
    /// out, and changed by nobody but you.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How many brokers. Left out: 3. This version runs one broker per cluster: `kastellan up`
    /// takes 1, which is also what it makes of a missing value, and refuses more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: Option<i32>,
    /// The volume of each broker. `kastellan up` keeps its data below --data-dir instead and takes
    /// nothing from here.
    #[serde(default)]
    pub storage: Storage,
    /// Where clients connect. Left out: one internal listener, `plain` on port 9092.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub listeners: Vec<Listener>,
    /// Broker settings under Kafka's names, as in `log.retention.hours: 72`.
    #[serde(default, skip_serializing_if = "Config::is_empty")]
    pub config: Config,
}

/// A broker's volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Storage {
    /// How large, as in `10Gi`.
    pub size: Quantity,
    /// The Kubernetes storage class; left out: the default one.
    #[expect(clippy::struct_field_names, reason = "Kubernetes' name of this field")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class_name: Option<String>,
    /// What becomes of the volume when the cluster is deleted.
    #[schemars(schema_with = "retain_or_delete")]
    pub deletion_policy: DeletionPolicy,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            size: "10Gi".parse().expect("10Gi is an amount"),
            storage_class_name: None,
            deletion_policy: DeletionPolicy::Retain,
        }
    }
}

/// What becomes of data when the object that asked for it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The data stays.
    Retain,
    /// The data is deleted with the object.
    Delete,
}

fn retain_or_delete(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "enum": ["Retain", "Delete"] })
}

/// One address that every broker listens on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listener {
    /// The listener's name, unique in the cluster.
    pub name: ListenerName,
    /// The port, unique in the cluster. Under `kastellan up`, broker number i listens on this
    /// port + 10 * i of the loopback address.
    // Kubernetes knows no format uint16 and warns about it
    #[schemars(range(min = 1, max = 65535), extend("format" = "int32"))]
    pub port: u16,
    /// Who can reach it. Under `kastellan up` every type is a port of the loopback address.
    #[serde(rename = "type", default)]
    pub kind: ListenerType,
    /// Encrypts the connections. Not yet supported: refused rather than ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Makes clients say who they are. Not yet supported: refused rather than ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
}

/// Who can reach a listener.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ListenerType {
    /// Clients inside the Kubernetes cluster.
    #[default]
    Internal,
    /// Clients outside, through a port of every node.
    NodePort,
    /// Clients outside, through one load balancer per broker.
    LoadBalancer,
}

/// Encryption of a listener; `{}` is a certificate from the cluster's own authority.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {}

/// How clients of a listener say who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authentication {
    /// The mechanism.
    #[serde(rename = "type")]
    pub kind: AuthenticationType,
}

/// The mechanisms by which a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthenticationType {
    /// A password, never sent (RFC 7677).
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// A password, never sent; SCRAM with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// A client certificate.
    #[serde(rename = "TLS")]
    Tls,
}

/// What the operator last saw of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaClusterStatus {
    /// The generation of the spec that this status was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What is true of the cluster: Ready, Reconciling, Stalled.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The cluster id that clients see; it lives on the brokers' volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// The version that every broker runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How many brokers there should be.
    #[serde(default)]
    pub replicas: i32,
    /// How many brokers serve clients.
    #[serde(default)]
    pub ready_replicas: i32,
    /// Where clients connect, per listener.
    #[serde(default)]
    pub listeners: Vec<ListenerStatus>,
}

/// Where clients of one listener connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListenerStatus {
    /// The listener's name.
    pub name: String,
    /// What to give a client as `bootstrap.servers`.
    pub bootstrap: String,
}
