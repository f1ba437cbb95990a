//! `SaslAuthenticate`: the messages of a mechanism (KIP-152).
//!
//! While a connection logs in its task answers (`crate::net::connection`); whatever comes here
//! comes at the wrong time.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
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

/// The broker's message; `session`: how long the login holds, where it ends by itself.
pub(crate) fn response(message: Vec<u8>, session: Option<Duration>) -> SaslAuthenticateResponse {
    let session = session.map_or(0, |it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX));
    SaslAuthenticateResponse::default()
        .with_error_message(None)
        .with_auth_bytes(Bytes::from(message))
        .with_session_lifetime_ms(session)
}

/// Why the client does not get in.
pub(crate) fn refusal(why: &Refusal) -> SaslAuthenticateResponse {
    SaslAuthenticateResponse::default()
        .with_error_code(why.code.code())
        .with_error_message(Some(StrBytes::from_string(why.message.clone())))
}
