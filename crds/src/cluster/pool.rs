//! Groups of brokers, and what a broker gets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::storage::Storage;
use super::template::PodTemplate;
use super::{Rack, rules};
use crate::name::PoolName;
use crate::quantity::Amount;

/// Brokers that are alike. What a pool leaves out is as the cluster has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pool {
    /// Its name, unique in the cluster.
    pub name: PoolName,
    /// How many brokers; 0 empties the pool.
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: i32,
    /// What its brokers do.
    #[serde(default = "both")]
    #[schemars(length(min = 1, max = 2), extend("x-kubernetes-list-type" = "set"))]
    pub roles: Vec<Role>,
    /// Its brokers' volumes, in place of the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// Its brokers' CPU and memory, in place of the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Where its brokers are, in place of the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<PoolRack>,
    /// What to add to its brokers' pods, in place of the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<PodTemplate>,
}

fn both() -> Vec<Role> {
    vec![Role::Broker, Role::Controller]
}

/// What a broker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Role {
    /// Keeps partitions and serves clients.
    Broker,
    /// Can vote on, and keep, the cluster's metadata.
    Controller,
}

/// The rack of a pool's brokers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::pool_rack()))]
pub struct PoolRack {
    /// The node label whose value is the rack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 317),
        extend("x-kubernetes-validations" = [Rack::label_key()])
    )]
    pub topology_key: Option<String>,
    /// The rack itself, where every broker of the pool is in the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 249))]
    pub name: Option<String>,
}

/// CPU and memory of a broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::resources()))]
pub struct Resources {
    /// What a broker is sure to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Amounts>,
    /// What a broker may use at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Amounts>,
}

/// Amounts of CPU and memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Amounts {
    /// Processors, as in `500m` or `2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Amount>,
    /// Memory, as in `4Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Amount>,
}
