//! Everything that a handler may reach.

use std::sync::Arc;

use arc_swap::ArcSwap;
use kastellan_core::config::BrokerConfig;

use crate::{
    clock::Clock,
    config::Config,
    controller::{Controller, ProducerIds},
    groups::Groups,
    metrics::Metrics,
    net::{Limits, Pool, Registry},
    partitions::Partitions,
    sessions::Sessions,
};

/// The broker, shared by every connection as an `Arc`.
#[derive(Debug)]
pub(crate) struct Broker {
    /// What it was told before it started.
    pub(crate) config: Config,
    /// The clocks.
    pub(crate) clock: Clock,
    /// What clients may ask of it.
    pub(crate) limits: ArcSwap<Limits>,
    /// The memory that requests may take.
    pub(crate) pool: Arc<Pool>,
    /// The memory that answers may take.
    pub(crate) answers: Arc<Pool>,
    /// What it counts as it works.
    pub(crate) metrics: Metrics,
    /// Who is connected.
    pub(crate) connections: Arc<Registry>,
    /// The cluster's metadata.
    pub(crate) controller: Arc<Controller>,
    /// Ids for idempotent producers.
    pub(crate) producer_ids: Arc<ProducerIds>,
    /// The partitions that it holds.
    pub(crate) partitions: Arc<Partitions>,
    /// The fetch sessions of its clients.
    pub(crate) sessions: Sessions,
    /// The coordinators of its consumer groups.
    pub(crate) groups: Groups,
    /// Its settings as they are now, typed. Load them once for one request.
    pub(crate) settings: Arc<ArcSwap<BrokerConfig>>,
    /// Where clients reach it, by listener name, with the ports that were really bound.
    pub(crate) addresses: Vec<(String, std::net::SocketAddr)>,
}

impl Broker {
    /// The cluster that it belongs to.
    pub(crate) fn cluster_id(&self) -> &str {
        &self.partitions.dirs().metadata().properties().cluster_id
    }
}
