//! `SaslHandshake`: by which mechanism a client is going to log in (KIP-43).
//!
//! While a connection logs in its task answers (`crate::net::connection`); whatever comes here
//! comes at the wrong time.

use std::sync::Arc;

use kastellan_core::security::sasl::Mechanism;
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{SaslHandshakeRequest, SaslHandshakeResponse},
    protocol::StrBytes,
};

use crate::{broker::Broker, call::Call};

/// Answers that nobody logs in here: 34 `ILLEGAL_SASL_STATE`.
pub(crate) fn handle(_: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let _: SaslHandshakeRequest = call.decode()?;
    call.reply.send(&response(Some(ErrorCode::IllegalSaslState), &[]));
    Ok(())
}

/// An answer, with the mechanisms that there are.
pub(crate) fn response(code: Option<ErrorCode>, enabled: &[Mechanism]) -> SaslHandshakeResponse {
    let names = enabled.iter().map(|mechanism| StrBytes::from_static_str(mechanism.name()));
    SaslHandshakeResponse::default()
        .with_error_code(code.map_or(0, |code| code.code()))
        .with_mechanisms(names.collect())
}
