//! What the requests about delegation tokens have in common (KIP-48).

use std::sync::Arc;

use kastellan_core::{
    machine::Ticket,
    metadata::{Failure, Input, Period, Reply, TokenChange, TokenRequest},
    security::{DelegationToken, Secret},
};
use kastellan_protocol::ErrorCode;

use crate::{
    broker::Broker,
    call::{Call, ClientInfo, Proof},
};

/// What is said instead of a time by a broker that refuses a request itself, as in Kafka.
pub(super) const NO_TIME: i64 = -1;

/// The same where it is the controller that refuses it.
pub(super) const NO_TIME_THERE: i64 = 0;

/// The first version of answers that say who has asked for a token (KIP-373).
pub(super) const NAMES_THE_REQUESTER: i16 = 3;

/// Whether the client may ask for anything about tokens. 64 `DELEGATION_TOKEN_REQUEST_NOT_ALLOWED`:
/// nobody knows who it is, or it has come in with a token itself, which would never end so.
pub(super) fn may_ask(client: &ClientInfo) -> Result<(), Failure> {
    if client.proof == Proof::Credential {
        return Ok(());
    }
    let why = "it takes a login or a certificate of one's own, not a delegation token";
    Err(Failure::new(ErrorCode::DelegationTokenRequestNotAllowed, why))
}

/// Has a token renewed or ended; `answer` sends the code, and when it ends.
pub(super) fn change(
    broker: &Arc<Broker>,
    call: Call,
    (hmac, period): (&[u8], Period),
    answer: impl FnOnce(Call, i16, i64) + Send + 'static,
) {
    if let Err(why) = may_ask(&call.client) {
        return answer(call, why.code.code(), NO_TIME);
    }
    let requester = call.client.principal.clone();
    let change = TokenChange { hmac: Secret(hmac.to_vec()), requester, period };
    let request = TokenRequest::Change(change);
    let input = move |ticket: Ticket| Input::Token { ticket, request };
    broker.decide(call.way.clone(), input, move |reply| match made(reply) {
        Ok(token) => answer(call, 0, token.expires),
        Err(why) => answer(call, why.code.code(), NO_TIME_THERE),
    });
}

/// The token that the controller has made or changed.
pub(super) fn made(reply: Reply) -> Result<DelegationToken, Failure> {
    match reply {
        Reply::Token(token) => Ok(*token),
        other => {
            let why = other.failure();
            // these answers have no words
            tracing::debug!(%why.message, "a request about a delegation token is refused");
            Err(why)
        }
    }
}
