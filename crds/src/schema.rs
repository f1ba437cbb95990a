//! Schemas of the types that serde writes as text, and of parts that several types have.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::config::ConfigValue;
use crate::name::{CLUSTER_LENGTH, LISTENER_LENGTH, POOL_LENGTH};
use crate::name::{
    ClusterName, ListenerName, ObjectName, PoolName, TopicName, UserName, Version, VolumeName,
};
use crate::quantity::{Amount, Quantity};
use crate::rule::{self, rule};

macro_rules! text {
    ($type:ident, $schema:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text!(ObjectName, { "type": "string", "minLength": 1, "maxLength": 253 });
text!(ClusterName, {
    "type": "string",
    "maxLength": CLUSTER_LENGTH,
    "x-kubernetes-validations": [rule::label()]
});
text!(ListenerName, {
    "type": "string",
    "maxLength": LISTENER_LENGTH,
    "x-kubernetes-validations": [rule::label()]
});
text!(PoolName, {
    "type": "string",
    "maxLength": POOL_LENGTH,
    "x-kubernetes-validations": [rule::label()]
});
text!(VolumeName, {
    "type": "string",
    "maxLength": POOL_LENGTH,
    "x-kubernetes-validations": [rule::label()]
});
text!(TopicName, {
    "type": "string",
    "maxLength": 249,
    "x-kubernetes-validations": [rule(
        "self.matches('^[a-zA-Z0-9._-]+$') && self != '.' && self != '..'",
        "write letters, digits, '.', '_' and '-', more than just dots"
    )]
});
text!(UserName, {
    "type": "string",
    "minLength": 1,
    "maxLength": 256,
    "x-kubernetes-validations": [rule(
        "!self.matches('[[:cntrl:]]')",
        "a user's name has no control characters"
    )]
});
text!(Version, {
    "type": "string",
    "maxLength": 9,
    "x-kubernetes-validations": [rule(
        "self.matches('^[0-9]{1,4}[.][0-9]{1,4}$')",
        "write major and minor in quotes, as in \"0.1\""
    )]
});
text!(Quantity, {
    "x-kubernetes-int-or-string": true,
    "maxLength": 24,
    "x-kubernetes-validations": [rule::bytes()]
});
text!(ConfigValue, { "x-kubernetes-int-or-string": true, "maxLength": 8192 });
text!(Amount, {
    "x-kubernetes-int-or-string": true,
    "maxLength": 24,
    "x-kubernetes-validations": [rule(
        "isQuantity(string(self)) && quantity(string(self)).isGreaterThan(quantity('0'))",
        "write an amount above 0 as Kubernetes does: 500m or 2 of cpu, 4Gi of memory"
    )]
});

/// The schema of a range of addresses.
pub(crate) struct Cidr;
/// The schema of a user as rules name it.
pub(crate) struct Principal;
/// The schema of a map of labels.
pub(crate) struct Labels;
/// The schema of a map of texts.
pub(crate) struct Texts;

text!(Cidr, {
    "type": "string",
    "maxLength": 43,
    "x-kubernetes-validations": [rule(
        "isCIDR(self)",
        "write a range of addresses, as in 192.0.2.0/24"
    )]
});
text!(Principal, {
    "type": "string",
    "maxLength": 261,
    "x-kubernetes-validations": [rule(
        "self.startsWith('User:') && size(self) > 5",
        "write a user as in User:admin"
    )]
});
text!(Labels, {
    "type": "object",
    "additionalProperties": { "type": "string", "maxLength": 63 }
});
text!(Texts, {
    "type": "object",
    "additionalProperties": { "type": "string", "maxLength": 4096 }
});
