//! Registration: again and again until the active controller accepts or refuses it.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use kastellan_core::metadata::RegisterBroker;
use kastellan_protocol::{
    ErrorCode,
    messages::{
        BrokerRegistrationRequest,
        broker_registration_request::{Feature, Listener},
    },
    protocol::StrBytes,
};

use super::JoinError;
use crate::{broker::Broker, peers::ask_controller_blocking};

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A registration that takes longer than this is worth a line.
const SLOW: Duration = Duration::from_secs(5);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// The epoch that the controller has given this registration.
pub(super) fn until_accepted(
    broker: &Arc<Broker>,
    registration: &RegisterBroker,
) -> Result<i64, JoinError> {
    let request = request(broker, registration);
    let limit = broker.settings.load().fleet.registration_timeout;
    let (begun, mut told) = (Instant::now(), false);
    loop {
        let why = match ask_controller_blocking(broker, &request, PATIENCE) {
            Ok(answer) if answer.error_code == 0 => return Ok(answer.broker_epoch),
            Ok(answer) => {
                let code = ErrorCode::try_from_code(answer.error_code);
                let code = code.unwrap_or(ErrorCode::UnknownServerError);
                if is_final(code) {
                    return Err(JoinError::Refused(reason(code)));
                }
                reason(code)
            }
            Err(why) => why.to_string(),
        };
        if !told && begun.elapsed() > SLOW {
            told = true;
            tracing::warn!(why, "not registered yet");
        }
        if begun.elapsed() > limit {
            return Err(JoinError::NotInTime { after: limit, why });
        }
        thread::park_timeout(PAUSE);
    }
}

/// Whether another attempt would end the same way. The session of this node's last life ends by
/// itself.
fn is_final(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::InconsistentClusterId
            | ErrorCode::UnsupportedVersion
            | ErrorCode::InvalidRegistration
            | ErrorCode::InvalidRequest
    )
}

/// What a refusal means for whoever has started this process.
fn reason(code: ErrorCode) -> String {
    match code {
        ErrorCode::DuplicateBrokerRegistration => {
            "another process is registered under this node id, and alive: stop it, or give this one \
             an id of its own"
                .to_owned()
        }
        ErrorCode::InvalidRegistration => {
            "a log directory of this broker is registered by another one, so that one is a copy of \
             the other: start this one with directories of its own"
                .to_owned()
        }
        ErrorCode::InconsistentClusterId => {
            "its brokers belong to another cluster: name the brokers and the cluster id of this one"
                .to_owned()
        }
        ErrorCode::UnsupportedVersion => {
            "the cluster uses features that this version of the broker does not have".to_owned()
        }
        other => other.to_string(),
    }
}

/// The registration as it is sent.
pub(super) fn request(broker: &Broker, registration: &RegisterBroker) -> BrokerRegistrationRequest {
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    let listeners = registration.endpoints.iter().map(|endpoint| {
        Listener::default()
            .with_name(text(&endpoint.name))
            .with_host(text(&endpoint.host))
            .with_port(endpoint.port)
            .with_security_protocol(endpoint.protocol.code())
    });
    let features = registration.features.iter().map(|feature| {
        Feature::default()
            .with_name(text(&feature.name))
            .with_min_supported_version(feature.min)
            .with_max_supported_version(feature.max)
    });
    BrokerRegistrationRequest::default()
        .with_broker_id(registration.broker.0.into())
        .with_cluster_id(text(broker.cluster_id()))
        .with_incarnation_id(registration.incarnation)
        .with_listeners(listeners.collect())
        .with_features(features.collect())
        .with_rack(registration.rack.as_deref().map(text))
        .with_log_dirs(registration.log_dirs.clone())
        .with_previous_broker_epoch(broker.partitions.dirs().ended_in().unwrap_or(-1))
}
