//! `IncrementalAlterConfigs`: settings change one by one (KIP-339).

use std::sync::Arc;

use kastellan_core::metadata::{ConfigChange, ConfigOp};
use kastellan_protocol::{
    Refused,
    messages::{
        IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
        incremental_alter_configs_request::AlterConfigsResource,
        incremental_alter_configs_response::AlterConfigsResourceResponse,
    },
    protocol::StrBytes,
};

use super::{
    alter_configs::{How, Wanted, alter},
    failure,
};
use crate::{broker::Broker, call::Call};

/// Answers once the settings are in force.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: IncrementalAlterConfigsRequest = call.decode()?;
    let resources = request
        .resources
        .iter()
        .map(|resource| {
            let name = resource.resource_name.to_string();
            ((resource.resource_type, name), changes(resource))
        })
        .collect();
    let how = How { replace: false, validate_only: request.validate_only };
    alter(broker, resources, how, move |results| {
        let responses = results.into_iter().map(|((kind, name), result)| {
            let (code, message) = failure::of(result);
            AlterConfigsResourceResponse::default()
                .with_error_code(code)
                .with_error_message(message)
                .with_resource_type(kind)
                .with_resource_name(StrBytes::from_string(name))
        });
        let response =
            IncrementalAlterConfigsResponse::default().with_responses(responses.collect());
        call.reply.send(&response);
    });
    Ok(())
}

fn changes(resource: &AlterConfigsResource) -> Wanted {
    let configs = resource.configs.iter();
    configs
        .map(|config| {
            let (name, value) = (config.name.to_string(), config.value.as_deref());
            let op = ConfigOp::from_wire(config.config_operation, &name, value)?;
            Ok(ConfigChange { name, op })
        })
        .collect()
}
