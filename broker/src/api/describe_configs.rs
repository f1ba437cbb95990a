//! `DescribeConfigs`: every setting with its value, where it comes from, and what it means.

mod resource;

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use self::resource::describe;
use kastellan_core::config::{Described, Sourced};
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

/// Answers a request.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DescribeConfigsRequest = call.decode()?;
    let (synonyms, documentation) = (request.include_synonyms, request.include_documentation);
    let detail = Detail { version: call.version(), synonyms, documentation };
    // each is answered once: one with all its settings is a thousand times as long as its name
    let mut seen = BTreeSet::new();
    let judge = broker.judge(&call.client);
    let results = request
        .resources
        .iter()
        .filter(|it| seen.insert((it.resource_type, it.resource_name.clone())))
        .map(|resource| match describe(broker, &judge, resource) {
            Ok(described) => detail.result(resource, described),
            Err((code, message)) => refused(resource, code, message),
        })
        .collect();
    drop(judge);
    call.reply.send(&DescribeConfigsResponse::default().with_results(results));
    Ok(())
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
            .with_name(text(described.name))
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
                .with_name(text(it.name))
                .with_value(it.value.map(StrBytes::from_string))
                .with_source(it.source.code())
        };
        result.with_synonyms(described.synonyms.into_iter().map(synonym).collect())
    }
}

fn text(name: Cow<'static, str>) -> StrBytes {
    match name {
        Cow::Borrowed(name) => StrBytes::from_static_str(name),
        Cow::Owned(name) => StrBytes::from_string(name),
    }
}
