//! `Heartbeat`: a member lives.

use std::sync::Arc;

use kastellan_core::group::{Heartbeat, Input, Reply};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{HeartbeatRequest, HeartbeatResponse},
};

use crate::{
    access::needs::HEARTBEAT,
    broker::Broker,
    call::Call,
    groups::{Groups, wire},
};

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: HeartbeatRequest = call.decode()?;
    if !broker.judge(&call.client).may(HEARTBEAT, &request.group_id) {
        let code = ErrorCode::GroupAuthorizationFailed.code();
        call.reply.send(&HeartbeatResponse::default().with_error_code(code));
        return Ok(());
    }
    let input = |ticket| {
        Input::Heartbeat(Heartbeat {
            ticket,
            group: request.group_id.as_str().into(),
            generation: request.generation_id,
            member: wire::to_member(&request.member_id),
            instance: wire::to_instance(request.group_instance_id.as_ref()),
        })
    };
    Groups::ask(broker, &request.group_id, input, move |reply| {
        if let Reply::Heartbeat(fate) = reply {
            call.reply.send(&HeartbeatResponse::default().with_error_code(wire::code(&fate)));
        }
    });
    Ok(())
}
