//! One line of the table, and what can be wrong with a value.

use std::fmt;

use super::kind::Kind;

/// A setting: Kafka's name for it and all that is known of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Kafka's name.
    pub name: &'static str,
    /// Type and range.
    pub kind: Kind,
    /// The default as Kafka prints it; `None` where there is none.
    pub default: Option<&'static str>,
    /// What it does, in our words.
    pub doc: &'static str,
    /// When a change takes effect.
    pub update: Update,
    /// Whether its value is shown to nobody.
    pub sensitive: bool,
    /// What Kastellan does with it.
    pub support: Support,
    /// Broker settings that give a topic setting its default, the first that is set winning; for a
    /// broker setting those that stand in for it.
    pub synonyms: &'static [Synonym],
}

/// A broker setting from which another takes its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synonym {
    /// The broker setting's name.
    pub name: &'static str,
    /// What its number is multiplied with: 60,000 from minutes to milliseconds.
    pub scale: i64,
}

/// Whom a setting belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One topic.
    Topic,
    /// A broker, or all of them.
    Broker,
}

/// When a change of a setting takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// At the next start of the broker.
    ReadOnly,
    /// At once.
    Dynamic,
}

/// What Kastellan does with a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It does what it says.
    Honoured,
    /// It is accepted because existing manifests and tools set it, and it changes nothing here; the
    /// documentation says why.
    NoEffect,
    /// Only the default is accepted: silently ignoring another value would break what was promised.
    DefaultOnly,
}

impl Setting {
    /// A setting of a topic; all of them may change at any time.
    pub(super) const fn topic(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            default: Some(default),
            doc,
            update: Update::Dynamic,
            sensitive: false,
            support: Support::Honoured,
            synonyms: &[],
        }
    }

    /// A setting of a broker, read once at its start.
    pub(super) const fn broker(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { update: Update::ReadOnly, ..Self::topic(name, kind, default, doc) }
    }

    pub(super) const fn without_default(self) -> Self {
        Self { default: None, ..self }
    }

    pub(super) const fn without_effect(self) -> Self {
        Self { support: Support::NoEffect, ..self }
    }

    pub(super) const fn default_only(self) -> Self {
        Self { support: Support::DefaultOnly, ..self }
    }

    pub(super) const fn from(self, synonyms: &'static [Synonym]) -> Self {
        Self { synonyms, ..self }
    }

    /// Whether it is only for tests and is left out of descriptions unless set.
    pub fn internal(&self) -> bool {
        self.name.starts_with("internal.")
    }

    /// Refuses a well-formed value that cannot be honoured.
    pub(super) fn refuse(&self, value: &str) -> Result<(), Invalid> {
        let default = self.default.unwrap_or_default();
        if self.support == Support::DefaultOnly && !value.trim().eq_ignore_ascii_case(default) {
            return Err(Invalid::Unsupported { name: self.name, value: value.to_owned(), default });
        }
        Ok(())
    }
}

/// Shorthand for the tables: a synonym in the same unit.
pub(super) const fn same(name: &'static str) -> Synonym {
    Synonym { name, scale: 1 }
}

/// Shorthand for the tables: a synonym in another unit.
pub(super) const fn scaled(name: &'static str, scale: i64) -> Synonym {
    Synonym { name, scale }
}

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
    /// Two settings contradict each other.
    #[error("{0}")]
    Conflict(String),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Topic => "topic",
            Self::Broker => "broker",
        })
    }
}

struct Suggestion(Option<&'static str>);

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "; did you mean \"{name}\"?"))
    }
}
