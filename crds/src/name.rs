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
    /// A cluster's name. It becomes part of Service names, so it is one RFC 1035 label, and
    /// [`CLUSTER_LENGTH`] characters at most leave room for what is put behind it.
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
    /// A listener's name: part of a port's name in Kubernetes (15 characters with `tcp-`) and of
    /// Service names.
    ListenerName,
    "listener name",
    listener
);
name!(
    /// A pool's name: the value of a label, and part of messages.
    PoolName,
    "pool name",
    pool
);
name!(
    /// A volume's name: part of the name of its claim, and of a directory.
    VolumeName,
    "volume name",
    volume
);
name!(
    /// A user's name in Kafka, without the `User:` in front: 1 to 256 characters, no control
    /// characters.
    UserName,
    "user name",
    user
);
name!(
    /// A version of Kastellan: major and minor, as in `0.1`.
    Version,
    "version",
    version
);

/// The longest name of a cluster. `NAME-LISTENER-bootstrap` is the name of a Service, 63 characters
/// at most, and `NAME-ID` that of a StatefulSet, 52 at most: the label with its revision appends
/// 11.
pub const CLUSTER_LENGTH: usize = 40;
/// The longest name of a listener.
pub const LISTENER_LENGTH: usize = 11;
/// The longest name of a pool or a volume.
pub const POOL_LENGTH: usize = 30;

/// One label of RFC 1035, without two '-' in a row, which a port's name must not have.
fn label(text: &str, longest: usize) -> Option<String> {
    if text.is_empty() {
        return Some("it is empty".to_owned());
    }
    if text.len() > longest {
        return Some(format!("{} characters, {longest} at most", text.len()));
    }
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let fits = text.bytes().all(inner)
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--");
    (!fits).then(|| {
        "write lower-case letters, digits and single '-', beginning with a letter and ending \
         with a letter or digit"
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
    let outer = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let fits = |part: &str| {
        part.bytes().all(|b| outer(b) || b == b'-')
            && part.bytes().next().is_some_and(outer)
            && part.bytes().next_back().is_some_and(outer)
    };
    (!text.split('.').all(fits)).then(|| {
        "write lower-case letters, digits, '-' and '.', each part beginning and ending with a \
         letter or digit"
            .to_owned()
    })
}

fn cluster(text: &str) -> Option<String> {
    label(text, CLUSTER_LENGTH)
}

fn listener(text: &str) -> Option<String> {
    label(text, LISTENER_LENGTH)
}

fn pool(text: &str) -> Option<String> {
    label(text, POOL_LENGTH)
}

fn volume(text: &str) -> Option<String> {
    label(text, POOL_LENGTH)
}

fn user(text: &str) -> Option<String> {
    match text.chars().count() {
        0 => Some("it is empty".to_owned()),
        257.. => Some("256 characters at most".to_owned()),
        _ => text.contains(char::is_control).then(|| "it has control characters".to_owned()),
    }
}

fn version(text: &str) -> Option<String> {
    let number =
        |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let fits = text.split_once('.').is_some_and(|(major, minor)| number(major) && number(minor));
    (!fits).then(|| "write major and minor in quotes, as in \"0.1\"".to_owned())
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
    fn the_longest_names_fit_into_what_kubernetes_makes_of_them() {
        let (cluster, listener) = ("c".repeat(CLUSTER_LENGTH), "l".repeat(LISTENER_LENGTH));
        assert!(format!("{cluster}-{listener}-bootstrap").len() <= 63, "a Service");
        assert!(format!("{cluster}-{listener}-99999").len() <= 63, "a Service of one broker");
        assert!(format!("{cluster}-99999").len() + "-0123456789".len() <= 63, "a StatefulSet");
        assert!(format!("tcp-{listener}").len() <= 15, "a port");
    }

    #[test]
    fn a_bad_name_is_refused_with_the_rule_it_breaks() {
        let why = |result: Result<(), InvalidName>| result.unwrap_err().to_string();
        let demo = "Demo".parse::<ClusterName>().map(drop);
        assert_eq!(
            why(demo),
            "\"Demo\" is not a cluster name: write lower-case letters, digits and single '-', \
             beginning with a letter and ending with a letter or digit"
        );
        let long = "x".repeat(250).parse::<TopicName>().map(drop);
        assert!(why(long).ends_with("250 characters, 249 at most"));
        for text in ["", ".", "..", "a b", "a/b", "\u{fc}"] {
            assert!(text.parse::<TopicName>().is_err(), "{text:?}");
        }
        for text in ["", "-a", "a-", "a_b", "a..b", ".a"] {
            assert!(text.parse::<ObjectName>().is_err(), "{text:?}");
        }
        for text in ["external-plain", "1a", "a--b", "a-", "A"] {
            assert!(text.parse::<ListenerName>().is_err(), "{text:?}");
        }
        for text in ["0", "0.1.2", "v0.1", "0.", "00000.1"] {
            assert!(text.parse::<Version>().is_err(), "{text:?}");
        }
        assert!("a\nb".parse::<UserName>().is_err());
        assert!("CN=rider,O=riders".parse::<UserName>().is_ok());
    }
}
