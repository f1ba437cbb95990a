//! `SyncGroup`: the leader brings the assignments, everybody fetches its own.

use std::sync::Arc;

use bytes::Bytes;
use kastellan_core::group::{Input, Reply, Sync};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{SyncGroupRequest, SyncGroupResponse},
    protocol::StrBytes,
};

use crate::{
    access::needs::SYNC_GROUP,
    broker::Broker,
    call::Call,
    groups::{Groups, wire},
};

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: SyncGroupRequest = call.decode()?;
    if !broker.judge(&call.client).may(SYNC_GROUP, &request.group_id) {
        let code = ErrorCode::GroupAuthorizationFailed.code();
        call.reply.send(&SyncGroupResponse::default().with_error_code(code));
        return Ok(());
    }
    let input = |ticket| {
        Input::Sync(Box::new(Sync {
            ticket,
            group: request.group_id.as_str().into(),
            generation: request.generation_id,
            member: wire::to_member(&request.member_id),
            instance: wire::to_instance(request.group_instance_id.as_ref()),
            protocol_type: request.protocol_type.as_ref().map(ToString::to_string),
            protocol: request.protocol_name.as_ref().map(ToString::to_string),
            assignments: request
                .assignments
                .iter()
                .map(|given| {
                    let assignment = Bytes::copy_from_slice(&given.assignment);
                    (wire::to_member(&given.member_id), assignment)
                })
                .collect(),
        }))
    };
    Groups::ask(broker, &request.group_id, input, move |reply| {
        let Reply::Sync(synced) = reply else { return };
        let response = match synced {
            Ok(synced) => SyncGroupResponse::default()
                .with_protocol_type(synced.protocol_type.map(StrBytes::from_string))
                .with_protocol_name(synced.protocol.map(StrBytes::from_string))
                .with_assignment(synced.assignment),
            Err(error) => SyncGroupResponse::default().with_error_code(error.code()),
        };
        call.reply.send(&response);
    });
    Ok(())
}
