//! `KafkaUser`: who may connect to a cluster, and what they may do there.
//!
//! The type is complete so that manifests can be written; carrying it out comes with security, and
//! until then it is reported as not yet supported.
#![expect(unreachable_pub, reason = "KubeSchema puts a copy of the struct into a function")]
#![expect(clippy::duplicated_attributes, reason = "two printer columns may be of one type")]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::Authentication;
use crate::condition::Condition;
use crate::quantity::Quantity;
use crate::topic::ClusterRef;

/// Who may connect to a cluster, and what they may do there.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "kastellan.dev",
    version = "v1alpha1",
    kind = "KafkaUser",
    namespaced,
    status = "KafkaUserStatus",
    derive = "PartialEq",
    shortname = "ku",
    category = "kafka",
    doc = "Who may connect to a cluster, and what they may do there. Not yet carried out.",
    selectable = ".spec.clusterRef.name",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.clusterRef.name"),
    printcolumn(
        name = "Authentication",
        type_ = "string",
        json_path = ".spec.authentication.type"
    ),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaUserSpec {
    /// The cluster, in the same namespace, that knows the user.
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("a user cannot move to another cluster: delete it and create it there"))]
    pub cluster_ref: ClusterRef,
    /// How the user says who they are; left out: the user gets no credentials, only permissions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// What the user may do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub acls: Vec<Acl>,
    /// How much the user may do, per broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
}

/// One rule: these operations on this resource are allowed or denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Acl {
    /// What the rule is about.
    pub resource: AclResource,
    /// The operations, under Kafka's names.
    #[schemars(length(min = 1, max = 16))]
    pub operations: Vec<Operation>,
    /// Whether the rule allows or denies.
    #[serde(default)]
    pub permission: Permission,
    /// The address that the rule is for; `*` is every one.
    #[serde(default = "everywhere")]
    pub host: String,
}

fn everywhere() -> String {
    "*".to_owned()
}

/// The resource or resources of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AclResource {
    /// What kind of resource.
    #[serde(rename = "type")]
    pub kind: ResourceType,
    /// Its name, or what the names begin with; left out only for the cluster itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How the name is meant.
    #[serde(default)]
    pub pattern_type: PatternType,
}

/// The kinds of resources that rules are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ResourceType {
    /// A topic.
    Topic,
    /// A consumer group.
    Group,
    /// The cluster itself.
    Cluster,
    /// A transactional id.
    TransactionalId,
}

/// How a resource's name is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PatternType {
    /// Exactly this name.
    #[default]
    Literal,
    /// Every name that begins with it.
    Prefixed,
}

/// Whether a rule allows or denies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Permission {
    /// Allows.
    #[default]
    Allow,
    /// Denies, whatever else allows.
    Deny,
}

/// The operations of Kafka's authorizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Operation {
    /// Every operation.
    All,
    /// Read records or offsets.
    Read,
    /// Write records.
    Write,
    /// Create topics.
    Create,
    /// Delete topics, groups or records.
    Delete,
    /// Change partitions and the like.
    Alter,
    /// See that it is there.
    Describe,
    /// What brokers do among themselves.
    ClusterAction,
    /// Read settings.
    DescribeConfigs,
    /// Change settings.
    AlterConfigs,
    /// Write with a producer id.
    IdempotentWrite,
}

/// Limits, each per broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quotas {
    /// Bytes written per second, as in `10Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer_byte_rate: Option<Quantity>,
    /// Bytes read per second, as in `20Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer_byte_rate: Option<Quantity>,
}

/// What the operator last saw of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaUserStatus {
    /// The generation of the spec that this status was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What is true of the user: Ready, Reconciling, Stalled.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
