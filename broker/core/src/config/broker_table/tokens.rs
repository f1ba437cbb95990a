//! Delegation tokens.

use super::super::{
    kind::Kind::{Long, Password},
    setting::Setting,
};

/// In alphabetical order.
pub(super) static ROWS: &[Setting] = &[
    Setting::broker(
        "delegation.token.expiry.check.interval.ms",
        Long(1, i64::MAX),
        "3600000",
        "How often the controller forgets delegation tokens that are over, in milliseconds. They \
         let nobody in before that either.",
    ),
    Setting::broker(
        "delegation.token.expiry.time.ms",
        Long(1, i64::MAX),
        "86400000",
        "How long a delegation token lets somebody in without being renewed, in milliseconds.",
    ),
    Setting::broker(
        "delegation.token.max.lifetime.ms",
        Long(1, i64::MAX),
        "604800000",
        "How long a delegation token can be renewed, in milliseconds.",
    ),
    Setting::broker(
        "delegation.token.secret.key",
        Password,
        "",
        "What delegation tokens (KIP-48) are made with: random text, the same for all brokers. \
         Without it there are none; with another one, those that were made before let nobody in. \
         Better in the file of --config than on the command line, which others can see.",
    )
    .without_default()
    .sensitive(),
];
