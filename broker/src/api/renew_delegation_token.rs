//! `RenewDelegationToken` (KIP-48).

use std::sync::Arc;

use kastellan_core::metadata::Period;
use kastellan_protocol::{
    Refused,
    messages::{RenewDelegationTokenRequest, RenewDelegationTokenResponse},
};

use super::token;
use crate::{broker::Broker, call::Call};

/// Answers once it is committed. Errors: 61 `DELEGATION_TOKEN_AUTH_DISABLED`, 62 `..._NOT_FOUND`,
/// 63 `..._OWNER_MISMATCH`, 64 `..._REQUEST_NOT_ALLOWED`, 66 `..._EXPIRED`.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: RenewDelegationTokenRequest = call.decode()?;
    let period = Period::Renew(request.renew_period_ms);
    token::change(broker, call, (&request.hmac, period), |call, code, expires| {
        let response = RenewDelegationTokenResponse::default()
            .with_error_code(code)
            .with_expiry_timestamp_ms(expires);
        call.reply.send(&response);
    });
    Ok(())
}
