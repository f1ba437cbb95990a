//! `BrokerHeartbeat` (KIP-631): a broker of the fleet lives, has caught up, or wants to stop.

use std::sync::Arc;

use kastellan_core::{
    id::BrokerId,
    metadata::{Heartbeat, Input, Reply},
};
use kastellan_protocol::{
    Refused,
    messages::{BrokerHeartbeatRequest, BrokerHeartbeatResponse},
};

use crate::{broker::Broker, call::Call};

/// Answers once what follows from it is committed. A peer speaks for nobody but itself.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: BrokerHeartbeatRequest = call.decode()?;
    if !call.may_speak_as(request.broker_id.0) {
        call.reply.close("a peer that heartbeats for another broker");
        return Ok(());
    }
    let heartbeat = Heartbeat {
        broker: BrokerId(request.broker_id.0),
        epoch: request.broker_epoch,
        metadata_offset: request.current_metadata_offset,
        want_fence: request.want_fence,
        want_shut_down: request.want_shut_down,
        offline_dirs: request.offline_log_dirs,
    };
    broker.controller.ask(
        move |ticket| Input::Heartbeat { ticket, heartbeat },
        move |reply| call.reply.send(&response(reply)),
    );
    Ok(())
}

fn response(reply: Reply) -> BrokerHeartbeatResponse {
    let response = BrokerHeartbeatResponse::default();
    match reply {
        Reply::Heartbeat { is_caught_up, is_fenced, should_shut_down } => response
            .with_is_caught_up(is_caught_up)
            .with_is_fenced(is_fenced)
            .with_should_shut_down(should_shut_down),
        other => response.with_error_code(other.failure().code.code()),
    }
}
