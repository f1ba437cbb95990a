//! Schemas of the types that serde writes as text.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::name::{ClusterName, ListenerName, ObjectName, TopicName};
use crate::quantity::Quantity;

/// One RFC 1123 label.
const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

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
text!(ClusterName, { "type": "string", "maxLength": 40, "pattern": LABEL });
text!(ListenerName, { "type": "string", "maxLength": 11, "pattern": LABEL });
text!(TopicName, { "type": "string", "maxLength": 249, "pattern": "^[a-zA-Z0-9._-]+$" });
text!(Quantity, { "x-kubernetes-int-or-string": true });
