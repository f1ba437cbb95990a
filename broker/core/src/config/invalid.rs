//! What can be wrong with a setting.

use std::fmt;

use super::setting::Scope;

/// Why a setting is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The name is not in the table.
    #[error("unknown {scope} setting \"{name}\"{}", Suggestion(*suggestion))]
    Unknown {
        /// In whose table it was looked for.
        scope: Scope,
        /// The name as given.
        name: String,
        /// A name that is close to it.
        suggestion: Option<&'static str>,
    },
    /// Kafka knows the name, Kastellan does not take it.
    #[error("{name} is not taken: {reason}")]
    Refused {
        /// The setting.
        name: String,
        /// Why, and what to do instead.
        reason: &'static str,
    },
    /// A listener cannot have its own.
    #[error("{name}: a listener has no {key} of its own; set {key} for the broker")]
    NotPerListener {
        /// The setting as given.
        name: String,
        /// The setting without the listener.
        key: &'static str,
    },
    /// The value is of the wrong type or out of range.
    #[error("{name}={value}: expected {expected}")]
    Value {
        /// The setting.
        name: String,
        /// The value as given.
        value: String,
        /// What would have been right.
        expected: String,
    },
    /// Kafka would take the value, Kastellan cannot honour it.
    #[error("{name}={value} is not supported yet: leave it out, or set {default}")]
    Unsupported {
        /// The setting.
        name: &'static str,
        /// The value as given.
        value: String,
        /// The only value that is accepted.
        default: &'static str,
    },
    /// Words cannot be added to what is no list, nor taken from it.
    #[error("{name} is no list: set it instead")]
    NotAList {
        /// The setting.
        name: &'static str,
    },
    /// Only at the start.
    #[error("{name} cannot be changed while the broker runs: set it at its start")]
    ReadOnly {
        /// The setting.
        name: String,
    },
    /// Two settings contradict each other.
    #[error("{0}")]
    Conflict(String),
}

struct Suggestion(Option<&'static str>);

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "; did you mean \"{name}\"?"))
    }
}
