//! The requests that log in, and those about passwords.

use super::caps::USERS;
use super::schema::{Field, Kind, NEVER, Schema, bytes, int8, int32, row, string, structs};
use crate::messages::ApiKey;
use crate::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use crate::messages::describe_user_scram_credentials_request::UserName;

pub(super) static SCHEMAS: &[Schema] = &[
    row(ApiKey::SaslHandshake, 0, 1, NEVER, SASL_HANDSHAKE),
    row(ApiKey::SaslAuthenticate, 0, 2, 2, SASL_AUTHENTICATE),
    row(ApiKey::DescribeUserScramCredentials, 0, 0, 0, DESCRIBE_USER_SCRAM_CREDENTIALS),
    row(ApiKey::AlterUserScramCredentials, 0, 0, 0, ALTER_USER_SCRAM_CREDENTIALS),
];

static SASL_HANDSHAKE: &[Field] = &[string("Mechanism")];

static SASL_AUTHENTICATE: &[Field] = &[bytes("AuthBytes")];

static DESCRIBE_USER_SCRAM_CREDENTIALS: &[Field] =
    &[structs::<UserName>("Users", &Kind::Struct(&[string("Name")])).nullable(0).at_most(USERS)];

static ALTER_USER_SCRAM_CREDENTIALS: &[Field] = &[
    structs::<ScramCredentialDeletion>(
        "Deletions",
        &Kind::Struct(&[string("Name"), int8("Mechanism")]),
    )
    .at_most(USERS),
    structs::<ScramCredentialUpsertion>(
        "Upsertions",
        &Kind::Struct(&[
            string("Name"),
            int8("Mechanism"),
            int32("Iterations"),
            bytes("Salt"),
            bytes("SaltedPassword"),
        ]),
    )
    .at_most(USERS),
];
