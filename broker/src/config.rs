//! What a broker is told before it starts; immutable afterwards.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use crate::certificates::CertificateFiles;

/// A broker's static configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The broker's node id, unique in its cluster; 0 or more.
    pub node_id: i32,
    /// The cluster it belongs to. `None`: whatever the data directory says, or a new cluster's id.
    pub cluster_id: Option<String>,
    /// Where the logs live (`log.dirs`), created when absent; at least one.
    pub log_dirs: Vec<PathBuf>,
    /// Where the cluster's metadata lives (`metadata.log.dir`). `None`: in the first of the others.
    pub metadata_log_dir: Option<PathBuf>,
    /// Where clients connect; at least one.
    pub listeners: Vec<Listener>,
    /// Where those connect who look after the broker.
    pub management: Management,
    /// Where the cluster's other brokers connect. `None`: this broker is a cluster of its own.
    pub peers: Option<PeerListener>,
    /// The certificates for connections between brokers; they go before those of the settings.
    pub certificates: Option<CertificateFiles>,
    /// From where issuers' keys may be read (`sasl.oauthbearer.jwks.endpoint.url`): whole URLs. Not
    /// a setting, since settings may come from people who are not to reach what the broker does.
    pub allowed_urls: Vec<String>,
    /// Broker settings under Kafka's names (`log.segment.bytes`, ...), as text.
    pub settings: BTreeMap<String, String>,
}

/// The ports that are not for clients.
#[derive(Debug, Clone, Default)]
pub struct Management {
    /// Where probes and metrics are answered in plain HTTP; port 0 takes a free one. `None`:
    /// nowhere.
    pub probes: Option<SocketAddr>,
    /// Where the operator manages the broker, with [`Config::certificates`]; port 0 takes a free
    /// one. `None`: nowhere.
    pub listener: Option<SocketAddr>,
}

/// A socket that the brokers of the cluster connect to.
#[derive(Debug, Clone)]
pub struct PeerListener {
    /// Where to listen; port 0 takes a free one, which only suits tests.
    pub bind: SocketAddr,
    /// What other brokers are told to dial. `None`: the address it is bound to.
    pub advertised: Option<(String, u16)>,
    /// Whether peers connect in plain text and are who they say they are: for tests and laptops.
    pub plain_text: bool,
}

/// A socket that clients connect to.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The listener's name, as Kafka's `listeners` spells it: `plain`.
    pub name: String,
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// What Metadata tells clients to dial. `None`: the address it is bound to.
    pub advertised: Option<(String, u16)>,
}
