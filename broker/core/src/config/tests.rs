//! The table is well formed, values are checked, and the right one of several wins.

use super::*;

fn overrides(pairs: &[(&str, &str)]) -> Overrides {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn broker(pairs: &[(&str, &str)]) -> BrokerConfig {
    BrokerConfig::parse(overrides(pairs)).unwrap()
}

#[test]
fn every_table_is_sorted_documented_and_has_defaults_that_pass_their_own_check() {
    for scope in [Scope::Topic, Scope::Broker, Scope::Group, Scope::ClientMetrics] {
        let table = table(scope);
        assert!(table.windows(2).all(|pair| pair[0].name < pair[1].name), "{scope} table order");
        for setting in table {
            assert!(setting.doc.len() > 20 && setting.doc.ends_with('.'), "{}", setting.name);
            if let Some(default) = setting.default {
                assert_eq!(setting.kind.check(default), Ok(()), "{}", setting.name);
            }
        }
    }
}

#[test]
fn every_synonym_is_a_broker_setting_with_the_same_default() {
    for setting in table(Scope::Topic).iter().chain(table(Scope::Group)) {
        if let Some(last) = setting.synonyms.last() {
            let value = broker(&[]).value(setting.synonyms[0].name).unwrap();
            let known = find(Scope::Broker, last.name).unwrap();
            assert!(known.default.is_some(), "{}", last.name);
            assert_eq!(Some(value.as_str()), setting.default, "{}", setting.name);
        }
    }
}

#[test]
fn an_unknown_name_is_refused_with_the_closest_one() {
    let error = check(Scope::Topic, "retention.md", "1").unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown topic setting \"retention.md\"; did you mean \"retention.ms\"?"
    );
    let error = check(Scope::Broker, "made.up", "x").unwrap_err();
    assert_eq!(error.to_string(), "unknown broker setting \"made.up\"");
    let error = check(Scope::Broker, "zookeeper.connect", "x").unwrap_err();
    assert_eq!(
        error.to_string(),
        "zookeeper.connect is not taken: there is no ZooKeeper: metadata is in the broker's own log"
    );
    let long = "x".repeat(100_000);
    assert!(matches!(find(Scope::Topic, &long), Err(Invalid::Unknown { suggestion: None, .. })));
}

#[test]
fn values_are_checked_for_type_and_range() {
    let refused = [
        ("retention.ms", "-2", "a number of -1 or more"),
        ("retention.ms", "one week", "a number of -1 or more"),
        ("segment.bytes", "1000", "a number of 1048576 or more"),
        ("segment.bytes", "2147483648", "a number of 1048576 or more"),
        ("min.cleanable.dirty.ratio", "1.5", "a number from 0 to 1"),
        ("min.cleanable.dirty.ratio", "NaN", "a number from 0 to 1"),
        ("cleanup.policy", "purge", "a list of compact, delete, each at most once"),
        ("cleanup.policy", "delete,delete", "a list of compact, delete, each at most once"),
        ("compression.gzip.level", "0", "-1 or a number from 1 to 9"),
        ("preallocate", "yes", "true or false"),
        ("compression.type", "brotli", "one of uncompressed, zstd, lz4, snappy, gzip, producer"),
        ("leader.replication.throttled.replicas", "0", "* or a list of partition:broker pairs"),
    ];
    for (name, value, expected) in refused {
        let error = check(Scope::Topic, name, value).unwrap_err();
        assert_eq!(error.to_string(), format!("{name}={value}: expected {expected}"));
    }
    let taken = [
        ("retention.ms", "-1"),
        ("cleanup.policy", ""),
        ("cleanup.policy", "compact, delete"),
        ("compression.gzip.level", "-1"),
        ("preallocate", "TRUE"),
        ("leader.replication.throttled.replicas", "0:1,1:2"),
        ("follower.replication.throttled.replicas", "*"),
        ("remote.storage.enable", "False"),
    ];
    for (name, value) in taken {
        assert_eq!(check(Scope::Topic, name, value), Ok(()), "{name}={value}");
    }
}

#[test]
fn what_cannot_be_honoured_is_refused_rather_than_ignored() {
    let error = check(Scope::Topic, "remote.storage.enable", "true").unwrap_err();
    assert_eq!(
        error.to_string(),
        "remote.storage.enable=true is not supported yet: leave it out, or set false"
    );
}

#[test]
fn a_topic_takes_its_own_value_then_the_brokers_then_the_default() {
    let plain = TopicConfig::resolve(&Overrides::new(), &broker(&[]));
    assert_eq!(plain.segment_bytes, 1 << 30);
    assert_eq!(plain.retention_ms, Some(604_800_000));
    assert_eq!(plain.retention_bytes, None);
    assert_eq!(plain.cleanup, Cleanup { delete: true, compact: false });
    assert_eq!(plain.compression, Compression::Producer);
    assert_eq!(plain.flush_messages, None);

    let settings = broker(&[("log.segment.bytes", "2097152"), ("log.cleanup.policy", "compact")]);
    let own = overrides(&[("cleanup.policy", "compact,delete"), ("compression.type", "zstd")]);
    let config = TopicConfig::resolve(&own, &settings);
    assert_eq!(config.segment_bytes, 2 << 20);
    assert_eq!(config.cleanup, Cleanup { delete: true, compact: true });
    assert_eq!(config.compression, Compression::Zstd(3));
}

