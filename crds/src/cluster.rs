//! `KafkaCluster`: brokers, where they listen, what they keep.
#![expect(clippy::duplicated_attributes, reason = "two printer columns may be of one type")]

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::head::Observed;
use crate::name::Version;

mod listener;
mod operation;
mod pool;
pub(crate) mod rules;
mod security;
mod status;
mod storage;
mod template;

pub use listener::{
    AddressType, Advertised, Listener, ListenerType, LoadBalancer, LoadBalancerMode, NodePort,
    OWN_PORTS, ServiceTemplate,
};
pub use operation::{Balance, BalanceMode, Maintenance, Rack, Window};
pub use pool::{Amounts, Pool, PoolRack, Resources, Role};
pub use rules::{AT_MOST_BROKERS, is_taken};
pub use security::{
    Authentication, AuthenticationType, Authority, Authorization, Certificates, IssuerRef, Oauth,
    PeerTransport, Peers, Replacement, SecretRef, Tls, TlsVersion,
};
pub use status::{
    BrokerStatus, ListenerStatus, PoolStatus, RebalanceStatus, RebalancedBroker, RolloutStatus,
};
pub use storage::{Storage, StorageType, Volume};
pub use template::{
    IpBlock, LabelSelector, NetworkPeer, PodTemplate, PullPolicy, SelectorOperator,
    SelectorRequirement, SpreadConstraint, Toleration,
};

/// What the cluster should be. `spec: {}` is legal: every field has a default. `kastellan up`
/// refuses by its name what this version does not carry out yet.
#[derive(
    CustomResource, JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[kube(
    group = "kastellan.dev",
    version = "v1alpha1",
    kind = "KafkaCluster",
    namespaced,
    status = "KafkaClusterStatus",
    derive = "PartialEq",
    shortname = "kkc",
    doc = "A Kafka cluster: its brokers, where they listen, what they keep.",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Brokers", type_ = "integer", json_path = ".status.readyReplicas"),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".status.replicas"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version"),
    printcolumn(
        name = "Under-Replicated",
        type_ = "integer",
        json_path = ".status.underReplicatedPartitions",
        priority = 1
    ),
    printcolumn(
        name = "Offline",
        type_ = "integer",
        json_path = ".status.offlinePartitions",
        priority = 1
    ),
    printcolumn(
        name = "Rollout",
        type_ = "string",
        json_path = ".status.rollout.message",
        priority = 1
    ),
    printcolumn(
        name = "Rebalance",
        type_ = "string",
        json_path = ".status.rebalance.message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::spec()))]
pub struct KafkaClusterSpec {
    /// The version of Kastellan that the brokers run, as in "0.1". Pinned at creation when left
    /// out, and changed by nobody but you.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The level of features that the brokers may use, as a version: left at the old one, an
    /// upgrade can be taken back. Left out: follows `version` once every broker runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_level: Option<Version>,
    /// The brokers' image. Left out: the operator's own image of `version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// How many brokers; each is a controller as well if it is needed as one: one of two, three of
    /// three or four, five of more. Left out, and without `pools`: 3. Those that go are emptied
    /// before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: Option<i32>,
    /// Groups of brokers that differ in roles, storage, resources or place, in place of `replicas`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 20),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub pools: Vec<Pool>,
    /// What each broker keeps its data on. `kastellan up` keeps it below --data-dir instead.
    #[serde(default)]
    pub storage: Storage,
    /// Where clients connect. Left out: one internal listener, `plain` on port 9092.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend(
            "x-kubernetes-list-type" = "map",
            "x-kubernetes-list-map-keys" = ["name"],
            "x-kubernetes-validations" = rules::listeners()
        )
    )]
    pub listeners: Vec<Listener>,
    /// How the brokers connect to each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<Peers>,
    /// Who may do what. Left out: whoever can connect may do everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// Where certificates come from. Left out: from an authority of the cluster's own, and one of
    /// its clients, which the operator makes and renews.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<Certificates>,
    /// Broker settings under Kafka's names, as in `log.retention.hours: 72`. A value is a text or a
    /// whole number; put true, false and decimals in quotes.
    #[serde(default, skip_serializing_if = "Config::is_empty")]
    #[schemars(extend("maxProperties" = 128, "x-kubernetes-validations" = rules::config()))]
    pub config: Config,
    /// Spreads brokers, and the replicas of each partition, over racks or zones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<Rack>,
    /// Keeps replicas and leaders spread over the brokers. Left out: what is there stays where
    /// it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    /// CPU and memory of each broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// What to add to the brokers' pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<PodTemplate>,
    /// Node ids of brokers that get no new partitions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 1000),
        inner(range(min = 0, max = 99_999)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub cordoned_brokers: Vec<i32>,
    /// Node ids of the brokers that go when `replicas` gets smaller; their partitions move away
    /// first, as one plan. Left out: those with the highest ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 1000),
        inner(range(min = 0, max = 99_999)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub removed_brokers: Vec<i32>,
    /// When restarts and renewals that can wait may happen. Left out: at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Maintenance>,
    /// Whether the operator leaves everything as it is, whatever else the spec says.
    #[serde(default, skip_serializing_if = "is_false")]
    pub paused: bool,
    /// Whether the brokers are stopped; their volumes stay.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hibernated: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// What the operator last saw of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaClusterStatus {
    /// The head of the status.
    #[serde(flatten)]
    pub observed: Observed,
    /// The cluster id that clients see; it lives on the brokers' volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// The version that every broker runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The level of features that is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_level: Option<String>,
    /// How many brokers there should be.
    #[serde(default)]
    pub replicas: i32,
    /// How many brokers serve clients.
    #[serde(default)]
    pub ready_replicas: i32,
    /// Which pods are the cluster's, as a label selector, for autoscalers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// The node id of the active controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<i32>,
    /// How many partitions have fewer replicas in sync than they should have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under_replicated_partitions: Option<i32>,
    /// How many partitions nobody can read or write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_partitions: Option<i32>,
    /// Where clients connect, per listener.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["name"]
    ))]
    pub listeners: Vec<ListenerStatus>,
    /// Each broker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"]))]
    pub brokers: Vec<BrokerStatus>,
    /// Each pool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub pools: Vec<PoolStatus>,
    /// The rolling restart that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutStatus>,
    /// The plan that would balance the cluster, or that is being carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalance: Option<RebalanceStatus>,
}
