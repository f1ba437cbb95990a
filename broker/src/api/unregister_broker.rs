//! `UnregisterBroker`: a broker is gone for good.

use std::sync::Arc;

use kastellan_core::{
    id::BrokerId,
    metadata::{Input, Reply},
};
use kastellan_protocol::{
    Refused,
    messages::{UnregisterBrokerRequest, UnregisterBrokerResponse},
};

use super::failure;
use crate::{access::needs::UNREGISTER_BROKER, broker::Broker, call::Call};

/// Answers once it is committed.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: UnregisterBrokerRequest = call.decode()?;
    if let Err(why) = broker.judge(&call.client).check_cluster(UNREGISTER_BROKER) {
        let (code, message) = failure::parts(why);
        let response = UnregisterBrokerResponse::default();
        call.reply.send(&response.with_error_code(code).with_error_message(message));
        return Ok(());
    }
    let gone = BrokerId(request.broker_id.0);
    broker.decide(
        call.way.clone(),
        move |ticket| Input::UnregisterBroker { ticket, broker: gone },
        move |reply| {
            let result = match reply {
                Reply::Done => Ok(()),
                other => Err(other.failure()),
            };
            let (code, message) = failure::of(result);
            let response = UnregisterBrokerResponse::default();
            call.reply.send(&response.with_error_code(code).with_error_message(message));
        },
    );
    Ok(())
}
