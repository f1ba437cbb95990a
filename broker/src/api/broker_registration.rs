//! `BrokerRegistration` (KIP-631): a broker of the fleet comes, or comes back.

use std::sync::Arc;

use kastellan_core::{
    id::BrokerId,
    metadata::{Endpoint, Input, RegisterBroker, Reply, SecurityProtocol, SupportedFeature},
};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{BrokerRegistrationRequest, BrokerRegistrationResponse},
};

use crate::{broker::Broker, call::Call};

/// Answers once the registration is committed. A peer registers nobody but itself.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: BrokerRegistrationRequest = call.decode()?;
    if !call.may_speak_as(request.broker_id.0) {
        call.reply.close("a peer that registers another broker");
        return Ok(());
    }
    if *request.cluster_id != *broker.cluster_id() {
        tracing::warn!(
            broker = request.broker_id.0,
            cluster = &*request.cluster_id,
            "a broker of another cluster wants to register"
        );
        let code = ErrorCode::InconsistentClusterId.code();
        call.reply.send(&BrokerRegistrationResponse::default().with_error_code(code));
        return Ok(());
    }
    let previous_epoch = Some(request.previous_broker_epoch).filter(|epoch| *epoch >= 0);
    let registration = registration(request);
    broker.controller.ask(
        move |ticket| Input::RegisterBroker { ticket, registration, previous_epoch },
        move |reply| {
            let response = BrokerRegistrationResponse::default();
            let response = match reply {
                Reply::Registered { epoch } => response.with_broker_epoch(epoch),
                other => {
                    let why = other.failure();
                    let passes = [ErrorCode::NotController, ErrorCode::DuplicateBrokerRegistration];
                    if passes.contains(&why.code) {
                        // it asks again in a moment, and says so itself where that does not help
                        tracing::debug!(why = why.message, "a broker is not registered");
                    } else {
                        tracing::warn!(why = why.message, "a broker is not registered");
                    }
                    response.with_error_code(why.code.code()).with_broker_epoch(-1)
                }
            };
            call.reply.send(&response);
        },
    );
    Ok(())
}

fn registration(request: BrokerRegistrationRequest) -> RegisterBroker {
    let endpoints = request.listeners.into_iter().map(|listener| Endpoint {
        name: listener.name.to_string(),
        host: listener.host.to_string(),
        port: listener.port,
        protocol: SecurityProtocol::from_code(listener.security_protocol),
    });
    let features = request.features.into_iter().map(|feature| SupportedFeature {
        name: feature.name.to_string(),
        min: feature.min_supported_version,
        max: feature.max_supported_version,
    });
    RegisterBroker {
        broker: BrokerId(request.broker_id.0),
        incarnation: request.incarnation_id,
        // chosen by the controller
        epoch: -1,
        endpoints: endpoints.collect(),
        features: features.collect(),
        rack: request.rack.map(|rack| rack.to_string()),
        fenced: true,
        in_controlled_shutdown: false,
        log_dirs: request.log_dirs,
    }
}
