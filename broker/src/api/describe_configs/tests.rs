//! Values come with the right source, and the ways they could have come by.

use std::{collections::BTreeMap, path::PathBuf};

use kastellan_core::config::{BrokerConfig, Overrides};

use super::settings::{Described, Source, described_broker, described_topic};
use crate::Config;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn ways(described: &Described) -> Vec<(&str, &str, Source)> {
    let value = |value: &'_ Option<String>| value.clone().unwrap_or_default().leak() as &str;
    described.synonyms.iter().map(|it| (it.name, value(&it.value), it.source)).collect()
}

fn topic(overrides: &Overrides, settings: &[(&str, &str)], name: &str) -> Described {
    let broker = BrokerConfig::parse(map(settings)).unwrap();
    described_topic(overrides, &broker).find(|described| described.name == name).unwrap()
}

#[test]
fn a_topics_own_value_comes_before_the_brokers_and_the_default() {
    let own = map(&[("retention.ms", "1")]);
    let settings = [("log.retention.minutes", "2")];
    let described = topic(&own, &settings, "retention.ms");
    assert_eq!((described.value.as_deref(), described.source), (Some("1"), Source::Topic));
    assert_eq!(
        ways(&described),
        [
            ("retention.ms", "1", Source::Topic),
            ("log.retention.minutes", "2", Source::StaticBroker),
            ("log.retention.hours", "168", Source::Default),
        ]
    );
    let described = topic(&Overrides::new(), &settings, "retention.ms");
    assert_eq!(
        (described.value.as_deref(), described.source),
        (Some("120000"), Source::StaticBroker)
    );
}

#[test]
fn a_setting_that_nobody_set_has_its_default() {
    let described = topic(&Overrides::new(), &[], "segment.bytes");
    assert_eq!(
        (described.value.as_deref(), described.source),
        (Some("1073741824"), Source::Default)
    );
    assert_eq!(ways(&described), [("log.segment.bytes", "1073741824", Source::Default)]);
    assert!(!described.read_only && described.kind == 3);
}

#[test]
fn a_setting_for_tests_is_shown_only_where_it_is_set() {
    let broker = BrokerConfig::default();
    let names = |overrides: &Overrides| {
        described_topic(overrides, &broker).filter(|it| it.name.starts_with("internal.")).count()
    };
    assert_eq!(names(&Overrides::new()), 0);
    assert_eq!(names(&map(&[("internal.segment.bytes", "100")])), 1);
}

#[test]
fn a_broker_says_who_it_is_and_what_it_was_given() {
    let config = Config {
        node_id: 3,
        cluster_id: None,
        data_dir: PathBuf::from("/data"),
        listeners: Vec::new(),
        settings: BTreeMap::new(),
    };
    let broker = BrokerConfig::parse(map(&[("log.roll.hours", "5")])).unwrap();
    let described = described_broker(&config, &broker);
    let named = |name: &str| described.iter().find(|it| it.name == name).unwrap();
    assert_eq!(named("node.id").value.as_deref(), Some("3"));
    assert!(described.iter().all(|it| it.read_only));
    let hours = named("log.roll.hours");
    assert_eq!((hours.value.as_deref(), hours.source), (Some("5"), Source::StaticBroker));
    // unset, and without a default of its own
    let ms = named("log.roll.ms");
    assert_eq!((ms.value.as_deref(), ms.source), (None, Source::Default));
}
