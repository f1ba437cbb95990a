//! Whether an object of the API server already has all that the operator would apply.
//!
//! The server adds defaults, other managers add fields: neither is a difference. What the operator
//! does not apply any more is seen by the hash that is among the annotations that it applies.

use serde_json::Value;

/// Whether `there` has everything of `wanted`: every field of every map, and every element of every
/// list at its place. Amounts are compared as such below `requests`, `limits` and `capacity`,
/// because the server writes `1000m` as `1`.
pub fn contains(there: &Value, wanted: &Value) -> bool {
    below(there, wanted, false)
}

fn below(there: &Value, wanted: &Value, amounts: bool) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => wanted.iter().all(|(name, wanted)| {
            let amounts = amounts || matches!(name.as_str(), "requests" | "limits" | "capacity");
            match there.get(name) {
                Some(there) => below(there, wanted, amounts),
                None => empty(wanted),
            }
        }),
        (Value::Array(there), Value::Array(wanted)) => {
            let mut pairs = there.iter().zip(wanted);
            there.len() == wanted.len()
                && pairs.all(|(there, wanted)| below(there, wanted, amounts))
        }
        (Value::String(there), Value::String(wanted)) if amounts && there != wanted => {
            amount(there).is_some_and(|there| amount(wanted) == Some(there))
        }
        (there, wanted) => there == wanted,
    }
}

/// What the server leaves out.
fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(empty),
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    }
}

/// Suffixes of amounts and what they stand for, in billionths.
const SUFFIXES: [(&str, i128); 15] = [
    ("Ki", 1_000_000_000 << 10),
    ("Mi", 1_000_000_000 << 20),
    ("Gi", 1_000_000_000 << 30),
    ("Ti", 1_000_000_000 << 40),
    ("Pi", 1_000_000_000 << 50),
    ("Ei", 1_000_000_000 << 60),
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("k", 1_000_000_000_000),
    ("M", 1_000_000_000_000_000),
    ("G", 1_000_000_000_000_000_000),
    ("T", 1_000_000_000_000_000_000_000),
    ("P", 1_000_000_000_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000_000_000_000),
];

/// A Kubernetes quantity in billionths; `None` for what is none, or has an exponent.
fn amount(text: &str) -> Option<i128> {
    let suffix = SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix));
    let (number, unit) = match suffix {
        Some((suffix, unit)) => (text.strip_suffix(suffix)?, *unit),
        None => (text, 1_000_000_000),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    digits.checked_mul(unit)?.checked_div(scale)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_and_foreign_fields_are_no_difference() {
        let there = json!({ "a": 1, "list": [{ "name": "x", "protocol": "TCP" }], "more": {} });
        assert!(contains(&there, &json!({ "a": 1, "list": [{ "name": "x" }], "none": {} })));
        assert!(contains(&there, &json!({ "none": null, "empty": [], "deep": { "er": {} } })));
    }

    #[test]
    fn other_values_and_other_lengths_are_differences() {
        let there = json!({ "a": 1, "list": [1, 2] });
        for wanted in [json!({ "a": 2 }), json!({ "list": [1] }), json!({ "b": false })] {
            assert!(!contains(&there, &wanted), "{wanted}");
        }
    }

    #[test]
    fn an_amount_may_be_written_in_several_ways() {
        let there = json!({ "limits": { "cpu": "1500m", "memory": "1Gi" } });
        assert!(contains(&there, &json!({ "limits": { "cpu": "1.5", "memory": "1024Mi" } })));
        assert!(!contains(&there, &json!({ "limits": { "cpu": "1.6" } })));
        assert!(!contains(&json!({ "cpu": "1500m" }), &json!({ "cpu": "1.5" })));
    }
}
