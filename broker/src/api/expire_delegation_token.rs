//! `ExpireDelegationToken` (KIP-48).

use std::sync::Arc;

use kastellan_core::metadata::Period;
use kastellan_protocol::{
    Refused,
    messages::{ExpireDelegationTokenRequest, ExpireDelegationTokenResponse},
};

use super::token;
use crate::{broker::Broker, call::Call};

/// Answers once it is committed; errors as those of `RenewDelegationToken`.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: ExpireDelegationTokenRequest = call.decode()?;
    let period = Period::Expire(request.expiry_time_period_ms);
    token::change(broker, call, (&request.hmac, period), |call, code, expires| {
        let response = ExpireDelegationTokenResponse::default()
            .with_error_code(code)
            .with_expiry_timestamp_ms(expires);
        call.reply.send(&response);
    });
    Ok(())
}
