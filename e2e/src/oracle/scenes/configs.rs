//! Settings are described, listed and changed: topics, brokers, groups, client metrics.

use kafka_protocol::messages::alter_configs_request as replacing;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{
    AlterConfigsRequest, DescribeConfigsRequest, IncrementalAlterConfigsRequest,
    ListConfigResourcesRequest,
};

use super::{make, s};
use crate::oracle::side::Side;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const LOGGER: i8 = 8;
const METRICS: i8 = 16;
const GROUP: i8 = 32;

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

pub(super) fn play(side: &mut Side) {
    describe(side);
    whole(side);
    topics(side);
    brokers(side);
    groups(side);
    metrics(side);
    replace(side);
    list(side);
}

type Change<'a> = (&'a str, i8, Option<&'a str>);
type Values<'a> = &'a [(&'a str, Option<&'a str>)];

fn changed(kind: i8, name: &str, changes: &[Change<'_>]) -> AlterConfigsResource {
    let configs = changes.iter().map(|(name, op, value)| {
        AlterableConfig::default()
            .with_name(s(name))
            .with_config_operation(*op)
            .with_value(value.map(s))
    });
    AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(s(name))
        .with_configs(configs.collect())
}

fn alter(resources: Vec<AlterConfigsResource>) -> IncrementalAlterConfigsRequest {
    IncrementalAlterConfigsRequest::default().with_resources(resources)
}

fn resource(kind: i8, name: &str, keys: Option<&[&str]>) -> DescribeConfigsResource {
    DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(s(name))
        .with_configuration_keys(keys.map(|keys| keys.iter().map(|key| s(key)).collect()))
}

/// Asks until the last change is seen: Kafka answers before its broker has heard of it.
fn seen(side: &mut Side, case: &str, asked: DescribeConfigsResource, value: Option<&str>) {
    let version = side.newest::<DescribeConfigsRequest>();
    let request =
        DescribeConfigsRequest::default().with_resources(vec![asked]).with_include_synonyms(true);
    side.ask_until(case, version, &request, |answer| {
        let configs = answer.results.iter().flat_map(|result| &result.configs);
        let mut first = configs.take(1).map(|config| config.value.as_deref());
        first.next().flatten() == value
    });
}

fn describe(side: &mut Side) {
    side.scene("configs");
    make(side, "cf", 1, &[("retention.ms", "1000"), ("cleanup.policy", "compact")]);
    for version in side.versions::<DescribeConfigsRequest>() {
        let ask = |resources: Vec<DescribeConfigsResource>| {
            DescribeConfigsRequest::default().with_resources(resources)
        };
        let chosen: &[&str] = &["retention.ms", "cleanup.policy", "max.message.bytes", "no.such"];
        side.ask("chosen", version, &ask(vec![resource(TOPIC, "cf", Some(chosen))]));
        let synonyms = ask(vec![resource(TOPIC, "cf", Some(chosen))]).with_include_synonyms(true);
        side.ask("synonyms", version, &synonyms);
        side.ask("all", version, &ask(vec![resource(TOPIC, "cf", None)]));
        let all = ask(vec![resource(TOPIC, "cf", None)]).with_include_synonyms(true);
        side.ask("all-synonyms", version, &all);
        side.ask("no-keys", version, &ask(vec![resource(TOPIC, "cf", Some(&[]))]));
        side.ask("unknown", version, &ask(vec![resource(TOPIC, "no-such-topic", None)]));
        side.ask("bad-name", version, &ask(vec![resource(TOPIC, "a/b", None)]));
        side.ask("empty-name", version, &ask(vec![resource(TOPIC, "", None)]));
        side.ask("bad-type", version, &ask(vec![resource(99, "cf", None)]));
        let few: &[&str] = &[
            "offsets.topic.num.partitions",
            "log.retention.hours",
            "log.retention.ms",
            "log.roll.ms",
            "log.flush.interval.ms",
            "message.max.bytes",
            "no.such",
        ];
        side.ask("broker", version, &ask(vec![resource(BROKER, "1", Some(few))]));
        let synonyms = ask(vec![resource(BROKER, "1", Some(few))]).with_include_synonyms(true);
        side.ask("broker-synonyms", version, &synonyms);
        side.ask("all-brokers", version, &ask(vec![resource(BROKER, "", Some(few))]));
        side.ask("other-broker", version, &ask(vec![resource(BROKER, "2", Some(few))]));
        side.ask("bad-broker", version, &ask(vec![resource(BROKER, "one", Some(few))]));
        for (case, kind, name) in [
            ("group", GROUP, "no-such-group"),
            ("no-group", GROUP, ""),
            ("metrics", METRICS, "no-such-subscription"),
            ("no-metrics", METRICS, ""),
            ("other-logger", LOGGER, "2"),
        ] {
            let request = ask(vec![resource(kind, name, None)]).with_include_synonyms(true);
            side.ask(case, version, &request);
        }
    }
}

/// Every setting of a broker and of what belongs to it, its type, default and kind of change.
fn whole(side: &mut Side) {
    side.scene("whole");
    let version = side.newest::<DescribeConfigsRequest>();
    let request =
        DescribeConfigsRequest::default().with_resources(vec![resource(BROKER, "1", None)]);
    side.ask("broker", version, &request);
}

fn topics(side: &mut Side) {
    side.scene("alter-topic");
    for version in side.versions::<IncrementalAlterConfigsRequest>() {
        let name = format!("ac-{version}");
        make(side, &name, 1, &[]);
        let of = |changes: &[Change<'_>]| alter(vec![changed(TOPIC, &name, changes)]);
        let cases: &[(&str, &[Change<'_>])] = &[
            ("set", &[("retention.ms", SET, Some("5"))]),
            ("unknown-name", &[("retention.md", SET, Some("5"))]),
            ("not-a-number", &[("retention.ms", SET, Some("soon"))]),
            ("empty", &[("retention.ms", SET, Some(""))]),
            ("out-of-range", &[("retention.ms", SET, Some("-7"))]),
            ("bad-word", &[("cleanup.policy", SET, Some("burn"))]),
            ("append", &[("cleanup.policy", APPEND, Some("compact"))]),
            ("append-again", &[("cleanup.policy", APPEND, Some("compact"))]),
            ("append-bad-word", &[("cleanup.policy", APPEND, Some("burn"))]),
            ("subtract", &[("cleanup.policy", SUBTRACT, Some("delete"))]),
            ("subtract-absent", &[("cleanup.policy", SUBTRACT, Some("burn"))]),
            ("append-to-number", &[("retention.ms", APPEND, Some("3"))]),
            ("subtract-from-number", &[("retention.ms", SUBTRACT, Some("3"))]),
            ("null", &[("retention.ms", SET, None)]),
            ("append-null", &[("cleanup.policy", APPEND, None)]),
            ("twice", &[("retention.ms", SET, Some("3")), ("retention.ms", DELETE, None)]),
            ("half", &[("segment.ms", SET, Some("3")), ("flush.ms", SET, Some("x"))]),
            ("delete-unknown", &[("no.such", DELETE, None)]),
            ("delete-unset", &[("flush.ms", DELETE, Some("junk"))]),
            ("nothing", &[]),
            (
                "conflict",
                &[
                    ("min.compaction.lag.ms", SET, Some("20")),
                    ("max.compaction.lag.ms", SET, Some("10")),
                ],
            ),
            ("tiered", &[("remote.storage.enable", SET, Some("true"))]),
            ("throttled", &[("leader.replication.throttled.replicas", APPEND, Some("0:1"))]),
            ("padded", &[("compression.type", SET, Some(" lz4 "))]),
        ];
        for (case, changes) in cases {
            side.ask(case, version, &of(changes));
            let only = format!("{case}-validated");
            side.ask(&only, version, &of(changes).with_validate_only(true));
        }
        let one = [("retention.ms", SET, Some("6"))];
        for (case, kind, name) in [
            ("unknown-topic", TOPIC, "no-such-topic"),
            ("empty-name", TOPIC, ""),
            ("bad-name", TOPIC, "a/b"),
            ("bad-type", 99, "x"),
        ] {
            side.ask(case, version, &alter(vec![changed(kind, name, &one)]));
        }
        let both = [changed(TOPIC, &name, &one), changed(TOPIC, "no-such-topic", &one)];
        side.ask("mixed", version, &alter(both.to_vec()));
        let twice = [changed(TOPIC, &name, &one), changed(TOPIC, &name, &[])];
        side.ask("resource-twice", version, &alter(twice.to_vec()));
        side.ask("none", version, &alter(vec![]));
        seen(side, "after", resource(TOPIC, &name, Some(&["retention.ms"])), Some("6"));
    }
}

fn brokers(side: &mut Side) {
    side.scene("alter-broker");
    make(side, "ab", 1, &[]);
    for version in side.versions::<IncrementalAlterConfigsRequest>() {
        let key = "log.retention.ms";
        let of = |name: &str, changes: &[Change<'_>]| alter(vec![changed(BROKER, name, changes)]);
        let cases: &[(&str, &str, &[Change<'_>])] = &[
            ("set", "1", &[(key, SET, Some("3000000000"))]),
            ("set-for-all", "", &[(key, SET, Some("4000000000"))]),
            ("read-only", "1", &[("offsets.topic.num.partitions", SET, Some("3"))]),
            ("read-only-for-all", "", &[("offsets.topic.num.partitions", SET, Some("3"))]),
            ("not-a-number", "1", &[(key, SET, Some("soon"))]),
            ("out-of-range", "1", &[("message.max.bytes", SET, Some("-1"))]),
            ("other-broker", "7", &[(key, SET, Some("1"))]),
            ("null", "1", &[(key, SET, None)]),
            ("twice", "1", &[(key, SET, Some("1")), (key, SET, Some("2"))]),
            ("append", "1", &[("log.cleanup.policy", APPEND, Some("compact"))]),
            ("append-to-number", "1", &[(key, APPEND, Some("1"))]),
            ("per-broker-for-all", "", &[("ssl.keystore.password", SET, Some("x"))]),
        ];
        for (case, name, changes) in cases {
            side.ask(case, version, &of(name, changes));
        }
        let mine = resource(BROKER, "1", Some(&[key]));
        seen(side, "broker", mine.clone(), Some("3000000000"));
        seen(side, "all-brokers", resource(BROKER, "", Some(&[key])), Some("4000000000"));
        let topic = resource(TOPIC, "ab", Some(&["retention.ms"]));
        seen(side, "topic", topic.clone(), Some("3000000000"));
        side.ask("delete", version, &of("1", &[(key, DELETE, None)]));
        seen(side, "broker-deleted", mine, Some("4000000000"));
        seen(side, "topic-after", topic.clone(), Some("4000000000"));
        side.ask("delete-for-all", version, &of("", &[(key, DELETE, None)]));
        let policy = [("log.cleanup.policy", DELETE, None)];
        side.ask("delete-policy", version, &of("1", &policy));
        seen(side, "topic-at-last", topic, Some("604800000"));
        let listener = "listener.name.plaintext.max.connections";
        side.ask("listener", version, &of("1", &[(listener, SET, Some("2000"))]));
        seen(side, "of-listener", resource(BROKER, "1", Some(&[listener])), Some("2000"));
        side.ask("delete-listener", version, &of("1", &[(listener, DELETE, None)]));
    }
}

fn groups(side: &mut Side) {
    side.scene("alter-group");
    for version in side.versions::<IncrementalAlterConfigsRequest>() {
        let name = format!("ag-{version}");
        let session = "consumer.session.timeout.ms";
        let cases: &[(&str, &[Change<'_>])] = &[
            ("set", &[(session, SET, Some("50000"))]),
            ("too-short", &[(session, SET, Some("5"))]),
            ("too-long", &[(session, SET, Some("500000000"))]),
            ("heartbeat", &[("consumer.heartbeat.interval.ms", SET, Some("50000"))]),
            ("unknown-name", &[("consumer.nope", SET, Some("5"))]),
            ("null", &[(session, SET, None)]),
            ("reset", &[("share.auto.offset.reset", SET, Some("by_duration:PT1H"))]),
            ("bad-reset", &[("share.auto.offset.reset", SET, Some("by_duration:x"))]),
            ("no-reset", &[("share.auto.offset.reset", SET, Some("never"))]),
            ("isolation", &[("share.isolation.level", SET, Some("x"))]),
            ("append", &[("share.isolation.level", APPEND, Some("x"))]),
            ("locks", &[("share.record.lock.duration.ms", SET, Some("10000"))]),
            ("deliveries", &[("share.delivery.count.limit", SET, Some("11"))]),
            ("standby", &[("streams.num.standby.replicas", SET, Some("5"))]),
            ("assignment", &[("consumer.assignment.interval.ms", SET, Some("20000"))]),
            ("two", &[(session, SET, Some("51000")), ("streams.nope", SET, Some("1"))]),
        ];
        for (case, changes) in cases {
            side.ask(case, version, &alter(vec![changed(GROUP, &name, changes)]));
        }
        let one = [(session, SET, Some("50000"))];
        side.ask("empty-name", version, &alter(vec![changed(GROUP, "", &one)]));
        seen(side, "after", resource(GROUP, &name, Some(&[session])), Some("50000"));
    }
}

fn metrics(side: &mut Side) {
    side.scene("alter-metrics");
    for version in side.versions::<IncrementalAlterConfigsRequest>() {
        let name = format!("am-{version}");
        let cases: &[(&str, &[Change<'_>])] = &[
            ("set", &[("interval.ms", SET, Some("100"))]),
            ("too-often", &[("interval.ms", SET, Some("99"))]),
            ("too-rarely", &[("interval.ms", SET, Some("3600001"))]),
            ("not-a-number", &[("interval.ms", SET, Some("soon"))]),
            ("metrics", &[("metrics", SET, Some("org.apache.kafka,x"))]),
            ("metrics-with-a-gap", &[("metrics", SET, Some("org.apache.kafka,"))]),
            ("match", &[("match", SET, Some("client_id=x.*,client_software_name=a"))]),
            ("bad-property", &[("match", SET, Some("nope=x"))]),
            ("no-pattern", &[("match", SET, Some("client_id"))]),
            ("bad-pattern", &[("match", SET, Some("client_id=["))]),
            ("unknown-name", &[("nope", SET, Some("1"))]),
            ("append", &[("metrics", APPEND, Some("org.b"))]),
            ("null", &[("interval.ms", SET, None)]),
        ];
        for (case, changes) in cases {
            side.ask(case, version, &alter(vec![changed(METRICS, &name, changes)]));
        }
        let one = [("interval.ms", SET, Some("100"))];
        side.ask("empty-name", version, &alter(vec![changed(METRICS, "", &one)]));
        seen(side, "after", resource(METRICS, &name, Some(&["interval.ms"])), Some("100"));
        let logger = [("root", SET, Some("NOPE"))];
        side.ask("other-logger", version, &alter(vec![changed(LOGGER, "2", &logger)]));
    }
}

fn replace(side: &mut Side) {
    side.scene("replace");
    for version in side.versions::<AlterConfigsRequest>() {
        let name = format!("rp-{version}");
        make(side, &name, 1, &[("segment.ms", "7"), ("retention.ms", "5")]);
        let of = |kind: i8, name: &str, configs: &[(&str, Option<&str>)]| {
            let config = |(name, value): &(&str, Option<&str>)| {
                replacing::AlterableConfig::default().with_name(s(name)).with_value(value.map(s))
            };
            let resource = replacing::AlterConfigsResource::default()
                .with_resource_type(kind)
                .with_resource_name(s(name))
                .with_configs(configs.iter().map(config).collect());
            AlterConfigsRequest::default().with_resources(vec![resource])
        };
        let cases: [(&str, Values<'_>); 5] = [
            ("null", &[("retention.ms", None)]),
            ("twice", &[("retention.ms", Some("1")), ("retention.ms", Some("2"))]),
            ("bad-value", &[("retention.ms", Some("soon"))]),
            ("unknown-name", &[("no.such", Some("1"))]),
            ("good", &[("retention.ms", Some("9"))]),
        ];
        for (case, configs) in cases {
            side.ask(case, version, &of(TOPIC, &name, configs));
        }
        seen(side, "after", resource(TOPIC, &name, Some(&["retention.ms"])), Some("9"));
        seen(side, "forgotten", resource(TOPIC, &name, Some(&["segment.ms"])), Some("604800000"));
        side.ask("unknown-topic", version, &of(TOPIC, "no-such-topic", &[]));
        side.ask("bad-type", version, &of(99, "x", &[]));
        side.ask("other-broker", version, &of(BROKER, "7", &[]));
    }
}

fn list(side: &mut Side) {
    side.scene("list-configs");
    for version in side.versions::<ListConfigResourcesRequest>() {
        let ask = |types: Vec<i8>| ListConfigResourcesRequest::default().with_resource_types(types);
        if version == 0 {
            side.ask("all", version, &ask(vec![]));
            continue;
        }
        for (case, types) in [
            ("brokers", vec![BROKER]),
            ("loggers", vec![LOGGER]),
            ("groups", vec![GROUP]),
            ("metrics", vec![METRICS]),
            ("two", vec![GROUP, METRICS]),
            ("unknown", vec![0]),
            ("none-such", vec![99, GROUP]),
        ] {
            side.ask(case, version, &ask(types));
        }
    }
}