#[test]
fn milliseconds_go_before_minutes_and_minutes_before_hours() {
    let retention = |pairs: &[(&str, &str)]| {
        TopicConfig::resolve(&Overrides::new(), &broker(pairs)).retention_ms
    };
    assert_eq!(retention(&[("log.retention.hours", "1")]), Some(3_600_000));
    let both = [("log.retention.hours", "1"), ("log.retention.minutes", "1")];
    assert_eq!(retention(&both), Some(60_000));
    let all = [both[0], both[1], ("log.retention.ms", "7")];
    assert_eq!(retention(&all), Some(7));
    assert_eq!(retention(&[("log.retention.hours", "-1")]), None);
    assert_eq!(retention(&[("log.retention.ms", "-1"), both[0]]), None);
}

#[test]
fn an_override_that_this_version_cannot_read_counts_as_not_set() {
    let odd = overrides(&[("segment.bytes", "soon"), ("made.up", "1")]);
    assert_eq!(
        TopicConfig::resolve(&odd, &broker(&[])),
        TopicConfig::resolve(&Overrides::new(), &broker(&[]))
    );
}

#[test]
fn tests_may_go_below_the_smallest_segment() {
    let own = overrides(&[("internal.segment.bytes", "4096")]);
    assert_eq!(check_topic(&own, &broker(&[])), Ok(()));
    assert_eq!(TopicConfig::resolve(&own, &broker(&[])).segment_bytes, 4096);
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let own = overrides(&[("min.compaction.lag.ms", "20"), ("max.compaction.lag.ms", "10")]);
    assert!(matches!(check_topic(&own, &broker(&[])), Err(Invalid::Conflict(_))));

    let wrong = overrides(&[
        ("group.min.session.timeout.ms", "10"),
        ("group.max.session.timeout.ms", "5"),
        ("log.retention.ms", "0"),
        ("log.retention.hour", "3"),
    ]);
    assert_eq!(BrokerConfig::parse(wrong).unwrap_err().len(), 3);
}

#[test]
fn a_broker_takes_what_was_set_for_it_then_for_all_then_at_its_start() {
    let fixed = broker(&[("log.retention.ms", "1"), ("num.partitions", "2")]);
    let cluster = overrides(&[("log.retention.ms", "3"), ("message.max.bytes", "9")]);
    let own = overrides(&[("message.max.bytes", "5"), ("node.id", "7"), ("log.roll.ms", "soon")]);
    let now = fixed.with_dynamic(&cluster, &own);
    assert_eq!(now.topic_default("retention.ms"), "3");
    assert_eq!(now.topic_default("max.message.bytes"), "5");
    assert_eq!(now.topic_default("segment.ms"), "604800000", "what cannot be read is not set");
    assert_eq!(now.num_partitions, 2);
    assert_eq!(now.with_dynamic(&Overrides::new(), &Overrides::new()), fixed);
}

#[test]
fn a_listener_has_settings_of_its_own_where_that_makes_sense() {
    let settings = broker(&[
        ("listener.name.PLAIN.max.connections", "7"),
        ("listener.name.plain.max.connection.creation.rate", "9"),
        ("listener.name.other.max.connections", "1"),
    ]);
    let (name, limits) = &settings.listener_limits[0];
    assert_eq!((name.as_str(), limits.max_connections), ("plain", 7));
    assert_eq!(limits.max_creation_rate, 9);
    assert_eq!(settings.listener_limits.len(), 2);
    let error = check(Scope::Broker, "listener.name.plain.num.partitions", "1").unwrap_err();
    assert_eq!(
        error.to_string(),
        "listener.name.plain.num.partitions: a listener has no num.partitions of its own; set \
         num.partitions for the broker"
    );
    let error = check(Scope::Broker, "listener.name.plain.max.connection", "1").unwrap_err();
    assert!(error.to_string().ends_with("did you mean \"max.connections\"?"), "{error}");
}

#[test]
fn a_group_stays_within_the_bounds_that_the_broker_sets() {
    let broker = broker(&[("group.consumer.max.session.timeout.ms", "50000")]);
    let check = |name: &str, value: &str| {
        check_group(&overrides(&[(name, value)]), &broker).map_err(|error| error.to_string())
    };
    assert_eq!(check("consumer.session.timeout.ms", "50000"), Ok(()));
    let error = check("consumer.session.timeout.ms", "50001").unwrap_err();
    assert!(error.ends_with("is more than group.consumer.max.session.timeout.ms, 50000"));
    let error = check("share.record.lock.duration.ms", "10000").unwrap_err();
    assert!(error.ends_with("is less than group.share.min.record.lock.duration.ms, 15000"));
    assert!(check("streams.num.standby.replicas", "3").is_err());
    assert!(check("consumer.session.timeout", "1").unwrap_err().contains("session.timeout.ms"));
    let pair = [("share.heartbeat.interval.ms", "15000"), ("share.session.timeout.ms", "45000")];
    assert_eq!(check_group(&overrides(&pair), &broker), Ok(()));
}

#[test]
fn a_subscription_to_metrics_names_clients_and_an_interval() {
    let check = |name: &str, value: &str| check_client_metrics(&overrides(&[(name, value)]));
    assert_eq!(check("interval.ms", "100"), Ok(()));
    assert!(check("interval.ms", "99").is_err() && check("interval.ms", "3600001").is_err());
    assert_eq!(check("metrics", "org.apache.,*"), Ok(()));
    assert_eq!(check("metrics", ""), Ok(()));
    assert!(check("metrics", "org.apache.,").is_err());
    assert_eq!(check("match", "client_id=a.*,client_source_port=[0-9]+"), Ok(()));
    assert!(check("match", "client=a").is_err());
}

#[test]
fn the_page_of_the_documentation_is_fresh() {
    let found = include_str!("../../../CONFIG.md");
    assert!(found == page(), "broker/CONFIG.md is stale; write it anew with: make fix");
    assert!(found.len() < 64 << 10, "{} bytes", found.len());
}

mod describing;
