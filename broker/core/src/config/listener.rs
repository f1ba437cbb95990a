//! Settings of one listener: `listener.name.<listener>.<setting>`.

use super::{Overrides, login};

/// How many connections one listener takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerLimits {
    /// max.connections of the listener alone.
    pub max_connections: usize,
    /// max.connection.creation.rate of the listener alone, in connections per second.
    pub max_creation_rate: usize,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self { max_connections: usize::MAX, max_creation_rate: usize::MAX }
    }
}

const PREFIX: &str = "listener.name.";

/// The listener and the setting of a name like `listener.name.plain.max.connections`; what is said
/// of one mechanism of the listener is a setting, too.
pub(super) fn split(name: &str) -> Option<(&str, &str)> {
    let (listener, key) = name.strip_prefix(PREFIX)?.split_once('.')?;
    let key = login::without_mechanism(key);
    (!listener.is_empty() && !key.is_empty()).then_some((listener, key))
}

/// What is said of single listeners; their names in small letters, as Kafka compares them.
pub(super) fn limits(settings: &Overrides) -> Vec<(String, ListenerLimits)> {
    let mut found: Vec<(String, ListenerLimits)> = Vec::new();
    let range = settings.range(PREFIX.to_owned()..);
    for (name, value) in range.take_while(|(name, _)| name.starts_with(PREFIX)) {
        let (Some((listener, key)), Ok(value)) = (split(name), value.trim().parse()) else {
            continue;
        };
        let listener = listener.to_ascii_lowercase();
        let at = found.iter().position(|(known, _)| *known == listener).unwrap_or_else(|| {
            found.push((listener, ListenerLimits::default()));
            found.len() - 1
        });
        let Some((_, limits)) = found.get_mut(at) else { continue };
        match key {
            "max.connections" => limits.max_connections = value,
            "max.connection.creation.rate" => limits.max_creation_rate = value,
            _ => (),
        }
    }
    found
}
