//! `InitProducerId`: an id for an idempotent producer.
//!
//! Transactional producers are refused with 35 `UNSUPPORTED_VERSION`: there is no transaction
//! coordinator yet, and that is what clients show of it at once and for good ("not supported by the
//! broker"). 15 `COORDINATOR_NOT_AVAILABLE` would have them try for ever, and 53
//! `TRANSACTIONAL_ID_AUTHORIZATION_FAILED` would send people looking for permissions.

use std::sync::Arc;

use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{InitProducerIdRequest, InitProducerIdResponse},
};

use crate::{
    access::needs::{INIT_PRODUCER_ID, INIT_PRODUCER_ID_TOPIC, INIT_PRODUCER_ID_TRANSACTIONAL},
    broker::Broker,
    call::Call,
};

/// Answers with a new id at epoch 0, also a producer that gives its old id and epoch: without
/// transactions nothing hangs on the old one, and a new id cannot be fenced by it (KIP-360).
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: InitProducerIdRequest = call.decode()?;
    let judge = broker.judge(&call.client);
    let denied = if let Some(id) = &request.transactional_id {
        let may = judge.may(INIT_PRODUCER_ID_TRANSACTIONAL, id);
        (!may).then_some(ErrorCode::TransactionalIdAuthorizationFailed)
    } else {
        let may =
            judge.may_with_some(INIT_PRODUCER_ID_TOPIC) || judge.may_cluster(INIT_PRODUCER_ID);
        (!may).then_some(ErrorCode::ClusterAuthorizationFailed)
    };
    drop(judge);
    if let Some(denied) = denied {
        call.reply.send(&failed(denied));
        return Ok(());
    }
    if let Some(id) = &request.transactional_id {
        let error =
            if id.is_empty() { ErrorCode::InvalidRequest } else { ErrorCode::UnsupportedVersion };
        call.reply.send(&failed(error));
        return Ok(());
    }
    // both or neither, and never below nothing
    let (id, epoch) = (request.producer_id.0, request.producer_epoch);
    if (id == -1) != (epoch == -1) || id < -1 || epoch < -1 {
        call.reply.send(&failed(ErrorCode::InvalidRequest));
        return Ok(());
    }
    broker.producer_ids.take(broker, move |taken| {
        let response = match taken {
            Ok(id) => {
                InitProducerIdResponse::default().with_producer_id(id.into()).with_producer_epoch(0)
            }
            Err(error) => failed(error),
        };
        call.reply.send(&response);
    });
    Ok(())
}

fn failed(error: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse::default()
        .with_error_code(error.code())
        .with_producer_id((-1).into())
        .with_producer_epoch(-1)
}
