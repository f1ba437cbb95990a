//! `DescribeCluster`: who is in it.

use std::sync::Arc;

use kastellan_core::security::{CLUSTER_NAME, ResourceType};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DescribeClusterRequest, DescribeClusterResponse,
        describe_cluster_response::DescribeClusterBroker,
    },
    protocol::StrBytes,
};

use crate::{access::needs::DESCRIBE_CLUSTER, broker::Broker, call::Call};

/// The kind of endpoint that describes brokers; 2 would be controllers (KIP-919).
const BROKERS: i8 = 1;

/// Answers a request.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DescribeClusterRequest = call.decode()?;
    let cluster_id = StrBytes::from_string(broker.cluster_id().to_owned());
    let response =
        DescribeClusterResponse::default().with_cluster_id(cluster_id).with_error_message(None);
    if request.endpoint_type != BROKERS {
        let code = match request.endpoint_type {
            2 => ErrorCode::MismatchedEndpointType,
            _ => ErrorCode::UnsupportedEndpointType,
        };
        let message = "this listener describes brokers: ask for endpoint type 1";
        let refused = response
            .with_error_code(code.code())
            .with_error_message(Some(StrBytes::from_static_str(message)));
        call.reply.send(&refused);
        return Ok(());
    }
    let image = broker.controller.image();
    let brokers = image
        .brokers()
        .filter(|it| request.include_fenced_brokers || !it.fenced)
        .filter_map(|it| {
            let endpoint = it.endpoint(&call.client.listener)?;
            Some(
                DescribeClusterBroker::default()
                    .with_broker_id(it.id.0.into())
                    .with_host(StrBytes::from_string(endpoint.host.clone()))
                    .with_port(i32::from(endpoint.port))
                    .with_rack(it.rack.clone().map(StrBytes::from_string))
                    .with_is_fenced(it.fenced),
            )
        })
        .collect();
    let judge = broker.judge(&call.client);
    let operations = if !request.include_cluster_authorized_operations {
        i32::MIN
    } else if judge.may_cluster(DESCRIBE_CLUSTER) {
        judge.operations(ResourceType::Cluster, CLUSTER_NAME)
    } else {
        0
    };
    let described = response
        .with_controller_id(broker.config.node_id.into())
        .with_brokers(brokers)
        .with_cluster_authorized_operations(operations);
    call.reply.send(&described);
    Ok(())
}
