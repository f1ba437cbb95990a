//! Delegation tokens (KIP-48), typed.

use std::time::Duration;

use super::broker::Reader;
use crate::security::TokenKey;

/// How delegation tokens are made and how long they last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenConfig {
    /// delegation.token.secret.key; `None`: there are no tokens.
    pub key: Option<TokenKey>,
    /// delegation.token.max.lifetime.ms.
    pub max_lifetime_ms: i64,
    /// delegation.token.expiry.time.ms.
    pub expiry_time_ms: i64,
    /// delegation.token.expiry.check.interval.ms.
    pub expiry_check_interval: Duration,
}

impl TokenConfig {
    pub(super) fn read(value: &Reader<'_>) -> Self {
        Self {
            key: TokenKey::new(value.text("delegation.token.secret.key")),
            max_lifetime_ms: value.long("delegation.token.max.lifetime.ms"),
            expiry_time_ms: value.long("delegation.token.expiry.time.ms"),
            expiry_check_interval: Duration::from_millis(
                value.number("delegation.token.expiry.check.interval.ms"),
            ),
        }
    }
}
