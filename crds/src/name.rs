//! Names, parsed once: past these types nobody checks them again.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Why a text is not a name of its kind; reads on after the name: "`Demo` is not a ...: ...".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind}: {why}")]
pub struct InvalidName {
    /// The text refused.
    pub text: String,
    /// What it should have named.
    pub kind: &'static str,
    /// The rule that it breaks.
    pub why: String,
}

/// A name's rule; `None` when the text keeps it.
type Rule = fn(&str) -> Option<String>;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $rule:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let rule: Rule = $rule;
                match rule(text) {
                    None => Ok(Self(text.to_owned())),
                    Some(why) => Err(InvalidName { text: text.to_owned(), kind: $kind, why }),
                }
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// An object's `metadata.name`: an RFC 1123 subdomain, at most 253 characters.
    ObjectName,
    "name of an object",
    object
);
name!(
    /// A cluster's name. It becomes part of Service names, so it is one RFC 1123 label, and 40
    /// characters at most leave room for what is put behind it.
    ClusterName,
    "cluster name",
    cluster
);
name!(
    /// A topic's name in Kafka: 1 to 249 characters of `[a-zA-Z0-9._-]`, neither `.` nor `..`.
    TopicName,
    "topic name",
    topic
);
name!(
    /// A listener's name: part of a port's name in Kubernetes, so at most 11 characters.
    ListenerName,
    "listener name",
    listener
);

fn label(text: &str, longest: usize) -> Option<String> {
    if text.is_empty() {
        return Some("it is empty".to_owned());
    }
    if text.len() > longest {
        return Some(format!("{} characters, {longest} at most", text.len()));
    }
    let outer = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let fits = text.bytes().all(|b| outer(b) || b == b'-')
        && text.bytes().next().is_some_and(outer)
        && text.bytes().next_back().is_some_and(outer);
    (!fits).then(|| {
        "write lower-case letters, digits and '-', beginning and ending with a letter or digit"
            .to_owned()
    })
}

fn object(text: &str) -> Option<String> {
    if text.len() > 253 {
        return Some(format!("{} characters, 253 at most", text.len()));
    }
    if text.is_empty() {
        return Some("it is empty".to_owned());
    }
    text.split('.').find_map(|part| label(part, 253)).map(|_| {
        "write lower-case letters, digits, '-' and '.', each part beginning and ending with a \
         letter or digit"
            .to_owned()
    })
}

fn cluster(text: &str) -> Option<String> {
    label(text, 40)
}

fn listener(text: &str) -> Option<String> {
    label(text, 11)
}

fn topic(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("it is empty".to_owned());
    }
    if text.len() > 249 {
        return Some(format!("{} characters, 249 at most", text.len()));
    }
    if text == "." || text == ".." {
        return Some("'.' and '..' are names of directories".to_owned());
    }
    let fits = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    (!fits).then(|| "write letters, digits, '.', '_' and '-'".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_are_kept_as_they_are() {
        assert_eq!("demo".parse::<ClusterName>().unwrap().as_str(), "demo");
        assert_eq!("rider-updates.v2".parse::<ObjectName>().unwrap().as_str(), "rider-updates.v2");
        assert_eq!("Rider_Updates.v2".parse::<TopicName>().unwrap().as_str(), "Rider_Updates.v2");
        assert_eq!("plain".parse::<ListenerName>().unwrap().as_str(), "plain");
    }

    #[test]
    fn a_bad_name_is_refused_with_the_rule_it_breaks() {
        let why = |result: Result<(), InvalidName>| result.unwrap_err().to_string();
        let demo = "Demo".parse::<ClusterName>().map(drop);
        assert_eq!(
            why(demo),
            "\"Demo\" is not a cluster name: write lower-case letters, digits and '-', beginning \
             and ending with a letter or digit"
        );
        let long = "x".repeat(250).parse::<TopicName>().map(drop);
        assert!(why(long).ends_with("250 characters, 249 at most"));
        for text in ["", ".", "..", "a b", "a/b", "\u{fc}"] {
            assert!(text.parse::<TopicName>().is_err(), "{text:?}");
        }
        for text in ["", "-a", "a-", "a_b", "a..b", ".a"] {
            assert!(text.parse::<ObjectName>().is_err(), "{text:?}");
        }
        assert!("external-plain".parse::<ListenerName>().is_err());
    }
}
