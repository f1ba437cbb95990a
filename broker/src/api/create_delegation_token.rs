//! `CreateDelegationToken` (KIP-48), for somebody else, too (KIP-373).

use std::sync::Arc;

use kastellan_core::{
    id::uuid_to_text,
    metadata::{Failure, Input, NewToken, TokenRequest},
    security::Principal,
};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{CreateDelegationTokenRequest, CreateDelegationTokenResponse},
};
use uuid::Uuid;

use super::token::{self, NO_TIME, NO_TIME_THERE};
use crate::{access::needs::CREATE_TOKEN_FOR, broker::Broker, call::Call, groups::wire::text};

/// Answers once it is committed. Errors: 61 `DELEGATION_TOKEN_AUTH_DISABLED`, 64
/// `DELEGATION_TOKEN_REQUEST_NOT_ALLOWED`, 65 `DELEGATION_TOKEN_AUTHORIZATION_FAILED`, 67
/// `INVALID_PRINCIPAL_TYPE`, 42 `INVALID_REQUEST` for a name that is too long, 44
/// `POLICY_VIOLATION` for whoever has too many.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: CreateDelegationTokenRequest = call.decode()?;
    let requester = call.client.principal.clone();
    let owner = match request.owner_principal_name.filter(|name| !name.is_empty()) {
        Some(name) => Principal::new(&request.owner_principal_type.unwrap_or_default(), &name),
        None => requester.clone(),
    };
    let mut whose = CreateDelegationTokenResponse::default()
        .with_principal_type(text(owner.kind()))
        .with_principal_name(text(owner.name()));
    if call.version() >= token::NAMES_THE_REQUESTER {
        whose.token_requester_principal_type = text(requester.kind());
        whose.token_requester_principal_name = text(requester.name());
    }
    if let Err(why) = may(broker, &call, &owner) {
        call.reply.send(&refusal(whose, &why, NO_TIME));
        return Ok(());
    }
    let (renewers, lifetime) = (request.renewers.iter(), request.max_lifetime_ms);
    let request = TokenRequest::Create(NewToken {
        id: uuid_to_text(Uuid::new_v4()),
        owner,
        requester,
        renewers: renewers
            .map(|it| Principal::new(&it.principal_type, &it.principal_name))
            .collect(),
        lifetime,
    });
    let key = broker.settings.load().tokens.key.clone();
    let input = move |ticket| Input::Token { ticket, request };
    broker.decide(call.way.clone(), input, move |reply| {
        let made = token::made(reply).and_then(|token| {
            let hmac = key.ok_or_else(Failure::unexpected)?.hmac(&token.id);
            Ok((token, hmac))
        });
        let response = match made {
            Ok((token, hmac)) => whose
                .with_issue_timestamp_ms(token.issued)
                .with_expiry_timestamp_ms(token.expires)
                .with_max_timestamp_ms(token.ends)
                .with_token_id(text(&token.id))
                .with_hmac(hmac.0.into()),
            // in Kafka it is a broker who looks at the renewers
            Err(why) if why.code == ErrorCode::InvalidPrincipalType => {
                refusal(whose, &why, NO_TIME)
            }
            Err(why) => refusal(whose, &why, NO_TIME_THERE),
        };
        call.reply.send(&response);
    });
    Ok(())
}

/// For oneself everybody may who can ask at all.
fn may(broker: &Broker, call: &Call, owner: &Principal) -> Result<(), Failure> {
    token::may_ask(&call.client)?;
    if *owner == call.client.principal {
        return Ok(());
    }
    broker.judge(&call.client).check(CREATE_TOKEN_FOR, owner.as_str())
}

fn refusal(
    whose: CreateDelegationTokenResponse,
    why: &Failure,
    no_time: i64,
) -> CreateDelegationTokenResponse {
    whose
        .with_error_code(why.code.code())
        .with_issue_timestamp_ms(no_time)
        .with_expiry_timestamp_ms(no_time)
        .with_max_timestamp_ms(no_time)
}
