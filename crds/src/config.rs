//! Kafka settings in a manifest: `log.retention.hours: 72` next to `cleanup.policy: compact`.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// Settings under Kafka's names.
pub type Config = BTreeMap<String, ConfigValue>;

/// A setting's value as Kafka takes it, which is text; a manifest may write a number or true and
/// false without quotes.
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
        f.write_str("a text, a number, true or false")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ConfigValue, E> {
        Ok(ConfigValue(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<ConfigValue, E> {
        Ok(ConfigValue(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<ConfigValue, E> {
        Ok(ConfigValue(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<ConfigValue, E> {
        Ok(ConfigValue(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<ConfigValue, E> {
        Ok(ConfigValue(value.to_string()))
    }
}

impl JsonSchema for ConfigValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ConfigValue".into()
    }

    fn inline_schema() -> bool {
        true
    }

    // a structural schema has no other word for "a scalar of any type"
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_booleans_become_the_text_that_kafka_takes() {
        let config: Config =
            serde_json::from_str(r#"{"a": 72, "b": -1, "c": true, "d": "compact", "e": 0.5}"#)
                .unwrap();
        let text: Vec<&str> = config.values().map(|value| value.0.as_str()).collect();
        assert_eq!(text, ["72", "-1", "true", "compact", "0.5"]);
    }

    #[test]
    fn a_list_or_a_map_is_refused() {
        for text in [r#"{"a": [1]}"#, r#"{"a": {}}"#, r#"{"a": null}"#] {
            let why = serde_json::from_str::<Config>(text).unwrap_err().to_string();
            assert!(why.contains("a text, a number"), "{why}");
        }
    }
}
