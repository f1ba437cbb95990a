//! Who may do what.

use super::super::{
    kind::Kind::{Boolean, OneOf, Principals},
    setting::Setting,
};

/// The one authorizer that there is, by Kafka's name for it.
pub(in crate::config) const STANDARD: &str =
    "org.apache.kafka.metadata.authorizer.StandardAuthorizer";

/// In alphabetical order.
pub(super) static ROWS: &[Setting] = &[
    Setting::broker(
        "allow.everyone.if.no.acl.found",
        Boolean,
        "false",
        "Whether a resource that no entry of the access control lists is about is open to all.",
    ),
    Setting::broker(
        "authorizer.class.name",
        OneOf(&[STANDARD, ""]),
        "",
        "Whether requests are held against the access control lists, which are part of the \
         cluster's metadata; empty: everybody may do everything. The name is Kafka's, no class is \
         loaded.",
    ),
    Setting::broker(
        "super.users",
        Principals,
        "",
        "Principals that may do everything, such as `User:admin`, with semicolons in between.",
    ),
];
