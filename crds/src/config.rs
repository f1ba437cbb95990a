//! Kafka settings in a manifest: `log.retention.hours: 72` next to `cleanup.policy: compact`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Settings under Kafka's names.
pub type Config = BTreeMap<String, ConfigValue>;

/// A setting's value as Kafka takes it, which is text; a manifest may write a whole number without
/// quotes. Not so true, false and decimals: a schema that has no type for them is the only one
/// whose rules see the settings, and what the API server refuses is refused everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ConfigValue(pub String);

impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ConfigValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar)
    }
}

struct Scalar;

impl de::Visitor<'_> for Scalar {
    type Value = ConfigValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a whole number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ConfigValue, E> {
        Ok(ConfigValue(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<ConfigValue, E> {
        Err(E::custom(format_args!("write \"{value}\", with quotes")))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<ConfigValue, E> {
        Ok(ConfigValue(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<ConfigValue, E> {
        Ok(ConfigValue(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<ConfigValue, E> {
        // a whole number all the same, and the API server lets it in
        if value.is_finite() && value.fract() == 0.0 {
            return Ok(ConfigValue(format!("{value:.0}")));
        }
        Err(E::custom(format_args!("write \"{value}\", with quotes")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_become_the_text_that_kafka_takes() {
        let config: Config = serde_json::from_str(r#"{"a": 72, "b": -1, "d": "compact"}"#).unwrap();
        let text: Vec<&str> = config.values().map(|value| value.0.as_str()).collect();
        assert_eq!(text, ["72", "-1", "compact"]);
        let far: Config = serde_json::from_str(r#"{"a": 1e3, "b": 18446744073709551616}"#).unwrap();
        let text: Vec<&str> = far.values().map(|value| value.0.as_str()).collect();
        assert_eq!(text, ["1000", "18446744073709551616"]);
    }

    #[test]
    fn anything_else_is_refused_and_what_lacks_quotes_is_shown_with_them() {
        for text in [r#"{"a": [1]}"#, r#"{"a": {}}"#, r#"{"a": null}"#] {
            let why = serde_json::from_str::<Config>(text).unwrap_err().to_string();
            assert!(why.contains("a text or a whole number"), "{why}");
        }
        for (text, quoted) in [(r#"{"a": true}"#, "\"true\""), (r#"{"a": 0.5}"#, "\"0.5\"")] {
            let why = serde_json::from_str::<Config>(text).unwrap_err().to_string();
            assert!(why.contains(&format!("write {quoted}, with quotes")), "{why}");
        }
    }
}
