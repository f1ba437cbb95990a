//! Settings change while the broker runs, take effect at once, and survive.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kastellan_protocol::{
    batch::Builder,
    messages::{
        AlterConfigsRequest, DeleteTopicsRequest, DescribeConfigsRequest,
        IncrementalAlterConfigsRequest, ListConfigResourcesRequest,
        alter_configs_request as legacy,
        describe_configs_request::DescribeConfigsResource,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
    },
    protocol::StrBytes,
};

use super::{
    Harness,
    client::{Client, Topic, batch},
};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;
const SET: i8 = 0;
const DELETE: i8 = 1;

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// Changes one resource; code and message.
fn alter(
    client: &mut Client,
    (kind, name): (i8, &str),
    changes: &[(&str, i8, Option<&str>)],
) -> (i16, String) {
    let configs = changes.iter().map(|(name, op, value)| {
        AlterableConfig::default()
            .with_name(text(name))
            .with_config_operation(*op)
            .with_value(value.map(text))
    });
    let resource = AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(configs.collect());
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let response = client.call(1, &request);
    let response = &response.responses[0];
    assert_eq!((response.resource_type, &*response.resource_name), (kind, name));
    let message = response.error_message.as_ref().map(ToString::to_string);
    (response.error_code, message.unwrap_or_default())
}

/// Sets one value, which has to work.
#[track_caller]
fn set(client: &mut Client, resource: (i8, &str), name: &str, value: &str) {
    let done = alter(client, resource, &[(name, SET, Some(value))]);
    assert_eq!(done, (0, String::new()), "{name}={value}");
}

/// A value and its source.
fn described(client: &mut Client, (kind, name): (i8, &str), key: &str) -> (Option<String>, i8) {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configuration_keys(Some(vec![text(key)]));
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    let response = client.call(4, &request);
    assert_eq!(response.results[0].error_code, 0, "{:?}", response.results[0].error_message);
    let found = &response.results[0].configs[0];
    (found.value.as_ref().map(ToString::to_string), found.config_source)
}

mod effects;

/// Asks `again` until it says yes.
#[track_caller]
fn until(what: &str, mut again: impl FnMut() -> bool) {
    let began = Instant::now();
    while !again() {
        assert!(began.elapsed() < Duration::from_secs(15), "{what}");
    }
}

fn start(client: &mut Client, topic: &Topic) -> i64 {
    let response = client.fetch(super::client::Ask::default(), topic, &[(0, 9)]);
    response.responses[0].partitions[0].log_start_offset
}

#[test]
fn a_topics_settings_reach_its_partitions_at_once_and_survive() {
    let mut harness = Harness::new();
    let mut client = harness.client();
    let topic = client.create("t", 1, &[]);
    let of = (TOPIC, "t");
    assert_eq!(client.put(&topic, 0, batch(&[&"x".repeat(500)])), (0, 0));
    set(&mut client, of, "max.message.bytes", "200");
    assert_eq!(client.put(&topic, 0, batch(&[&"x".repeat(500)])).0, 10, "MESSAGE_TOO_LARGE");
    set(&mut client, of, "cleanup.policy", "compact");
    set(&mut client, of, "max.message.bytes", "9000");
    let keyless = Bytes::from(Builder::new(0, -1).record(0, None, Some(b"x"), &[]).finish());
    assert_eq!(client.put(&topic, 0, keyless.clone()).0, 87, "INVALID_RECORD: it has no key");
    for kill in [false, true] {
        if kill {
            harness.kill_and_restart();
        } else {
            harness.restart();
        }
        let mut client = harness.client();
        assert_eq!(client.put(&topic, 0, keyless.clone()).0, 87);
        let known = described(&mut client, of, "max.message.bytes");
        assert_eq!(known, (Some("9000".to_owned()), 1));
    }
    let mut client = harness.client();
    let gone = [("max.message.bytes", DELETE, None), ("cleanup.policy", DELETE, None)];
    assert_eq!(alter(&mut client, of, &gone).0, 0);
    // one replica is all that can be in sync, however many are asked for
    set(&mut client, of, "min.insync.replicas", "2");
    assert_eq!(client.put(&topic, 0, keyless), (0, 1));
}

