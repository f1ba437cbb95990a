//! `KafkaTopic`: one topic of a cluster.
#![expect(clippy::duplicated_attributes, reason = "two printer columns may be of one type")]

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::head::{ClusterRef, DeletionPolicy, Observed};
use crate::name::TopicName;
use crate::rule;

pub(crate) mod rules;

/// What the topic should be.
#[derive(CustomResource, JsonSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "kastellan.dev",
    version = "v1alpha1",
    kind = "KafkaTopic",
    namespaced,
    status = "KafkaTopicStatus",
    derive = "PartialEq",
    shortname = "kkt",
    doc = "One topic of a Kafka cluster.",
    selectable = ".spec.clusterRef.name",
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.clusterRef.name"),
    printcolumn(name = "Partitions", type_ = "integer", json_path = ".status.partitions"),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".status.replicas"),
    printcolumn(name = "Topic", type_ = "string", json_path = ".status.topicName", priority = 1)
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::spec()))]
pub struct KafkaTopicSpec {
    /// The cluster, in the same namespace, that has the topic.
    #[schemars(extend("x-kubernetes-validations" = [rule::cluster_stays("topic")]))]
    pub cluster_ref: ClusterRef,
    /// The topic's name in Kafka, for names that Kubernetes does not allow, as in `Rider_Updates`.
    /// Left out: the object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_name: Option<TopicName>,
    /// How many partitions. More may be added, none can be removed. Left out: the cluster's
    /// `num.partitions` when the topic is created, and what it has from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub partitions: Option<i32>,
    /// How many brokers have a copy of each partition; at most as many as the cluster has. Left
    /// out: the cluster's `default.replication.factor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: Option<i16>,
    /// Topic settings under Kafka's names, as in `retention.ms: 86400000`. A value is a text or a
    /// whole number; put true, false and decimals in quotes.
    #[serde(default, skip_serializing_if = "Config::is_empty")]
    #[schemars(extend("maxProperties" = 64, "x-kubernetes-validations" = [rule::setting_names()]))]
    pub config: Config,
    /// What becomes of the topic and its records when this object is deleted or, under
    /// `kastellan up`, taken out of the files.
    #[serde(default = "delete")]
    pub deletion_policy: DeletionPolicy,
}

fn delete() -> DeletionPolicy {
    DeletionPolicy::Delete
}

/// What the operator last saw of the topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaTopicStatus {
    /// The head of the status.
    #[serde(flatten)]
    pub observed: Observed,
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
    /// The move to another number of replicas that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas_change: Option<ReplicasChange>,
}

/// A change of the number of replicas, which copies data and so takes its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicasChange {
    /// How many copies each partition will have.
    pub to: i32,
    /// How many partitions have them already.
    pub done: i32,
    /// How many partitions there are.
    pub total: i32,
}
