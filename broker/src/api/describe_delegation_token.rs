//! `DescribeDelegationToken` (KIP-48): tokens as this broker knows them, with what lets one in.

use std::{collections::BTreeSet, sync::Arc};

use kastellan_core::{
    metadata::Failure,
    security::{DelegationToken, Principal, TokenKey},
};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DescribeDelegationTokenRequest, DescribeDelegationTokenResponse,
        describe_delegation_token_response::{
            DescribedDelegationToken, DescribedDelegationTokenRenewer,
        },
    },
    protocol::StrBytes,
};

use super::token;
use crate::{
    access::needs::{DESCRIBE_TOKEN, DESCRIBE_TOKENS_OF},
    broker::Broker,
    call::Call,
    groups::wire::text,
};

/// Answers at once. Whoever has to do with a token sees it; others need a right to it, or to all
/// that its owner has. Errors: 61 `DELEGATION_TOKEN_AUTH_DISABLED`, 64
/// `DELEGATION_TOKEN_REQUEST_NOT_ALLOWED`.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DescribeDelegationTokenRequest = call.decode()?;
    let principal = |kind: &StrBytes, name: &StrBytes| Principal::new(kind.as_str(), name.as_str());
    let owners: Option<BTreeSet<_>> = request.owners.map(|owners| {
        owners.iter().map(|it| principal(&it.principal_type, &it.principal_name)).collect()
    });
    let response = match key(broker, &call) {
        Ok(key) => {
            let (judge, image) = (broker.judge(&call.client), broker.controller.image());
            let sees = |token: &&Arc<DelegationToken>| {
                let asked = owners
                    .as_ref()
                    .is_none_or(|owners| token.concerned().any(|it| owners.contains(it)));
                asked
                    && (token.concerns(&call.client.principal)
                        || judge.sees(DESCRIBE_TOKEN, &token.id)
                        || judge.sees(DESCRIBE_TOKENS_OF, token.owner.as_str()))
            };
            let tokens =
                image.tokens().filter(sees).map(|token| described(token, &key, call.version()));
            DescribeDelegationTokenResponse::default().with_tokens(tokens.collect())
        }
        Err(why) => DescribeDelegationTokenResponse::default().with_error_code(why.code.code()),
    };
    call.reply.send(&response);
    Ok(())
}

fn key(broker: &Broker, call: &Call) -> Result<TokenKey, Failure> {
    token::may_ask(&call.client)?;
    let off = || Failure::new(ErrorCode::DelegationTokenAuthDisabled, "there are no tokens");
    broker.settings.load().tokens.key.clone().ok_or_else(off)
}

fn described(of: &DelegationToken, key: &TokenKey, version: i16) -> DescribedDelegationToken {
    let DelegationToken { id, owner, requester, renewers, issued, ends, expires } = of;
    let renewer = |it: &Principal| {
        DescribedDelegationTokenRenewer::default()
            .with_principal_type(text(it.kind()))
            .with_principal_name(text(it.name()))
    };
    let mut described = DescribedDelegationToken::default();
    if version >= token::NAMES_THE_REQUESTER {
        described.token_requester_principal_type = text(requester.kind());
        described.token_requester_principal_name = text(requester.name());
    }
    described
        .with_principal_type(text(owner.kind()))
        .with_principal_name(text(owner.name()))
        .with_issue_timestamp(*issued)
        .with_expiry_timestamp(*expires)
        .with_max_timestamp(*ends)
        .with_token_id(text(id))
        .with_hmac(key.hmac(id).0.into())
        .with_renewers(renewers.iter().map(renewer).collect())
}
