//! The one table of configuration: every topic and broker setting with its type, range, default,
//! documentation and whether it may change at run time, and the typed values read from it.
//!
//! Names are Kafka's, and so are types, ranges and defaults (KIP-1030 for the 4.0 limits) unless
//! the setting's own documentation says otherwise. Describing, validating, the documentation and
//! the checks of custom resources all read this one table.

mod broker;
mod broker_table;
mod kind;
mod nearest;
mod setting;
mod topic;
mod topic_table;

pub use broker::BrokerConfig;
pub use kind::Kind;
pub use nearest::nearest;
pub use setting::{Invalid, Scope, Setting, Support, Synonym, Update};
pub use topic::{Cleanup, Compression, TimestampType, TopicConfig};

use std::collections::BTreeMap;

/// Settings by name, values as text: what a topic overrides, or what a broker was started with.
pub type Overrides = BTreeMap<String, String>;

/// The table of one scope, in alphabetical order.
pub fn table(scope: Scope) -> &'static [Setting] {
    match scope {
        Scope::Topic => topic_table::TOPIC,
        Scope::Broker => broker_table::BROKER,
    }
}

/// The setting called `name`, or the closest name in the table where there is none.
pub fn find(scope: Scope, name: &str) -> Result<&'static Setting, Invalid> {
    let table = table(scope);
    table.iter().find(|setting| setting.name == name).ok_or_else(|| Invalid::Unknown {
        scope,
        name: name.to_owned(),
        suggestion: nearest(name, table.iter().map(|setting| setting.name)),
    })
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

/// Checks a topic's overrides, each for itself and all together.
pub fn check_topic(overrides: &Overrides, broker: &BrokerConfig) -> Result<(), Invalid> {
    for (name, value) in overrides {
        check(Scope::Topic, name, value)?;
    }
    TopicConfig::resolve(overrides, broker).check()
}

#[cfg(test)]
mod tests;
