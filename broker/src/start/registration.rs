//! How this broker tells the cluster that it is there.

use std::net::SocketAddr;

use kastellan_core::{
    config::BrokerConfig,
    id::{BrokerId, Uuid},
    metadata::{Endpoint, RegisterBroker, SUPPORTED, SecurityProtocol, SupportedFeature},
};

use super::StartError;
use crate::config::Config;

/// The registration of this process. It is not fenced: its listeners are bound, and in a quorum of
/// one there is nobody to catch up with.
pub(super) fn registration(
    config: &Config,
    settings: &BrokerConfig,
    addresses: &[(String, SocketAddr)],
    log_dirs: Vec<Uuid>,
) -> Result<RegisterBroker, StartError> {
    let endpoints = config
        .listeners
        .iter()
        .zip(addresses)
        .map(|(listener, (name, bound))| {
            let (host, port) = match &listener.advertised {
                Some((host, port)) => (host.clone(), *port),
                None if bound.ip().is_unspecified() => {
                    return Err(StartError::NotAdvertised(name.clone()));
                }
                None => (bound.ip().to_string(), bound.port()),
            };
            let protocol = SecurityProtocol::Plaintext;
            Ok(Endpoint { name: name.clone(), host, port, protocol })
        })
        .collect::<Result<_, _>>()?;
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
        fenced: false,
        in_controlled_shutdown: false,
        log_dirs,
    })
}
