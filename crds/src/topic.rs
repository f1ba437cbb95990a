//! `KafkaTopic`: one topic of a cluster.
#![expect(unreachable_pub, reason = "KubeSchema puts a copy of the struct into a function")]
#![expect(clippy::duplicated_attributes, reason = "two printer columns may be of one type")]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::DeletionPolicy;
use crate::condition::Condition;
use crate::config::Config;
use crate::name::{ClusterName, TopicName};

/// One topic of a cluster.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "kastellan.dev",
    version = "v1alpha1",
    kind = "KafkaTopic",
    namespaced,
    status = "KafkaTopicStatus",
    derive = "PartialEq",
    shortname = "kt",
    category = "kafka",
    doc = "One topic of a cluster.",
    selectable = ".spec.clusterRef.name",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.clusterRef.name"),
    printcolumn(name = "Partitions", type_ = "integer", json_path = ".status.partitions"),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".status.replicas"),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaTopicSpec {
    /// The cluster, in the same namespace, that has the topic.
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("a topic cannot move to another cluster: delete it and create it there"))]
    pub cluster_ref: ClusterRef,
    /// The topic's name in Kafka, for names that Kubernetes does not allow, as in `Rider_Updates`.
    /// Left out: the object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("a topic cannot be renamed: delete it and create it anew"))]
    pub topic_name: Option<TopicName>,
    /// How many partitions. More may be added, none can be removed. Left out: the cluster's
    /// `num.partitions` when the topic is created, and what it has from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub partitions: Option<i32>,
    /// How many brokers have a copy of each partition; at most as many as the cluster has. Left
    /// out: the cluster's `default.replication.factor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000), extend("format" = "int32"))]
    pub replicas: Option<i16>,
    /// Topic settings under Kafka's names, as in `retention.ms: 86400000`.
    #[serde(default, skip_serializing_if = "Config::is_empty")]
    pub config: Config,
    /// What becomes of the topic and its records when this object is deleted or, under
    /// `kastellan up`, taken out of the files.
    #[serde(default = "delete")]
    #[schemars(schema_with = "delete_or_retain")]
    pub deletion_policy: DeletionPolicy,
}

fn delete() -> DeletionPolicy {
    DeletionPolicy::Delete
}

fn delete_or_retain(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "enum": ["Delete", "Retain"] })
}

/// A cluster in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterRef {
    /// The `KafkaCluster`'s name.
    pub name: ClusterName,
}

/// What the operator last saw of a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaTopicStatus {
    /// The generation of the spec that this status was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What is true of the topic: Ready, Reconciling, Stalled.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The topic's name in Kafka.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_name: Option<String>,
    /// The topic's id, which tells a topic from a later one of the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<String>,
    /// How many partitions the topic has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<i32>,
    /// How many copies each partition has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
}
