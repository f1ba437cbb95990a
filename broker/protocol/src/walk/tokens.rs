//! The requests about delegation tokens (KIP-48, KIP-373).

use super::caps::{TOKEN_OWNERS, TOKEN_RENEWERS};
use super::schema::{Field, Kind, Schema, bytes, int64, row, string, structs};
use crate::messages::ApiKey;
use crate::messages::create_delegation_token_request::CreatableRenewers;
use crate::messages::describe_delegation_token_request::DescribeDelegationTokenOwner;

pub(super) static SCHEMAS: &[Schema] = &[
    row(ApiKey::CreateDelegationToken, 1, 3, 2, CREATE),
    row(ApiKey::RenewDelegationToken, 1, 2, 2, &[bytes("Hmac"), int64("RenewPeriodMs")]),
    row(ApiKey::ExpireDelegationToken, 1, 2, 2, &[bytes("Hmac"), int64("ExpiryTimePeriodMs")]),
    row(ApiKey::DescribeDelegationToken, 1, 3, 2, DESCRIBE),
];

const PRINCIPAL: &[Field] = &[string("PrincipalType"), string("PrincipalName")];

static CREATE: &[Field] = &[
    string("OwnerPrincipalType").since(3).nullable(3),
    string("OwnerPrincipalName").since(3).nullable(3),
    structs::<CreatableRenewers>("Renewers", &Kind::Struct(PRINCIPAL)).at_most(TOKEN_RENEWERS),
    int64("MaxLifetimeMs"),
];

static DESCRIBE: &[Field] =
    &[structs::<DescribeDelegationTokenOwner>("Owners", &Kind::Struct(PRINCIPAL))
        .nullable(0)
        .at_most(TOKEN_OWNERS)];
