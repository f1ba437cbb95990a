//! The settings of subscriptions to clients' metrics (KIP-714), kept and checked as Kafka does;
//! clients are not asked for metrics yet.

use super::{
    kind::Kind::{Clients, Int, List},
    setting::Setting,
};

/// In alphabetical order.
pub(super) static CLIENT_METRICS: &[Setting] = &[
    Setting::topic(
        "interval.ms",
        Int(100, 3_600_000),
        "300000",
        "How often clients that match send their metrics, in milliseconds.",
    )
    .without_effect(),
    Setting::topic(
        "match",
        Clients,
        "",
        "Which clients: a list of NAME=PATTERN, the pattern a regular expression and the name one \
         of client_instance_id, client_id, client_software_name, client_software_version, \
         client_source_address, client_source_port; empty is all of them.",
    )
    .without_effect(),
    Setting::topic(
        "metrics",
        List,
        "",
        "Prefixes of the names of metrics that are sent; `*` is all of them, empty none.",
    )
    .without_effect(),
];
