//! `LeaveGroup`: members go for good.

use std::sync::Arc;

use kastellan_core::group::{Input, InstanceId, Leave, MemberId, Reply};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{LeaveGroupRequest, LeaveGroupResponse, leave_group_response::MemberResponse},
};

use crate::{
    access::needs::LEAVE_GROUP,
    broker::Broker,
    call::Call,
    groups::{Groups, wire},
};

/// From here on a request names several members, by instance if need be (KIP-345).
const BATCHED: i16 = 3;

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: LeaveGroupRequest = call.decode()?;
    let version = call.version();
    if !broker.judge(&call.client).may(LEAVE_GROUP, &request.group_id) {
        let code = ErrorCode::GroupAuthorizationFailed.code();
        call.reply.send(&LeaveGroupResponse::default().with_error_code(code));
        return Ok(());
    }
    let members: Vec<(MemberId, Option<InstanceId>)> = if version >= BATCHED {
        let members = request.members.iter();
        let named = |it: &kastellan_protocol::messages::leave_group_request::MemberIdentity| {
            let reason = it.reason.as_deref().unwrap_or_default();
            let (group, member) = (&*request.group_id, &*it.member_id);
            tracing::debug!(%group, %member, reason, "a member leaves");
            (wire::to_member(&it.member_id), wire::to_instance(it.group_instance_id.as_ref()))
        };
        members.map(named).collect()
    } else {
        vec![(wire::to_member(&request.member_id), None)]
    };
    let asked = members.clone();
    let input =
        |ticket| Input::Leave(Leave { ticket, group: request.group_id.as_str().into(), members });
    Groups::ask(broker, &request.group_id, input, move |reply| {
        if let Reply::Leave(fates) = reply {
            call.reply.send(&response(version, asked, fates));
        }
    });
    Ok(())
}

fn response(
    version: i16,
    asked: Vec<(MemberId, Option<InstanceId>)>,
    fates: Result<Vec<Result<(), ErrorCode>>, ErrorCode>,
) -> LeaveGroupResponse {
    let response = LeaveGroupResponse::default();
    let fates = match fates {
        Ok(fates) => fates,
        Err(error) => return response.with_error_code(error.code()),
    };
    if version < BATCHED {
        return response.with_error_code(fates.first().map_or(wire::NONE, wire::code));
    }
    let member =
        |((id, instance), fate): ((MemberId, Option<InstanceId>), Result<(), ErrorCode>)| {
            MemberResponse::default()
                .with_member_id(wire::member(&id))
                .with_group_instance_id(wire::instance(instance.as_ref()))
                .with_error_code(wire::code(&fate))
        };
    response.with_members(asked.into_iter().zip(fates).map(member).collect())
}
