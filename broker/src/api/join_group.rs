//! `JoinGroup`: a member wants into the next generation of its group.

use std::sync::Arc;

use bytes::Bytes;
use kastellan_core::group::{Input, Join, Joined, JoinedMember, Protocol, Reply};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{JoinGroupRequest, JoinGroupResponse, join_group_response::JoinGroupResponseMember},
    protocol::StrBytes,
};
use uuid::Uuid;

use crate::{
    access::needs::JOIN_GROUP,
    broker::Broker,
    call::Call,
    groups::{Groups, wire},
};

/// From here on a newcomer is given an id first and joins with it (KIP-394).
const KNOWN_MEMBERS: i16 = 4;
/// From here on an answer can say that there is no protocol; before, it is empty.
const NULLABLE_PROTOCOL: i16 = 7;
/// From here on a leader can be told to leave the assignment alone (KIP-814).
const SKIPS_ASSIGNMENT: i16 = 9;

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: JoinGroupRequest = call.decode()?;
    let version = call.version();
    if !broker.judge(&call.client).may(JOIN_GROUP, &request.group_id) {
        call.reply.send(&denied(version));
        return Ok(());
    }
    let mut join = Join {
        ticket: kastellan_core::machine::Ticket(0),
        group: request.group_id.as_str().into(),
        member: wire::to_member(&request.member_id),
        instance: wire::to_instance(request.group_instance_id.as_ref()),
        client_id: call.header.client_id.as_deref().unwrap_or_default().to_owned(),
        client_host: format!("/{}", call.client.host),
        rebalance_timeout_ms: match version {
            0 => request.session_timeout_ms,
            _ => request.rebalance_timeout_ms,
        },
        session_timeout_ms: request.session_timeout_ms,
        protocol_type: request.protocol_type.to_string(),
        protocols: request
            .protocols
            .iter()
            .map(|protocol| Protocol {
                name: protocol.name.to_string(),
                metadata: Bytes::copy_from_slice(&protocol.metadata),
            })
            .collect(),
        requires_known_member: version >= KNOWN_MEMBERS,
        skips_assignment: version >= SKIPS_ASSIGNMENT,
        unique: Uuid::new_v4(),
    };
    let reason = request.reason.as_deref().unwrap_or_default();
    tracing::debug!(group = %join.group, member = %join.member, reason, "a member joins");
    let group = join.group.clone();
    let input = move |ticket| {
        join.ticket = ticket;
        Input::Join(Box::new(join))
    };
    Groups::ask(broker, group.as_str(), input, move |reply| {
        if let Reply::Join(joined) = reply {
            call.reply.send(&response(version, *joined));
        }
    });
    Ok(())
}

fn denied(version: i16) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_error_code(ErrorCode::GroupAuthorizationFailed.code())
        .with_generation_id(-1)
        .with_protocol_name((version < NULLABLE_PROTOCOL).then(StrBytes::default))
}

fn response(version: i16, joined: Joined) -> JoinGroupResponse {
    let no_protocol = joined.error.is_some() && version >= NULLABLE_PROTOCOL;
    let protocol = (!no_protocol).then(|| StrBytes::from_string(joined.protocol));
    JoinGroupResponse::default()
        .with_error_code(joined.error.map_or(wire::NONE, |error| error.code()))
        .with_generation_id(joined.generation)
        .with_protocol_type(joined.protocol_type.map(StrBytes::from_string))
        .with_protocol_name(protocol)
        .with_leader(wire::member(&joined.leader))
        .with_skip_assignment(joined.skip_assignment)
        .with_member_id(wire::member(&joined.member))
        .with_members(joined.members.into_iter().map(member).collect())
}

fn member(joined: JoinedMember) -> JoinGroupResponseMember {
    JoinGroupResponseMember::default()
        .with_member_id(wire::member(&joined.member))
        .with_group_instance_id(wire::instance(joined.instance.as_ref()))
        .with_metadata(joined.metadata)
}
