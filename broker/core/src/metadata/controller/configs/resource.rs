//! Which resources have settings.

use kastellan_protocol::ErrorCode;

use super::super::{Controller, Failure};
use crate::{
    config::Scope,
    id::BrokerId,
    metadata::{ConfigResource, ResourceKind, validate_name},
};

impl Controller {
    /// The table that a resource's settings are in. Errors: 3 `UNKNOWN_TOPIC_OR_PARTITION`, 17
    /// `INVALID_TOPIC_EXCEPTION`, 42 `INVALID_REQUEST` for what cannot have settings.
    pub(super) fn scope(&self, resource: &ConfigResource) -> Result<Scope, Failure> {
        let ConfigResource { kind, name } = resource;
        let refuse = |message: String| Err(Failure::new(ErrorCode::InvalidRequest, message));
        match kind {
            ResourceKind::Topic if name.is_empty() => {
                refuse("topics have no settings in common: set the broker's defaults".to_owned())
            }
            ResourceKind::Topic => {
                validate_name(name).map_err(|error| {
                    Failure::new(ErrorCode::InvalidTopicException, error.to_string())
                })?;
                if self.image.topic(name).is_none() {
                    let message = format!("the topic '{name}' does not exist");
                    return Err(Failure::new(ErrorCode::UnknownTopicOrPartition, message));
                }
                Ok(Scope::Topic)
            }
            ResourceKind::Broker => {
                let id = name.parse().ok().map(BrokerId);
                if !name.is_empty() && id.and_then(|id| self.image.broker(id)).is_none() {
                    return refuse(format!("there is no broker {name:?}"));
                }
                Ok(Scope::Broker)
            }
            ResourceKind::Group if name.is_empty() => {
                refuse("groups have no settings in common: set the broker's group.*".to_owned())
            }
            ResourceKind::Group => Ok(Scope::Group),
            ResourceKind::ClientMetrics if name.is_empty() => {
                refuse("a subscription to metrics needs a name".to_owned())
            }
            ResourceKind::ClientMetrics => Ok(Scope::ClientMetrics),
            ResourceKind::BrokerLogger => refuse(
                "log levels are given at the start, by --log or RUST_LOG; they do not change \
                 while the broker runs"
                    .to_owned(),
            ),
        }
    }
}
