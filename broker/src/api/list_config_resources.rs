//! `ListConfigResources`: what has settings (KIP-1142); version 0 knows subscriptions to clients'
//! metrics only (KIP-714).

use std::sync::Arc;

use kastellan_core::metadata::{Image, ResourceKind};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        ListConfigResourcesRequest, ListConfigResourcesResponse,
        list_config_resources_response::ConfigResource,
    },
    protocol::StrBytes,
};

use crate::{access::needs::LIST_CONFIG_RESOURCES, broker::Broker, call::Call};

const ALL: [ResourceKind; 5] = [
    ResourceKind::Topic,
    ResourceKind::Broker,
    ResourceKind::BrokerLogger,
    ResourceKind::ClientMetrics,
    ResourceKind::Group,
];

/// Answers a request. Errors: 35 `UNSUPPORTED_VERSION` for a kind of resource that is not known.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: ListConfigResourcesRequest = call.decode()?;
    let known: Option<Vec<_>> =
        request.resource_types.iter().map(|code| ResourceKind::from_code(*code)).collect();
    let response = ListConfigResourcesResponse::default();
    if !broker.judge(&call.client).may_cluster(LIST_CONFIG_RESOURCES) {
        let code = ErrorCode::ClusterAuthorizationFailed.code();
        call.reply.send(&response.with_error_code(code));
        return Ok(());
    }
    let Some(asked) = known else {
        call.reply.send(&response.with_error_code(ErrorCode::UnsupportedVersion.code()));
        return Ok(());
    };
    let image = broker.controller.image();
    let version = call.version();
    let wanted = |kind: &ResourceKind| match version {
        0 => *kind == ResourceKind::ClientMetrics,
        _ => asked.is_empty() || asked.contains(kind),
    };
    let found = ALL.into_iter().filter(wanted).flat_map(|kind| {
        names(&image, kind).into_iter().map(move |name| {
            ConfigResource::default()
                .with_resource_name(StrBytes::from_string(name))
                .with_resource_type(kind.code())
        })
    });
    call.reply.send(&response.with_config_resources(found.collect()));
    Ok(())
}

/// Topics and brokers that exist; groups and subscriptions that have settings of their own.
fn names(image: &Image, kind: ResourceKind) -> Vec<String> {
    match kind {
        ResourceKind::Topic => image.topics().map(|topic| topic.name.to_string()).collect(),
        ResourceKind::Broker | ResourceKind::BrokerLogger => {
            image.brokers().map(|broker| broker.id.0.to_string()).collect()
        }
        ResourceKind::ClientMetrics | ResourceKind::Group => {
            let of_kind = image.configured().filter(|resource| resource.kind == kind);
            of_kind.map(|resource| resource.name.clone()).collect()
        }
    }
}
