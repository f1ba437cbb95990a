//! `SaslAuthenticate`: the messages of a mechanism (KIP-152).
//!
//! While a connection logs in its task answers (`crate::net::login`); whatever comes here comes at
//! the wrong time.

use std::sync::Arc;

use kastellan_core::security::sasl::Refusal;
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{SaslAuthenticateRequest, SaslAuthenticateResponse},
    protocol::StrBytes,
};

use crate::{broker::Broker, call::Call};

/// Answers that nobody logs in here: 34 `ILLEGAL_SASL_STATE`.
pub(crate) fn handle(_: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let _: SaslAuthenticateRequest = call.decode()?;
    let message = "SaslAuthenticate without a SaslHandshake before it".to_owned();
    call.reply.send(&refusal(&Refusal { code: ErrorCode::IllegalSaslState, message }));
    Ok(())
}

/// Why the client does not get in.
pub(crate) fn refusal(why: &Refusal) -> SaslAuthenticateResponse {
    SaslAuthenticateResponse::default()
        .with_error_code(why.code.code())
        .with_error_message(Some(StrBytes::from_string(why.message.clone())))
}
