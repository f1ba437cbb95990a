//! `IncrementalAlterConfigs`: settings change one by one (KIP-339).

use std::sync::Arc;

use kastellan_protocol::{
    Refused,
    messages::{
        IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
        incremental_alter_configs_response::AlterConfigsResourceResponse,
    },
};

use super::alter_configs::{Answer, How, alter, changes};
use crate::{broker::Broker, call::Call};

/// Answers once the settings are in force.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: IncrementalAlterConfigsRequest = call.decode()?;
    let resources = request.resources.into_iter().map(|it| {
        let configs = it.configs.iter();
        let configs =
            configs.map(|config| (config.config_operation, &*config.name, config.value.as_deref()));
        ((it.resource_type, it.resource_name), changes(configs))
    });
    let how = How { replace: false, validate_only: request.validate_only, way: call.way.clone() };
    let client = Arc::clone(&call.client);
    alter((broker, &client), resources.collect(), how, move |answers| {
        let response = |answer: Answer| {
            AlterConfigsResourceResponse::default()
                .with_error_code(answer.code)
                .with_error_message(answer.message)
                .with_resource_type(answer.kind)
                .with_resource_name(answer.name)
        };
        let responses = answers.into_iter().map(response).collect();
        call.reply.send(&IncrementalAlterConfigsResponse::default().with_responses(responses));
    });
    Ok(())
}
