//! The requests about client quotas.

use super::caps::{QUOTA_ENTITIES, QUOTA_PARTS};
use super::schema::{Field, Kind, Schema, boolean, float64, int8, row, string, structs};
use crate::messages::ApiKey;
use crate::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use crate::messages::describe_client_quotas_request::ComponentData;

pub(super) static SCHEMAS: &[Schema] = &[
    row(ApiKey::DescribeClientQuotas, 0, 1, 1, DESCRIBE_CLIENT_QUOTAS),
    row(ApiKey::AlterClientQuotas, 0, 1, 1, ALTER_CLIENT_QUOTAS),
];

static DESCRIBE_CLIENT_QUOTAS: &[Field] = &[
    structs::<ComponentData>(
        "Components",
        &Kind::Struct(&[string("EntityType"), int8("MatchType"), string("Match").nullable(0)]),
    )
    .at_most(QUOTA_PARTS),
    boolean("Strict"),
];

static ALTER_CLIENT_QUOTAS: &[Field] = &[
    structs::<EntryData>(
        "Entries",
        &Kind::Struct(&[
            structs::<EntityData>(
                "Entity",
                &Kind::Struct(&[string("EntityType"), string("EntityName").nullable(0)]),
            )
            .at_most(QUOTA_PARTS),
            structs::<OpData>(
                "Ops",
                &Kind::Struct(&[string("Key"), float64("Value"), boolean("Remove")]),
            )
            .at_most(QUOTA_PARTS),
        ]),
    )
    .at_most(QUOTA_ENTITIES),
    boolean("ValidateOnly"),
];
