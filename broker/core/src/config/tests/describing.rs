//! Values are described with their source, and with everything else that was said of them.

use super::*;

fn ways(described: &Described) -> Vec<(&str, &str, Source)> {
    let value = |it: &'_ Sourced| it.value.clone().unwrap_or_default().leak() as &str;
    described.synonyms.iter().map(|it| (it.name.as_ref(), value(it), it.source)).collect()
}

fn named(mut all: impl Iterator<Item = Described>, name: &str) -> Described {
    all.find(|it| it.name == name).unwrap()
}

fn shown(described: &Described) -> (Option<&str>, Source) {
    (described.value.as_deref(), described.source)
}

#[test]
fn a_topics_own_value_comes_before_the_brokers_and_the_default() {
    let own = overrides(&[("retention.ms", "1")]);
    let settings = broker(&[("log.retention.ms", "2"), ("log.retention.minutes", "3")])
        .with_dynamic(&overrides(&[("log.retention.ms", "4")]), &Overrides::new());
    let described = named(described_topic(&own, &settings), "retention.ms");
    assert_eq!(shown(&described), (Some("1"), Source::Topic));
    assert_eq!(
        ways(&described),
        [
            ("retention.ms", "1", Source::Topic),
            ("log.retention.ms", "4", Source::DynamicDefault),
            ("log.retention.ms", "2", Source::Static),
            ("log.retention.minutes", "3", Source::Static),
            ("log.retention.hours", "168", Source::Default),
        ]
    );
    let inherited = named(described_topic(&Overrides::new(), &settings), "retention.ms");
    assert_eq!(shown(&inherited), (Some("4"), Source::DynamicDefault));
}

#[test]
fn what_only_stands_in_is_not_named_as_in_kafka() {
    let settings = broker(&[("log.retention.minutes", "2")]);
    let described = named(described_topic(&Overrides::new(), &settings), "retention.ms");
    assert_eq!(shown(&described), (Some("120000"), Source::Default));
    assert_eq!(ways(&described), []);
    let described = named(described_broker(&settings), "log.retention.ms");
    assert_eq!((shown(&described), ways(&described)), ((None, Source::Default), vec![]));
}

#[test]
fn a_setting_that_nobody_set_has_its_default() {
    let settings = broker(&[]);
    let described = named(described_topic(&Overrides::new(), &settings), "segment.bytes");
    assert_eq!(shown(&described), (Some("1073741824"), Source::Default));
    assert_eq!(ways(&described), [("log.segment.bytes", "1073741824", Source::Default)]);
    assert!(!described.read_only && described.kind == 3);
}

#[test]
fn a_setting_for_tests_is_shown_only_where_it_is_set() {
    let broker = broker(&[]);
    let names = |overrides: &Overrides| {
        described_topic(overrides, &broker).filter(|it| it.name.starts_with("internal.")).count()
    };
    assert_eq!(names(&Overrides::new()), 0);
    assert_eq!(names(&overrides(&[("internal.segment.bytes", "100")])), 1);
}

#[test]
fn a_broker_tells_what_was_set_for_it_for_all_and_for_a_listener() {
    let listener = "listener.name.plain.max.connections";
    let cluster = overrides(&[("max.connections", "8"), ("num.partitions", "4")]);
    let own = overrides(&[("max.connections", "7"), (listener, "5")]);
    let settings = broker(&[("num.partitions", "3")]).with_dynamic(&cluster, &own);
    let described = named(described_broker(&settings), "max.connections");
    assert_eq!(shown(&described), (Some("7"), Source::DynamicBroker));
    assert!(!described.read_only);
    let own_of_listener = named(described_broker(&settings), listener);
    assert_eq!(shown(&own_of_listener), (Some("5"), Source::DynamicBroker));
    assert_eq!(
        ways(&own_of_listener)[..2],
        [(listener, "5", Source::DynamicBroker), ("max.connections", "7", Source::DynamicBroker),]
    );
    let all: Vec<_> = described_cluster(&settings).collect();
    let told: Vec<_> = all.iter().map(|it| (it.name.as_ref(), shown(it))).collect();
    assert_eq!(
        told,
        [
            ("max.connections", (Some("8"), Source::DynamicDefault)),
            ("num.partitions", (Some("4"), Source::DynamicDefault)),
        ]
    );
    assert_eq!(ways(&all[1]), [("num.partitions", "4", Source::DynamicDefault)]);
}

#[test]
fn groups_inherit_from_the_broker_and_subscriptions_from_nobody() {
    let settings = broker(&[("group.consumer.session.timeout.ms", "46000")]);
    let own = overrides(&[("share.auto.offset.reset", "earliest")]);
    let described = named(described_group(&own, &settings), "consumer.session.timeout.ms");
    assert_eq!(shown(&described), (Some("46000"), Source::Static));
    let described = named(described_group(&own, &settings), "share.auto.offset.reset");
    assert_eq!(
        ways(&described),
        [
            ("share.auto.offset.reset", "earliest", Source::Group),
            ("share.auto.offset.reset", "latest", Source::Default),
        ]
    );
    let described = named(described_client_metrics(&Overrides::new()), "interval.ms");
    assert_eq!((shown(&described), ways(&described)), ((Some("300000"), Source::Default), vec![]));
}
