//! The parts of a cluster's status.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pool::Role;

/// Where clients of one listener connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    /// The listener's name.
    pub name: String,
    /// What to give a client as `bootstrap.servers`.
    pub bootstrap: String,
    /// The certificates, in PEM, that a client has to trust.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<String>,
}

/// One broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrokerStatus {
    /// Its node id.
    pub id: i32,
    /// Its pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Its rack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<String>,
    /// The version it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether it serves clients.
    pub ready: bool,
    /// What it does or waits for, where that is not just serving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// One pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolStatus {
    /// Its name.
    pub name: String,
    /// What its brokers do; a role stays here until nothing needs it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// How many brokers there should be.
    pub replicas: i32,
    /// How many of them serve.
    pub ready_replicas: i32,
    /// Their node ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub node_ids: Vec<i32>,
}

/// A rolling restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutStatus {
    /// Why, in one word.
    pub reason: String,
    /// How far it is and what it waits for, in a sentence.
    pub message: String,
    /// How many brokers have to be restarted in all.
    pub total: i32,
    /// The node ids of those that are done, so that nothing is restarted twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<i32>,
    /// The node ids of those that are being restarted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub current: Vec<i32>,
}

/// A plan that moves partitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RebalanceStatus {
    /// The plan's hash; the annotation that approves it has to carry this.
    pub hash: String,
    /// Whether the plan is being carried out.
    pub running: bool,
    /// How many replicas move.
    pub replica_moves: i32,
    /// How many leaders move.
    pub leader_moves: i32,
    /// How many bytes are copied.
    pub bytes: i64,
    /// How many bytes of them have been copied.
    pub bytes_done: i64,
    /// How many bytes of them are left.
    #[serde(default)]
    pub bytes_left: i64,
    /// How long that takes by all that is known, in seconds; left out while nothing is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<i64>,
    /// How many bytes a second each broker may give, and take, for it at the moment; left out: as
    /// many as it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<i64>,
    /// How far it is, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What each broker holds before and after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"]))]
    pub brokers: Vec<RebalancedBroker>,
}

/// What a plan does to a broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RebalancedBroker {
    /// Its node id.
    pub id: i32,
    /// How many replicas it holds.
    pub replicas: i64,
    /// How many it will hold.
    pub replicas_after: i64,
    /// How many partitions it is the preferred leader of.
    pub leaders: i64,
    /// How many it will be that of.
    pub leaders_after: i64,
    /// How many bytes its replicas take.
    pub bytes: i64,
    /// How many they will take.
    pub bytes_after: i64,
}
