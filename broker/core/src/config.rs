//! The one table of configuration: every setting of brokers, topics, groups and client metrics with
//! its type, range, default, documentation and how it may change, and the typed values read from
//! it.
//!
//! Names are Kafka's, and so are types, ranges and defaults (KIP-1030 for the 4.0 limits) unless
//! the setting's own documentation says otherwise. Describing, validating, the documentation and
//! the checks of custom resources all read this one table.

mod broker;
mod broker_table;
mod client_metrics_table;
mod describe;
mod fleet;
mod group_table;
mod invalid;
mod kind;
mod listener;
mod login;
mod nearest;
mod oauth;
mod page;
mod refused;
mod resource;
mod setting;
mod source;
mod text;
mod throttled;
mod tokens;
mod topic;
mod topic_table;
mod transport;

pub use broker::BrokerConfig;
pub(crate) use broker::CORDONED;
pub use describe::{
    Described, Sourced, described_broker, described_client_metrics, described_cluster,
    described_group, described_topic,
};
pub use fleet::{FleetConfig, ReplicaSelector, VoterAddress};
pub use invalid::Invalid;
pub use kind::Kind;
pub use listener::ListenerLimits;
pub use login::{FirstUser, Sasl};
pub use nearest::nearest;
pub use oauth::Tokens;
pub use page::{page, refusals};
pub(crate) use resource::default_of;
pub use resource::{check_client_metrics, check_group, check_topic};
pub use setting::{Scope, Setting, Support, Synonym, Update};
pub use source::Source;
pub use throttled::Throttled;
pub use tokens::TokenConfig;
pub use topic::{Cleanup, Compression, TimestampType, TopicConfig};
pub use transport::{ClientAuth, Pem, Tls, Transport};

use std::collections::BTreeMap;

/// Settings by name, values as text: what a topic overrides, or what a broker was started with.
pub type Overrides = BTreeMap<String, String>;

/// The table of one scope, in alphabetical order.
pub fn table(scope: Scope) -> &'static [Setting] {
    match scope {
        Scope::Topic => topic_table::TOPIC,
        Scope::Broker => &broker_table::BROKER,
        Scope::Group => group_table::GROUP,
        Scope::ClientMetrics => client_metrics_table::CLIENT_METRICS,
    }
}

/// The setting called `name`, or the closest name in the table where there is none. A broker's may
/// be one listener's: `listener.name.<listener>.<setting>`.
pub fn find(scope: Scope, name: &str) -> Result<&'static Setting, Invalid> {
    let of_listener = listener::split(name).filter(|_| scope == Scope::Broker);
    let key = of_listener.map_or(name, |(_, key)| key);
    let table = table(scope);
    let setting = table
        .binary_search_by(|setting| setting.name.cmp(key))
        .ok()
        .and_then(|at| table.get(at))
        .ok_or_else(|| unknown(scope, name, key))?;
    if of_listener.is_some() && !setting.per_listener {
        return Err(Invalid::NotPerListener { name: name.to_owned(), key: setting.name });
    }
    Ok(setting)
}

fn unknown(scope: Scope, name: &str, key: &str) -> Invalid {
    if let Some(reason) = refused::reason(scope, key) {
        return Invalid::Refused { name: name.to_owned(), reason };
    }
    let names = table(scope).iter().map(|setting| setting.name);
    Invalid::Unknown { scope, name: name.to_owned(), suggestion: nearest(key, names) }
}

/// Checks one setting: the name is in the table, the value has its type and lies in its range, and
/// Kastellan can honour it.
pub fn check(scope: Scope, name: &str, value: &str) -> Result<(), Invalid> {
    let setting = find(scope, name)?;
    setting.kind.check(value).map_err(|expected| Invalid::Value {
        name: name.to_owned(),
        value: if setting.sensitive { "[hidden]".to_owned() } else { value.to_owned() },
        expected,
    })?;
    setting.refuse(value)
}

#[cfg(test)]
mod tests;
