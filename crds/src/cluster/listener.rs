//! Where clients connect.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::security::{Authentication, Tls};
use super::template::NetworkPeer;
use super::{is_false, rules};
use crate::name::ListenerName;
use crate::rule;
use crate::schema::{Cidr, Labels, Texts};

/// Ports that listeners cannot have: those of peers, of management, of probes and metrics.
pub const OWN_PORTS: RangeInclusive<u16> = 9190..=9199;

/// One address that every broker listens on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::listener()))]
pub struct Listener {
    /// The listener's name, unique in the cluster.
    pub name: ListenerName,
    /// The port, unique in the cluster. Under `kastellan up`, broker number i listens on this
    /// port + 10 * i of the loopback address.
    #[schemars(range(min = 1, max = 65535), extend("x-kubernetes-validations" = rules::port()))]
    pub port: u16,
    /// Who can reach it. Under `kastellan up` every type is a port of the loopback address.
    #[serde(rename = "type", default)]
    pub kind: ListenerType,
    /// Encrypts the connections; `{}` is a certificate from the cluster's own authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Makes clients say who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// What brokers tell clients of their addresses, for proxies and DNS of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advertised: Option<Advertised>,
    /// Ports of the nodes, for the type `NodePort`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_port: Option<NodePort>,
    /// The load balancers, for the type `LoadBalancer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,
    /// What to add to the listener's Services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceTemplate>,
    /// From where in Kubernetes' network clients may connect. Left out: from everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub network_peers: Vec<NetworkPeer>,
}

/// Who can reach a listener.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ListenerType {
    /// Clients inside the Kubernetes cluster.
    #[default]
    Internal,
    /// Clients outside, through a proxy of yours before one Service per broker.
    ClusterIP,
    /// Clients outside, through ports of every node.
    NodePort,
    /// Clients outside, through load balancers.
    LoadBalancer,
}

/// What a broker tells clients of its address; `{id}` stands for its node id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::advertised()))]
pub struct Advertised {
    /// The host of each broker, as in `broker-{id}.kafka.example.com`.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// The port of every broker. Left out: the listener's own, or that of its load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// The port of the broker with node id 0; the one with id i has this + i, so that one host
    /// serves them all. In place of `port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub first_port: Option<u16>,
    /// The host that clients begin with. Left out: what the listener's type gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub bootstrap_host: Option<String>,
}

/// Ports of the nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodePort {
    /// The port that clients begin with. Left out: one that Kubernetes chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub bootstrap_port: Option<u16>,
    /// The port of the broker with node id 0; the one with id i has this + i. Left out: ports that
    /// Kubernetes chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub first_port: Option<u16>,
    /// Which of a node's addresses brokers tell their clients.
    #[serde(default)]
    pub address_type: AddressType,
}

/// The kinds of addresses that a node has in Kubernetes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AddressType {
    /// One that is reached from outside; where a node has none, its internal one.
    #[default]
    ExternalIP,
    /// One of the nodes' own network.
    InternalIP,
    /// A name that resolves outside.
    ExternalDNS,
    /// A name that resolves in the nodes' own network.
    InternalDNS,
    /// The node's own name.
    Hostname,
}

/// Load balancers of the cloud.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadBalancer {
    /// One for each broker, or one for all with a port for each.
    #[serde(default)]
    pub mode: LoadBalancerMode,
    /// With `Shared`, the port of the broker with node id 0; the one with id i has this + i.
    #[serde(default = "first_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub first_port: u16,
    /// The load balancer class; left out: the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class: Option<String>,
    /// From where clients may connect, as in `192.0.2.0/24`. Left out: from everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        with = "Vec<Cidr>",
        length(max = 64),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub source_ranges: Vec<String>,
    /// Whether clients' connections are handed on only within the node that they arrive at, so that
    /// brokers see the clients' own addresses.
    #[serde(default, skip_serializing_if = "is_false")]
    pub local_traffic_only: bool,
}

fn first_port() -> u16 {
    9100
}

/// How many load balancers there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LoadBalancerMode {
    /// One for each broker and one for the first contact.
    #[default]
    PerBroker,
    /// One for all, with a port for each broker.
    Shared,
}

/// What to add to Services.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceTemplate {
    /// Their annotations, for clouds and DNS controllers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(
        extend("maxProperties" = 64, "x-kubernetes-validations" = [rule::foreign_keys()]),
        with = "Texts"
    )]
    pub annotations: BTreeMap<String, String>,
    /// Their labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(
        extend("maxProperties" = 64, "x-kubernetes-validations" = [rule::foreign_keys()]),
        with = "Labels"
    )]
    pub labels: BTreeMap<String, String>,
}
