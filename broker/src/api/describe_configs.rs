//! `DescribeConfigs`: every setting with its value, where it comes from, and what it means.

mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(crate) use self::settings::described_topic;
use self::settings::{Described, Sourced, described_broker};
use kastellan_core::metadata::validate_name;
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DescribeConfigsRequest, DescribeConfigsResponse,
        describe_configs_request::DescribeConfigsResource,
        describe_configs_response::{
            DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
        },
    },
    protocol::StrBytes,
};

use crate::{broker::Broker, call::Call};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// Answers a request.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DescribeConfigsRequest = call.decode()?;
    let (synonyms, documentation) = (request.include_synonyms, request.include_documentation);
    let detail = Detail { version: call.version(), synonyms, documentation };
    let results = request
        .resources
        .iter()
        .map(|resource| match describe(broker, resource) {
            Ok(described) => detail.result(resource, described),
            Err((code, message)) => refused(resource, code, message),
        })
        .collect();
    call.reply.send(&DescribeConfigsResponse::default().with_results(results));
    Ok(())
}

type Refusal = (ErrorCode, String);

fn describe(
    broker: &Broker,
    resource: &DescribeConfigsResource,
) -> Result<Vec<Described>, Refusal> {
    let name: &str = &resource.resource_name;
    match resource.resource_type {
        TOPIC => {
            validate_name(name)
                .map_err(|error| (ErrorCode::InvalidTopicException, error.to_string()))?;
            let image = broker.controller.image();
            if image.topic(name).is_none() {
                let message = format!("there is no topic {name}");
                return Err((ErrorCode::UnknownTopicOrPartition, message));
            }
            Ok(described_topic(&image.topic_overrides(name), &broker.settings).collect())
        }
        // nothing is set for all brokers at once: there is no such setting to describe
        BROKER if name.is_empty() => Ok(Vec::new()),
        BROKER if name == broker.config.node_id.to_string() => {
            Ok(described_broker(&broker.config, &broker.settings))
        }
        BROKER => Err((
            ErrorCode::InvalidRequest,
            format!("this is broker {}, it cannot describe broker {name:?}", broker.config.node_id),
        )),
        other => Err((
            ErrorCode::InvalidRequest,
            format!(
                "resource type {other} has no settings here: ask for topics (2) or brokers (4)"
            ),
        )),
    }
}

fn refused(
    resource: &DescribeConfigsResource,
    code: ErrorCode,
    message: String,
) -> DescribeConfigsResult {
    DescribeConfigsResult::default()
        .with_error_code(code.code())
        .with_error_message(Some(StrBytes::from_string(message)))
        .with_resource_type(resource.resource_type)
        .with_resource_name(resource.resource_name.clone())
}

/// How much is to be said.
#[derive(Debug, Clone, Copy)]
struct Detail {
    version: i16,
    synonyms: bool,
    documentation: bool,
}

impl Detail {
    fn result(
        self,
        resource: &DescribeConfigsResource,
        described: Vec<Described>,
    ) -> DescribeConfigsResult {
        // null asks for all; Kafka's clients before 2.? send an empty list for the same
        let keys = resource.configuration_keys.as_deref().filter(|keys| !keys.is_empty());
        let asked = |described: &Described| {
            keys.is_none_or(|keys| keys.iter().any(|key| key.as_str() == described.name))
        };
        let configs =
            described.into_iter().filter(asked).map(|described| self.config(described)).collect();
        DescribeConfigsResult::default()
            .with_error_message(None)
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone())
            .with_configs(configs)
    }

    fn config(self, described: Described) -> DescribeConfigsResourceResult {
        let documented = self.version >= 3;
        let result = DescribeConfigsResourceResult::default()
            .with_name(StrBytes::from_static_str(described.name))
            .with_value(described.value.map(StrBytes::from_string))
            .with_read_only(described.read_only)
            .with_config_source(described.source.code())
            .with_is_sensitive(described.sensitive)
            .with_documentation(
                (documented && self.documentation)
                    .then(|| StrBytes::from_static_str(described.doc)),
            )
            .with_config_type(if documented { described.kind } else { 0 });
        if !self.synonyms {
            return result;
        }
        let synonym = |it: Sourced| {
            DescribeConfigsSynonym::default()
                .with_name(StrBytes::from_static_str(it.name))
                .with_value(it.value.map(StrBytes::from_string))
                .with_source(it.source.code())
        };
        result.with_synonyms(described.synonyms.into_iter().map(synonym).collect())
    }
}
