//! Settings as `DescribeConfigs` tells them: the values in force, where they come from, and what
//! else was said along the way, in the order and with the omissions of Kafka.

use std::borrow::Cow;

use super::{
    BrokerConfig, Overrides, Scope, Setting, Source, Synonym, Update, find, listener, table,
};

/// A setting as it is described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its value; hidden where it is sensitive.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: Source,
    /// Whether it cannot be changed while the broker runs.
    pub read_only: bool,
    /// Whether its value is hidden.
    pub sensitive: bool,
    /// The number of its type.
    pub kind: i8,
    /// What it means.
    pub doc: &'static str,
    /// Everything that was said of it, the strongest first.
    pub synonyms: Vec<Sourced>,
}

/// A value somewhere along the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced {
    /// Under which name it was said.
    pub name: Cow<'static, str>,
    /// The value.
    pub value: Option<String>,
    /// Where.
    pub source: Source,
}

/// The settings of a topic that overrides `overrides`.
pub fn described_topic<'a>(
    overrides: &'a Overrides,
    broker: &'a BrokerConfig,
) -> impl Iterator<Item = Described> + 'a {
    let visible = |setting: &&Setting| !setting.internal() || overrides.contains_key(setting.name);
    let rows = table(Scope::Topic).iter().filter(visible);
    rows.map(|setting| {
        let behind = setting.synonyms.first().map(|first| first.name);
        let synonyms = behind.map_or_else(Vec::new, |name| of_broker(name, broker));
        let inherited = || broker.inherited(Scope::Topic, setting.name);
        with_override(setting, (overrides, Source::Topic), synonyms, inherited)
    })
}

/// The settings of a group that overrides `overrides`.
pub fn described_group<'a>(
    overrides: &'a Overrides,
    broker: &'a BrokerConfig,
) -> impl Iterator<Item = Described> + 'a {
    table(Scope::Group).iter().map(|setting| {
        let behind = setting.synonyms.first().map(|first| first.name);
        // a setting that no broker has a default for has one all the same
        let synonyms = behind.map_or_else(
            || by_default(setting).into_iter().collect(),
            |name| of_broker(name, broker),
        );
        let inherited = || broker.inherited(Scope::Group, setting.name);
        with_override(setting, (overrides, Source::Group), synonyms, inherited)
    })
}

/// The settings of a subscription to clients' metrics that overrides `overrides`.
pub fn described_client_metrics(overrides: &Overrides) -> impl Iterator<Item = Described> {
    table(Scope::ClientMetrics).iter().map(|setting| {
        let default = || setting.default.unwrap_or_default().to_owned();
        with_override(setting, (overrides, Source::ClientMetrics), Vec::new(), default)
    })
}

/// Every setting of this broker, and what is set for single listeners.
pub fn described_broker(broker: &BrokerConfig) -> impl Iterator<Item = Described> {
    let rows = table(Scope::Broker).iter().map(|setting| Cow::Borrowed(setting.name));
    let listeners = broker.names().filter(|name| listener::split(name).is_some());
    let all = rows.chain(listeners.map(|name| Cow::Owned(name.to_owned())));
    all.filter_map(|name| broker_setting(name, broker, |_| true))
}

/// What is set for all brokers while they run, and nothing else.
pub fn described_cluster(broker: &BrokerConfig) -> impl Iterator<Item = Described> {
    let names = broker.cluster().keys().map(|name| Cow::Owned(name.clone()));
    names.filter_map(|name| {
        broker_setting(name, broker, |synonym| synonym.source == Source::DynamicDefault)
    })
}

fn broker_setting(
    name: Cow<'static, str>,
    broker: &BrokerConfig,
    counts: impl Fn(&Sourced) -> bool,
) -> Option<Described> {
    let setting = find(Scope::Broker, &name).ok()?;
    let mut synonyms = of_broker(&name, broker);
    synonyms.retain(counts);
    let first = synonyms.first();
    let source = first.map_or(Source::Default, |first| first.source);
    // its own value, not that of a setting which stands in for it
    let value = first.and_then(|first| first.value.clone());
    Some(described(setting, name, (value, source), synonyms))
}

/// Everything that was said of a broker's setting and those that stand in for it: source by source,
/// and beginning where it is said of the setting itself.
fn of_broker(name: &str, broker: &BrokerConfig) -> Vec<Sourced> {
    let Ok(setting) = find(Scope::Broker, name) else { return Vec::new() };
    let base = setting.name;
    let synonyms = setting.synonyms.iter().map(|synonym: &Synonym| synonym.name);
    let own = (base != name).then(|| name.to_owned());
    let chain: Vec<Cow<'static, str>> = own
        .map(Cow::Owned)
        .into_iter()
        .chain(std::iter::once(base).chain(synonyms).map(Cow::Borrowed))
        .collect();
    let mut all = Vec::new();
    for source in [Source::DynamicBroker, Source::DynamicDefault, Source::Static] {
        for name in &chain {
            let said = broker.layers(name).find(|(from, _)| *from == source);
            all.extend(said.map(|(source, value)| {
                let value = Some(value.trim().to_owned());
                Sourced { name: name.clone(), value, source }
            }));
        }
    }
    for name in &chain {
        let row = find(Scope::Broker, name).ok().filter(|row| row.name == name);
        all.extend(row.and_then(by_default));
    }
    let before = all.iter().take_while(|said| said.name != name).count();
    all.split_off(before)
}

fn by_default(setting: &Setting) -> Option<Sourced> {
    let value = Some(setting.default?.to_owned());
    Some(Sourced { name: Cow::Borrowed(setting.name), value, source: Source::Default })
}

/// A setting of a resource: its own value, or what it inherits.
fn with_override(
    setting: &'static Setting,
    (overrides, source): (&Overrides, Source),
    mut synonyms: Vec<Sourced>,
    inherited: impl FnOnce() -> String,
) -> Described {
    let own = overrides.get(setting.name).map(|value| value.trim().to_owned());
    if let Some(value) = &own {
        let (name, value) = (Cow::Borrowed(setting.name), Some(value.clone()));
        synonyms.insert(0, Sourced { name, value, source });
    }
    let source = synonyms.first().map_or(Source::Default, |first| first.source);
    let value = Some(own.unwrap_or_else(inherited));
    described(setting, Cow::Borrowed(setting.name), (value, source), synonyms)
}

fn described(
    setting: &'static Setting,
    name: Cow<'static, str>,
    (value, source): (Option<String>, Source),
    mut synonyms: Vec<Sourced>,
) -> Described {
    if setting.sensitive {
        for synonym in &mut synonyms {
            synonym.value = None;
        }
    }
    // Kafka looks a listener's setting up under its whole name, and finds that it is not dynamic
    let of_listener = name != setting.name;
    Described {
        name,
        value: value.filter(|_| !setting.sensitive),
        source,
        read_only: setting.update == Update::ReadOnly || of_listener,
        sensitive: setting.sensitive,
        kind: setting.kind.code(),
        doc: setting.doc,
        synonyms,
    }
}
