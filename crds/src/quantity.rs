//! An amount of bytes as Kubernetes writes it (`10Gi`), parsed once; and one of anything, passed
//! on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::config::ConfigValue;

/// Bytes; 0 or more. Keeps the text it came from, so that writing it back changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    text: String,
    bytes: u64,
}

/// Why a text is not an amount of bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an amount of bytes: write a number and a unit, as in 10Gi")]
pub struct InvalidQuantity(String);

/// An amount of a container's resource as Kubernetes writes it (`500m`, `4Gi`), which only
/// Kubernetes has to understand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Amount(pub String);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ConfigValue::deserialize(deserializer).map(|value| Self(value.0))
    }
}

/// Suffixes and what they multiply by; the longer ones first where one ends in another.
const UNITS: [(&str, u64); 10] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
];

impl Quantity {
    /// The amount in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl FromStr for Quantity {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let invalid = || InvalidQuantity(text.to_owned());
        let (number, unit) = UNITS
            .iter()
            .find_map(|(suffix, unit)| text.strip_suffix(suffix).map(|number| (number, *unit)))
            .unwrap_or((text, 1));
        let bytes = match number.split_once('.') {
            None => digits(number).and_then(|whole| whole.checked_mul(unit)),
            Some((whole, fraction)) => with_fraction(whole, fraction, unit),
        };
        Ok(Self { text: text.to_owned(), bytes: bytes.ok_or_else(invalid)? })
    }
}

/// A number without sign or spaces, which `u64::from_str` would let through in part.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// `whole.fraction` units, rounded up to a whole byte as Kubernetes does; nine decimals at most.
fn with_fraction(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok().filter(|n| *n <= 9)?)?;
    let part = u128::from(digits(fraction)?) * u128::from(unit);
    let part = u64::try_from(part.div_ceil(u128::from(scale))).ok()?;
    digits(whole)?.checked_mul(unit)?.checked_add(part)
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyForm)
    }
}

/// Kubernetes takes `10Gi` and the bare number 1073741824.
struct AnyForm;

impl de::Visitor<'_> for AnyForm {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount of bytes, as in 10Gi")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Quantity, E> {
        Ok(Quantity { text: number.to_string(), bytes: number })
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Quantity, E> {
        number.to_string().parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_number_and_perhaps_a_unit() {
        for (text, bytes) in [
            ("10Gi", 10 << 30),
            ("500M", 500_000_000),
            ("1.5Ki", 1536),
            ("0.1k", 100),
            ("1073741824", 1 << 30),
            ("0", 0),
        ] {
            let quantity: Quantity = text.parse().unwrap();
            assert_eq!(quantity.bytes(), bytes, "{text}");
            assert_eq!(quantity.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in
            ["", "Gi", "ten", "-1Gi", "+1", "1 Gi", "1.2.3", "20000Pi", "1.Gi", ".5Gi", "1Gb"]
        {
            assert!(text.parse::<Quantity>().is_err(), "{text:?}");
        }
    }
}