#[test]
fn the_brokers_defaults_change_every_topic_that_does_not_override_them() {
    let mut harness = Harness::new();
    let mut client = harness.client();
    set(&mut client, (BROKER, ""), "log.retention.check.interval.ms", "50");
    set(&mut client, (BROKER, ""), "log.segment.delete.delay.ms", "0");
    let small = ("internal.segment.bytes", "200");
    let plain = client.create("plain", 1, &[small]);
    let own = client.create("own", 1, &[small, ("retention.bytes", "-1")]);
    for topic in [&plain, &own] {
        for n in 0..10 {
            assert_eq!(client.put(topic, 0, batch(&[&"x".repeat(100)])), (0, n));
        }
    }
    let retention = "log.retention.bytes";
    set(&mut client, (BROKER, ""), retention, "400");
    until("the default reaches the topic", || start(&mut client, &plain) > 5);
    assert_eq!(start(&mut client, &own), 0);
    // what is set for one broker counts more than what is set for all
    let key = "retention.bytes";
    assert_eq!(described(&mut client, (TOPIC, "plain"), key), (Some("400".to_owned()), 3));
    set(&mut client, (BROKER, "1"), retention, "300");
    assert_eq!(described(&mut client, (TOPIC, "plain"), key), (Some("300".to_owned()), 2));
    harness.restart();
    let mut client = harness.client();
    assert_eq!(described(&mut client, (TOPIC, "plain"), key), (Some("300".to_owned()), 2));
    assert_eq!(described(&mut client, (BROKER, "1"), retention), (Some("300".to_owned()), 2));
    assert_eq!(described(&mut client, (BROKER, ""), retention), (Some("400".to_owned()), 3));
    assert_eq!(alter(&mut client, (BROKER, "1"), &[(retention, DELETE, None)]).0, 0);
    assert_eq!(described(&mut client, (TOPIC, "plain"), key), (Some("400".to_owned()), 3));
}

#[test]
fn limits_of_connections_change_for_the_next_connection() {
    let harness = Harness::new();
    let mut client = harness.client();
    assert!(harness.client().works());
    set(&mut client, (BROKER, "1"), "max.connections.per.ip", "1");
    assert!(harness.client().is_closed(), "one too many from this address");
    let overrides = "max.connections.per.ip.overrides";
    set(&mut client, (BROKER, "1"), overrides, "127.0.0.1:2");
    assert!(harness.client().works(), "its own limit lets it in");
    let wrong = alter(&mut client, (BROKER, "1"), &[(overrides, SET, Some("localhost"))]);
    assert_eq!(wrong.0, 42);
    assert!(client.works(), "those who are there stay");
}

#[test]
fn a_listener_that_is_full_lets_the_next_in_when_its_limit_is_raised() {
    let key = "listener.name.plain.max.connections";
    let harness = Harness::with(&[(key, "1")]);
    let mut client = harness.client();
    assert!(client.works());
    let mut waiting = harness.client();
    let sent = waiting.send(4, &kastellan_protocol::messages::MetadataRequest::default());
    assert!(waiting.hears_nothing());
    assert_eq!(described(&mut client, (BROKER, "1"), key), (Some("1".to_owned()), 4));
    set(&mut client, (BROKER, ""), key, "2");
    let (id, _) = waiting.receive::<kastellan_protocol::messages::MetadataRequest>(4);
    assert_eq!(id, sent);
}

#[test]
fn an_idle_connection_ends_when_the_limit_for_idleness_falls() {
    let harness = Harness::new();
    let (mut idle, mut client) = (harness.client(), harness.client());
    assert!(idle.works());
    set(&mut client, (BROKER, ""), "connections.max.idle.ms", "100");
    assert!(idle.is_closed());
}

#[test]
fn a_request_that_is_too_large_now_is_refused() {
    let harness = Harness::new();
    let mut client = harness.client();
    let topic = client.create("t", 1, &[]);
    assert_eq!(client.put(&topic, 0, batch(&[&"x".repeat(5000)])), (0, 0));
    set(&mut client, (BROKER, ""), "socket.request.max.bytes", "2000");
    let large = [(0, batch(&[&"x".repeat(5000)]))];
    client.send(9, &super::client::produce_request((9, -1), &topic, &large));
    assert!(client.is_closed());
}

#[test]
fn topics_come_into_being_as_the_settings_say_now() {
    let harness = Harness::new();
    let mut client = harness.client();
    set(&mut client, (BROKER, ""), "num.partitions", "3");
    set(&mut client, (BROKER, ""), "delete.topic.enable", "false");
    let create = |client: &mut Client, name| {
        use kastellan_protocol::messages::create_topics_request::CreatableTopic;
        let topic = CreatableTopic::default()
            .with_name(super::client::topic_name(name))
            .with_num_partitions(-1)
            .with_replication_factor(-1);
        let request = kastellan_protocol::messages::CreateTopicsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(5_000);
        client.call(7, &request).topics[0].num_partitions
    };
    assert_eq!(create(&mut client, "three"), 3);
    set(&mut client, (BROKER, "1"), "num.partitions", "2");
    assert_eq!(create(&mut client, "two"), 2);
    let names = vec![super::client::topic_name("two")];
    let delete = DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(5_000);
    assert_eq!(client.call(5, &delete).responses[0].error_code, 73, "TOPIC_DELETION_DISABLED");
    set(&mut client, (BROKER, ""), "delete.topic.enable", "true");
    assert_eq!(client.call(5, &delete).responses[0].error_code, 0);
}

