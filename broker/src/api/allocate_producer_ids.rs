//! `AllocateProducerIds` (KIP-730): a broker of the fleet needs another block of producer ids.

use std::sync::Arc;

use kastellan_core::{
    id::BrokerId,
    metadata::{Input, Reply},
};
use kastellan_protocol::{
    Refused,
    messages::{AllocateProducerIdsRequest, AllocateProducerIdsResponse, ProducerId},
};

use crate::{broker::Broker, call::Call};

/// Answers once the block is given away for good. A peer asks for nobody but itself.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: AllocateProducerIdsRequest = call.decode()?;
    if !call.may_speak_as(request.broker_id.0) {
        call.reply.close("a peer that asks for another broker");
        return Ok(());
    }
    let (asking, epoch) = (BrokerId(request.broker_id.0), Some(request.broker_epoch));
    broker.controller.ask(
        move |ticket| Input::AllocateProducerIds { ticket, broker: asking, epoch },
        move |reply| call.reply.send(&response(reply)),
    );
    Ok(())
}

fn response(reply: Reply) -> AllocateProducerIdsResponse {
    let response = AllocateProducerIdsResponse::default();
    match reply {
        Reply::ProducerIds { first, count } => response
            .with_producer_id_start(ProducerId(first))
            .with_producer_id_len(i32::try_from(count).unwrap_or(i32::MAX)),
        other => response.with_error_code(other.failure().code.code()),
    }
}
