//! Everything that a handler may reach.

use std::sync::Arc;

use arc_swap::ArcSwap;
use kastellan_core::{
    config::BrokerConfig,
    machine::Ticket,
    metadata::{Failure, Input, Reply},
};
use kastellan_protocol::ErrorCode;

use crate::{
    access::Access,
    call::Way,
    clock::Clock,
    config::Config,
    controller::{Controller, ProducerIds},
    groups::Groups,
    metrics::Metrics,
    net::{Doors, Gate},
    partitions::Partitions,
    peers::Peers,
    quotas::Quotas,
    sessions::Sessions,
    throttles::Throttles,
};

/// The broker, shared by every connection as an `Arc`.
#[derive(Debug)]
pub(crate) struct Broker {
    /// What it was told before it started.
    pub(crate) config: Config,
    /// The clocks.
    pub(crate) clock: Clock,
    /// What it counts as it works.
    pub(crate) metrics: Metrics,
    /// The side of its clients.
    pub(crate) clients: Arc<Gate>,
    /// The side of the cluster's other brokers.
    pub(crate) peer_gate: Arc<Gate>,
    /// How it asks them.
    pub(crate) peers: Peers,
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
    /// What its clients may take.
    pub(crate) quotas: Quotas,
    /// What replicas that catch up may take.
    pub(crate) throttles: Throttles,
    /// Who says what its clients may do.
    pub(crate) access: Access,
    /// Its settings as they are now, typed. Load them once for one request.
    pub(crate) settings: Arc<ArcSwap<BrokerConfig>>,
    /// How clients come in, by listener name.
    pub(crate) doors: Doors,
    /// Where clients reach it, by listener name, with the ports that were really bound.
    pub(crate) addresses: Vec<(String, std::net::SocketAddr)>,
}

impl Broker {
    /// Has the controller decide what a request that came this `way` asks for; `answer` is called
    /// with its reply, or with why it could not be asked.
    pub(crate) fn decide(
        &self,
        way: Way,
        input: impl FnOnce(Ticket) -> Input + Send + 'static,
        answer: impl FnOnce(Reply) + Send + 'static,
    ) {
        match way {
            Way::Direct | Way::Again { .. } => self.controller.ask(input, answer),
            Way::Here(office) | Way::Forwarded(office) => {
                self.controller.ask(input, move |reply| {
                    if let Reply::Failed(why) = &reply
                        && why.code == ErrorCode::NotController
                    {
                        office.lose();
                    }
                    answer(reply);
                });
            }
            Way::Failed(code) => {
                let why = match code {
                    ErrorCode::NotController => "there is no active controller at the moment",
                    _ => "the active controller has not answered in time",
                };
                answer(Reply::Failed(Failure::new(code, why)));
            }
        }
    }

    /// The cluster that it belongs to.
    pub(crate) fn cluster_id(&self) -> &str {
        &self.partitions.dirs().metadata().properties().cluster_id
    }
}
