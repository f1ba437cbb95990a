//! The settings of brokers, by what they are about.

mod access;
mod cluster;
mod connections;
mod fleet;
mod groups;
mod later;
mod login;
mod logs;
mod oauth;
mod tokens;
mod transport;

use std::sync::LazyLock;

use super::setting::Setting;
pub(super) use access::STANDARD;
pub(super) use fleet::RACK_AWARE;

/// In alphabetical order.
pub(super) static BROKER: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    let parts = [
        access::ROWS,
        cluster::ROWS,
        connections::ROWS,
        fleet::ROWS,
        groups::ROWS,
        later::ROWS,
        login::ROWS,
        logs::ROWS,
        oauth::ROWS,
        tokens::ROWS,
        transport::ROWS,
    ];
    let mut all = parts.concat();
    all.sort_unstable_by_key(|setting| setting.name);
    all
});
