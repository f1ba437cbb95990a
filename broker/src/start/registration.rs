//! How this broker tells the cluster that it is there.

use std::net::SocketAddr;

use kastellan_core::{
    config::BrokerConfig,
    id::{BrokerId, Uuid},
    metadata::{Endpoint, RegisterBroker, SUPPORTED, SecurityProtocol, SupportedFeature},
};

use super::{StartError, peer_side::PeerAddress};
use crate::{config::Config, net::Doors, peers::LISTENER};

/// The registration of this process. Alone it is not fenced: its listeners are bound, and in a
/// quorum of one there is nobody to catch up with.
pub(super) fn registration(
    config: &Config,
    settings: &BrokerConfig,
    (addresses, doors): (&[(String, SocketAddr)], &Doors),
    peers: Option<PeerAddress>,
    log_dirs: Vec<Uuid>,
) -> Result<RegisterBroker, StartError> {
    let mut endpoints: Vec<_> = config
        .listeners
        .iter()
        .zip(addresses)
        .zip(doors)
        .map(|((listener, (name, bound)), (_, door))| {
            endpoint(name, listener.advertised.as_ref(), *bound, door.protocol())
        })
        .collect::<Result<_, _>>()?;
    // clients never see it: they are told of endpoints that are called as the one they came in by
    if let (Some(listener), Some(PeerAddress { bound, tls })) = (&config.peers, peers) {
        let protocol = if tls { SecurityProtocol::Ssl } else { SecurityProtocol::Plaintext };
        endpoints.push(endpoint(LISTENER, listener.advertised.as_ref(), bound, protocol)?);
    }
    let feature = |feature: &kastellan_core::metadata::Feature| SupportedFeature {
        name: feature.name.to_owned(),
        min: feature.min,
        max: feature.max,
    };
    Ok(RegisterBroker {
        broker: BrokerId(config.node_id),
        incarnation: Uuid::new_v4(),
        // chosen by the controller
        epoch: -1,
        endpoints,
        features: SUPPORTED.iter().map(feature).collect(),
        rack: settings.rack.clone(),
        fenced: !settings.fleet.is_alone(),
        in_controlled_shutdown: false,
        log_dirs,
    })
}

/// What others are told to dial.
fn endpoint(
    name: &str,
    advertised: Option<&(String, u16)>,
    bound: SocketAddr,
    protocol: SecurityProtocol,
) -> Result<Endpoint, StartError> {
    let (host, port) = match advertised {
        Some((host, port)) => (host.clone(), *port),
        None if bound.ip().is_unspecified() => {
            return Err(StartError::NotAdvertised(name.to_owned()));
        }
        None => (bound.ip().to_string(), bound.port()),
    };
    Ok(Endpoint { name: name.to_owned(), host, port, protocol })
}
