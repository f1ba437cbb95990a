//! One line of the table.

use std::fmt;

use super::{invalid::Invalid, kind::Kind};

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
    /// How it may be changed.
    pub update: Update,
    /// Whether its value is shown to nobody.
    pub sensitive: bool,
    /// What Kastellan does with it.
    pub support: Support,
    /// Whether a listener may have its own: `listener.name.<listener>.<name>`.
    pub per_listener: bool,
    /// Broker settings that give a topic or group setting its default, the first that is set
    /// winning; for a broker setting those that stand in for it.
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
    /// A group (KIP-848).
    Group,
    /// A subscription to clients' metrics (KIP-714).
    ClientMetrics,
}

/// How a setting may be changed; Kafka's words for it (KIP-226). Settings of topics, groups and
/// client metrics are all changed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// At the next start of the broker.
    ReadOnly,
    /// At once, broker by broker.
    PerBroker,
    /// At once, for one broker or for all.
    ClusterWide,
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
    /// A setting of a topic, a group or a subscription: they may change at any time.
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
            update: Update::ClusterWide,
            sensitive: false,
            support: Support::Honoured,
            per_listener: false,
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

    /// A setting of a broker that may change at any time, for one broker or for all.
    pub(super) const fn dynamic(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self::topic(name, kind, default, doc)
    }

    pub(super) const fn one_by_one(self) -> Self {
        Self { update: Update::PerBroker, ..self }
    }

    pub(super) const fn per_listener(self) -> Self {
        Self { per_listener: true, ..self }
    }

    pub(super) const fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
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

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Topic => "topic",
            Self::Broker => "broker",
            Self::Group => "group",
            Self::ClientMetrics => "client metrics",
        })
    }
}

impl fmt::Display for Update {
    /// Kafka's words in its documentation of brokers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnly => "read-only",
            Self::PerBroker => "per-broker",
            Self::ClusterWide => "cluster-wide",
        })
    }
}
