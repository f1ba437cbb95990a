//! What a broker needs before it can talk to others: a listener, certificates, addresses.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use kastellan_core::{config::BrokerConfig, id::BrokerId};
use tokio::runtime::{Handle, Runtime};

use super::StartError;
use crate::{
    broker::Broker,
    certificates::CertificateFiles,
    config::{Config, PeerListener},
    net::{self, Bound, Entrance},
    peers::{self, Door, Identity, LISTENER, Manner, Peers},
};

/// Where the listener for peers is bound, and whether it asks for certificates.
#[derive(Debug, Clone, Copy)]
pub(super) struct PeerAddress {
    pub(super) bound: SocketAddr,
    pub(super) tls: bool,
}

/// The side of the other brokers, before anybody is let in.
pub(super) struct PeerSide {
    runtime: Runtime,
    bound: Option<Bound>,
    door: Arc<Door>,
    identity: Option<Arc<Identity>>,
    peers: Peers,
}

impl PeerSide {
    /// Binds and reads what `config` names, unless a certificate is `shown` to others already;
    /// `None` where it names no listener for peers. Fills in the cluster's id where only the
    /// certificate has it.
    pub(super) fn open(
        config: &mut Config,
        settings: &BrokerConfig,
        shown: Option<&Arc<Identity>>,
    ) -> Result<Option<Self>, StartError> {
        let me = BrokerId(config.node_id);
        check_role(me, settings)?;
        if config.listeners.iter().any(|one| one.name.eq_ignore_ascii_case(LISTENER)) {
            return Err(StartError::ListenerOfPeers);
        }
        let Some(listener) = config.peers.clone() else {
            return if settings.fleet.is_alone() {
                Ok(None)
            } else {
                Err(StartError::NoPeerListener)
            };
        };
        let identity = match shown {
            Some(shown) if !listener.plain_text => Some(Arc::clone(shown)),
            _ => identity(config, &listener, settings)?,
        };
        if let Some(identity) = &identity {
            config.cluster_id.get_or_insert_with(|| identity.cluster().to_owned());
        } else if config.cluster_id.is_none() && !settings.fleet.is_alone() {
            return Err(StartError::NoClusterId);
        }
        let (address, backlog) = (listener.bind, settings.socket_listen_backlog);
        let bound = net::bind(LISTENER, address, backlog).map_err(|source| {
            let name = LISTENER.to_owned();
            StartError::Bind { name, address, source }
        })?;
        let runtime = peers::runtime()?;
        let (door, manner) = match &identity {
            Some(identity) => (Door::Tls(Arc::clone(identity)), Manner::Tls(Arc::clone(identity))),
            None => (Door::PlainText, Manner::PlainText),
        };
        let peers = Peers::new(manner, runtime.handle().clone());
        for voter in settings.fleet.voters.iter().filter(|voter| voter.id != me) {
            peers.learn(voter.id, &voter.host, voter.port);
        }
        peers.learn_bootstrap(&settings.fleet.bootstrap_servers);
        let (bound, door) = (Some(bound), Arc::new(door));
        Ok(Some(Self { runtime, bound, door, identity, peers }))
    }

    /// How others are asked.
    pub(super) fn peers(&self) -> Peers {
        self.peers.clone()
    }

    /// Where the listener is really bound.
    pub(super) fn bound(&self) -> Option<PeerAddress> {
        let tls = self.identity.is_some();
        self.bound.as_ref().map(|bound| PeerAddress { bound: bound.address, tls })
    }

    /// The threads of everything between peers.
    pub(super) fn handle(&self) -> Handle {
        self.runtime.handle().clone()
    }

    /// Lets peers in.
    pub(super) fn serve(&mut self, broker: &Arc<Broker>) {
        let gate = Arc::clone(&broker.peer_gate);
        self.runtime.spawn(net::sweep(gate, broker.clock));
        if let Some(identity) = &self.identity {
            self.runtime.spawn(Arc::clone(identity.watched()).watch());
        }
        let Some(bound) = self.bound.take() else { return };
        let entrance = Entrance::Peers(Arc::clone(&self.door));
        let broker = Arc::clone(broker);
        self.runtime.spawn(async move {
            if let Err(error) = net::accept(broker, bound, entrance).await {
                tracing::error!(%error, "the listener for peers failed");
            }
        });
    }

    /// Ends every connection to and from peers.
    pub(super) fn end(self) {
        self.runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

/// Whether what the node is told to be fits what the quorum is told to consist of.
fn check_role(me: BrokerId, settings: &BrokerConfig) -> Result<(), StartError> {
    let fleet = &settings.fleet;
    let named = fleet.voters.iter().any(|voter| voter.id == me);
    match (fleet.voters.is_empty(), named, fleet.is_controller) {
        (false, false, true) => Err(StartError::NotAVoter(me.0)),
        (false, true, false) => Err(StartError::VoterWithoutRole(me.0)),
        _ => Ok(()),
    }
}

/// The certificates that the command line or the settings name.
fn identity(
    config: &Config,
    listener: &PeerListener,
    settings: &BrokerConfig,
) -> Result<Option<Arc<Identity>>, StartError> {
    if listener.plain_text {
        tracing::warn!("peers connect in plain text: whoever reaches the listener is believed");
        return Ok(None);
    }
    let named = |name| settings.of_listener(LISTENER, name).filter(|path| !path.is_empty());
    let of_settings = || {
        Some(CertificateFiles {
            keystore: vec![named("ssl.keystore.location")?.into()],
            truststore: named("ssl.truststore.location")?.into(),
        })
    };
    let files = config.certificates.clone().or_else(of_settings);
    let files = files.ok_or(StartError::NoCertificates)?;
    let me = BrokerId(config.node_id);
    let identity = Identity::load(files, me, config.cluster_id.as_deref())?;
    Ok(Some(Arc::new(identity)))
}
