//! The values in force and where they come from, the strongest source first.

use kastellan_core::config::{BrokerConfig, Overrides, Scope, Setting, Synonym, Update, table};

use crate::config::Config;

/// Where a value comes from, with Kafka's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Set for the topic.
    Topic,
    /// Given to the broker at its start.
    StaticBroker,
    /// Nobody set it.
    Default,
}

/// A setting as it is described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) name: &'static str,
    /// Hidden where it is sensitive.
    pub(crate) value: Option<String>,
    pub(crate) source: Source,
    pub(crate) read_only: bool,
    pub(crate) sensitive: bool,
    pub(crate) kind: i8,
    pub(crate) doc: &'static str,
    pub(crate) synonyms: Vec<Sourced>,
}

/// A value somewhere along the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sourced {
    pub(crate) name: &'static str,
    pub(crate) value: Option<String>,
    pub(crate) source: Source,
}

impl Source {
    /// Kafka's number.
    pub(crate) fn code(self) -> i8 {
        match self {
            Self::Topic => 1,
            Self::StaticBroker => 4,
            Self::Default => 5,
        }
    }
}

/// The settings of a topic that overrides `overrides`.
pub(crate) fn described_topic(
    overrides: &Overrides,
    broker: &BrokerConfig,
) -> impl Iterator<Item = Described> {
    let visible = |setting: &&Setting| !setting.internal() || overrides.contains_key(setting.name);
    table(Scope::Topic).iter().filter(visible).map(|setting| {
        let mut synonyms = Vec::new();
        if let Some(value) = overrides.get(setting.name) {
            let (name, value) = (setting.name, Some(value.clone()));
            synonyms.push(Sourced { name, value, source: Source::Topic });
        }
        synonyms.extend(along(setting.synonyms, broker));
        let source = synonyms.first().map_or(Source::Default, |first| first.source);
        let value = match overrides.get(setting.name) {
            Some(value) => Some(value.clone()),
            None => Some(broker.topic_default(setting.name)),
        };
        describe(setting, (value, source), synonyms)
    })
}

/// The settings of this broker.
pub(crate) fn described_broker(config: &Config, broker: &BrokerConfig) -> Vec<Described> {
    let mut described: Vec<_> = table(Scope::Broker)
        .iter()
        .map(|setting| {
            let own = [Synonym { name: setting.name, scale: 1 }];
            let mut synonyms = along(&own, broker);
            synonyms.extend(along(setting.synonyms, broker));
            let explicit = broker.explicit(setting.name).map(str::to_owned);
            let source = if explicit.is_some() { Source::StaticBroker } else { Source::Default };
            let value = explicit.or_else(|| setting.default.map(str::to_owned));
            describe(setting, (value, source), synonyms)
        })
        .collect();
    described.extend(identity(config));
    described.sort_by_key(|described| described.name);
    described
}

/// What the broker was told outside the table: who and where it is.
fn identity(config: &Config) -> impl Iterator<Item = Described> {
    let listeners: Vec<_> = config
        .listeners
        .iter()
        .map(|listener| format!("{}://{}", listener.name, listener.bind))
        .collect();
    let dir = config.data_dir.display().to_string();
    [
        ("node.id", config.node_id.to_string(), 3, "The broker's id, unique in its cluster."),
        ("listeners", listeners.join(","), 7, "Where the broker listens."),
        ("log.dirs", dir, 7, "Where the broker keeps its data."),
    ]
    .into_iter()
    .map(|(name, value, kind, doc)| Described {
        name,
        value: Some(value.clone()),
        source: Source::StaticBroker,
        read_only: true,
        sensitive: false,
        kind,
        doc,
        synonyms: vec![Sourced { name, value: Some(value), source: Source::StaticBroker }],
    })
}

/// The broker settings of a chain that are set, then those that have a default.
fn along(chain: &[Synonym], broker: &BrokerConfig) -> Vec<Sourced> {
    let set = chain.iter().filter_map(|synonym| {
        let value = Some(broker.explicit(synonym.name)?.to_owned());
        Some(Sourced { name: synonym.name, value, source: Source::StaticBroker })
    });
    let defaults = chain.iter().filter_map(|synonym| {
        let known = table(Scope::Broker).iter().find(|setting| setting.name == synonym.name)?;
        let value = Some(known.default?.to_owned());
        Some(Sourced { name: synonym.name, value, source: Source::Default })
    });
    set.chain(defaults).collect()
}

fn describe(
    setting: &Setting,
    (value, source): (Option<String>, Source),
    mut synonyms: Vec<Sourced>,
) -> Described {
    if setting.sensitive {
        for synonym in &mut synonyms {
            synonym.value = None;
        }
    }
    Described {
        name: setting.name,
        value: value.filter(|_| !setting.sensitive),
        source,
        read_only: setting.update == Update::ReadOnly,
        sensitive: setting.sensitive,
        kind: setting.kind.code(),
        doc: setting.doc,
        synonyms,
    }
}