#[test]
fn a_group_is_joined_by_the_rules_of_now() {
    use kastellan_protocol::messages::{
        FindCoordinatorRequest, JoinGroupRequest, join_group_request::JoinGroupRequestProtocol,
    };
    let harness = Harness::new();
    let mut client = harness.client();
    let find = FindCoordinatorRequest::default().with_coordinator_keys(vec![text("g")]);
    assert_eq!(client.call(4, &find).coordinators[0].error_code, 0);
    let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
    let join = JoinGroupRequest::default()
        .with_group_id(text("g").into())
        .with_session_timeout_ms(6_500)
        .with_rebalance_timeout_ms(1_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol]);
    assert_eq!(client.call(3, &join).error_code, 0);
    set(&mut client, (BROKER, ""), "group.min.session.timeout.ms", "7000");
    assert_eq!(client.call(3, &join).error_code, 26, "INVALID_SESSION_TIMEOUT");
    let other =
        alter(&mut client, (BROKER, ""), &[("group.max.session.timeout.ms", SET, Some("6999"))]);
    assert_eq!(other.0, 42, "then nobody could join: {}", other.1);
}

#[test]
fn groups_and_subscriptions_have_settings_that_are_listed_and_described() {
    // a snapshot after every change, from which the broker starts again
    let mut harness = Harness::with(&[("metadata.log.max.record.bytes.between.snapshots", "1")]);
    let mut client = harness.client();
    client.create("t", 1, &[]);
    set(&mut client, (GROUP, "g"), "consumer.session.timeout.ms", "50000");
    set(&mut client, (CLIENT_METRICS, "m"), "interval.ms", "1000");
    harness.kill_and_restart();
    let mut client = harness.client();
    let session = described(&mut client, (GROUP, "g"), "consumer.session.timeout.ms");
    assert_eq!(session, (Some("50000".to_owned()), 8));
    let interval = described(&mut client, (CLIENT_METRICS, "m"), "interval.ms");
    assert_eq!(interval, (Some("1000".to_owned()), 7));
    let mut listed = |version, types: Vec<i8>| {
        let request = ListConfigResourcesRequest::default().with_resource_types(types);
        let response = client.call(version, &request);
        assert_eq!(response.error_code, 0);
        let name = |it: &_| {
            let it: &kastellan_protocol::messages::list_config_resources_response::ConfigResource =
                it;
            (it.resource_type, it.resource_name.to_string())
        };
        response.config_resources.iter().map(name).collect::<Vec<_>>()
    };
    let one = |kind, name: &str| (kind, name.to_owned());
    assert_eq!(listed(0, vec![]), [one(CLIENT_METRICS, "m")]);
    assert_eq!(listed(1, vec![GROUP]), [one(GROUP, "g")]);
    assert_eq!(
        listed(1, vec![]),
        [one(TOPIC, "t"), one(BROKER, "1"), one(8, "1"), one(CLIENT_METRICS, "m"), one(GROUP, "g")]
    );
}

#[test]
fn a_wrong_name_is_answered_with_the_nearest_and_a_refused_one_with_its_reason() {
    let harness = Harness::new();
    let mut client = harness.client();
    client.create("t", 1, &[]);
    let mut refused = |of, name, op, value| alter(&mut client, of, &[(name, op, value)]);
    let (code, message) = refused((TOPIC, "t"), "retention.md", SET, Some("1"));
    assert!(code == 40 && message.ends_with("did you mean \"retention.ms\"?"), "{message}");
    let (code, message) = refused((BROKER, ""), "zookeeper.connect", SET, Some("1"));
    assert!(code == 42 && message.contains("there is no ZooKeeper"), "{message}");
    let (code, message) = refused((BROKER, "1"), "offsets.topic.num.partitions", SET, Some("1"));
    assert!(code == 42 && message.contains("set it at its start"), "{message}");
    assert_eq!(refused((BROKER, "2"), "message.max.bytes", SET, Some("1")).0, 42);
    assert_eq!(refused((TOPIC, "t"), "retention.ms", SET, None).0, 42);
    assert_eq!(refused((TOPIC, "t"), "retention.ms", 9, Some("1")).0, 42);
    assert_eq!(refused((TOPIC, "none"), "retention.ms", SET, Some("1")).0, 3);
    assert_eq!(refused((8, "1"), "root", SET, Some("DEBUG")).0, 42);
    assert_eq!(refused((99, "1"), "root", SET, Some("DEBUG")).0, 42);
}

#[test]
fn the_older_request_replaces_all_settings_of_a_resource() {
    let harness = Harness::new();
    let mut client = harness.client();
    client.create("t", 1, &[("retention.ms", "5"), ("segment.ms", "6")]);
    let config = legacy::AlterableConfig::default()
        .with_name(text("retention.ms"))
        .with_value(Some(text("7")));
    let resource = legacy::AlterConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text("t"))
        .with_configs(vec![config]);
    let request = AlterConfigsRequest::default().with_resources(vec![resource]);
    let validated = client.call(2, &request.clone().with_validate_only(true));
    assert_eq!(validated.responses[0].error_code, 0);
    assert_eq!(described(&mut client, (TOPIC, "t"), "segment.ms").1, 1);
    assert_eq!(client.call(2, &request).responses[0].error_code, 0);
    let of = (TOPIC, "t");
    assert_eq!(described(&mut client, of, "retention.ms"), (Some("7".to_owned()), 1));
    assert_eq!(described(&mut client, of, "segment.ms"), (Some("604800000".to_owned()), 5));
}
