//! What a broker is told before it starts; immutable afterwards.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, str::FromStr};

/// A broker's static configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The broker's node id, unique in its cluster; 0 or more.
    pub node_id: i32,
    /// The cluster it belongs to. `None`: whatever the data directory says, or a new cluster's id.
    pub cluster_id: Option<String>,
    /// Where the logs live; created when absent.
    pub data_dir: PathBuf,
    /// Where clients connect; at least one.
    pub listeners: Vec<Listener>,
    /// Broker settings under Kafka's names (`log.segment.bytes`, …), as text.
    pub settings: BTreeMap<String, String>,
}

/// A socket that clients connect to.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The listener's name, as Kafka's `listeners` spells it: `plain`.
    pub name: String,
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// What Metadata tells clients to dial. `None`: the address it is bound to.
    pub advertised: Option<(String, u16)>,
}

/// A setting whose text is not what its name asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("setting {name}: {value:?} is not {expected}")]
pub struct BadSetting {
    /// The setting.
    pub name: String,
    /// The text that was given.
    pub value: String,
    /// What was expected instead.
    pub expected: &'static str,
}

impl Config {
    /// The setting `name` read as a number or a boolean; `default` where it is not set.
    pub(crate) fn setting<T: FromStr>(
        &self,
        name: &str,
        default: T,
        expected: &'static str,
    ) -> Result<T, BadSetting> {
        let Some(value) = self.settings.get(name) else { return Ok(default) };
        let bad = |_| BadSetting { name: name.to_owned(), value: value.clone(), expected };
        value.trim().parse().map_err(bad)
    }

    /// [`Self::setting`] for a count, a size or a time in milliseconds that is 0 or more.
    pub(crate) fn count(&self, name: &str, default: u64) -> Result<u64, BadSetting> {
        self.setting(name, default, "a whole number of 0 or more")
    }

    /// [`Self::count`] for something that is kept in memory.
    pub(crate) fn size(&self, name: &str, default: usize) -> Result<usize, BadSetting> {
        self.setting(name, default, "a whole number of 0 or more")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_is_no_number_is_named_in_the_error() {
        let config = Config {
            node_id: 1,
            cluster_id: None,
            data_dir: PathBuf::new(),
            listeners: Vec::new(),
            settings: BTreeMap::from([("max.connections".to_owned(), "many".to_owned())]),
        };
        assert_eq!(config.count("other", 7), Ok(7));
        let error = config.count("max.connections", 7).unwrap_err().to_string();
        assert_eq!(error, "setting max.connections: \"many\" is not a whole number of 0 or more");
    }
}
