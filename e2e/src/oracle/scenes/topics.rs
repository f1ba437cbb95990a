//! `CreateTopics`, `CreatePartitions`, `DeleteTopics`.

use kafka_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use kafka_protocol::messages::create_topics_request::{CreatableReplicaAssignment, CreatableTopic};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest,
};
use uuid::Uuid;

use super::{config, make, new_topic, ready, t};
use crate::oracle::side::Side;

pub(super) fn play(side: &mut Side) {
    create(side);
    widen(side);
    delete(side);
}

fn placed(index: i32, brokers: &[i32]) -> CreatableReplicaAssignment {
    CreatableReplicaAssignment::default()
        .with_partition_index(index)
        .with_broker_ids(brokers.iter().copied().map(BrokerId).collect())
}

fn assigned(name: &str, places: Vec<CreatableReplicaAssignment>) -> CreatableTopic {
    new_topic(name, -1).with_replication_factor(-1).with_assignments(places)
}

fn create(side: &mut Side) {
    side.scene("create");
    make(side, "there", 1, &[]);
    for version in side.versions::<CreateTopicsRequest>() {
        let ask = |topics: Vec<CreatableTopic>| {
            CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(30_000)
        };
        let name = |case: &str| format!("{case}-{version}");
        let one = |case: &str| new_topic(&name(case), 1);
        side.ask("good", version, &ask(vec![new_topic(&name("good"), 3)]));
        side.ask("there", version, &ask(vec![new_topic("there", 1)]));
        side.ask("collides", version, &ask(vec![one("col.lide")]));
        ready(side, &name("col.lide"), 1);
        side.ask("collided", version, &ask(vec![one("col_lide")]));
        for (case, bad) in [
            ("dots", ".."),
            ("dot", "."),
            ("slash", "a/b"),
            ("empty", ""),
            ("blank", "a b"),
            ("accent", "\u{e9}"),
        ] {
            side.ask(case, version, &ask(vec![new_topic(bad, 1)]));
        }
        side.ask("longest", version, &ask(vec![new_topic(&format!("{:0>249}", name("l")), 1)]));
        side.ask("too-long", version, &ask(vec![new_topic(&format!("{:0>250}", name("l")), 1)]));
        side.ask("no-partitions", version, &ask(vec![new_topic(&name("zero"), 0)]));
        side.ask("minus-two", version, &ask(vec![new_topic(&name("minus"), -2)]));
        side.ask("no-replicas", version, &ask(vec![one("zero").with_replication_factor(0)]));
        side.ask("two-replicas", version, &ask(vec![one("two").with_replication_factor(2)]));
        side.ask("minus-replicas", version, &ask(vec![one("minus").with_replication_factor(-2)]));
        if version >= 4 {
            let defaults = new_topic(&name("defaults"), -1).with_replication_factor(-1);
            side.ask("defaults", version, &ask(vec![defaults]));
        }
        side.ask("same-twice", version, &ask(vec![one("twice"), one("twice"), one("once")]));
        side.ask("none", version, &ask(vec![]));
        let set = |case: &str, key: &str, value: &str| {
            ask(vec![one(case).with_configs(vec![config(key, value)])])
        };
        side.ask("configured", version, &set("configured", "retention.ms", "60000"));
        side.ask("no-such-config", version, &set("no-such-config", "no.such", "1"));
        side.ask("bad-value", version, &set("bad-value", "retention.ms", "soon"));
        side.ask("out-of-range", version, &set("out-of-range", "max.message.bytes", "-1"));
        side.ask("bad-policy", version, &set("bad-policy", "cleanup.policy", "burn"));
        let null = CreatableTopic::with_configs(
            one("null"),
            vec![config("retention.ms", "").with_value(None)],
        );
        side.ask("null-value", version, &ask(vec![null]));
        side.ask("validate", version, &ask(vec![one("validate")]).with_validate_only(true));
        side.ask(
            "validate-bad",
            version,
            &ask(vec![new_topic("there", 1)]).with_validate_only(true),
        );
        for (case, places) in [
            ("placed", vec![placed(0, &[1]), placed(1, &[1])]),
            ("placed-gap", vec![placed(0, &[1]), placed(2, &[1])]),
            ("placed-twice", vec![placed(0, &[1, 1])]),
            ("placed-nowhere", vec![placed(0, &[])]),
            ("placed-unknown", vec![placed(0, &[99])]),
            ("placed-same", vec![placed(0, &[1]), placed(0, &[1])]),
        ] {
            side.ask(case, version, &ask(vec![assigned(&name(case), places)]));
        }
        let both = assigned(&name("both"), vec![placed(0, &[1])]).with_num_partitions(1);
        side.ask("placed-and-counted", version, &ask(vec![both]));
    }
}

fn widen(side: &mut Side) {
    side.scene("widen");
    for version in side.versions::<CreatePartitionsRequest>() {
        let name = format!("wide-{version}");
        make(side, &name, 2, &[]);
        let to = |name: &str, count: i32| {
            CreatePartitionsTopic::default()
                .with_name(t(name))
                .with_count(count)
                .with_assignments(None)
        };
        let ask = |topics: Vec<CreatePartitionsTopic>| {
            CreatePartitionsRequest::default().with_topics(topics).with_timeout_ms(30_000)
        };
        side.ask("validate", version, &ask(vec![to(&name, 9)]).with_validate_only(true));
        side.ask("fewer", version, &ask(vec![to(&name, 1)]));
        side.ask("same", version, &ask(vec![to(&name, 2)]));
        side.ask("none-at-all", version, &ask(vec![to(&name, 0)]));
        side.ask("negative", version, &ask(vec![to(&name, -1)]));
        side.ask("unknown", version, &ask(vec![to("no-such-topic", 3)]));
        side.ask("bad-name", version, &ask(vec![to("a/b", 3)]));
        side.ask("twice", version, &ask(vec![to(&name, 3), to(&name, 4)]));
        side.ask("no-topics", version, &ask(vec![]));
        let place = |brokers: &[i32]| {
            CreatePartitionsAssignment::default()
                .with_broker_ids(brokers.iter().copied().map(BrokerId).collect())
        };
        for (case, places) in [
            ("too-few-places", vec![place(&[1])]),
            ("unknown-broker", vec![place(&[1]), place(&[99])]),
            ("no-broker", vec![place(&[1]), place(&[])]),
            ("twice-the-same", vec![place(&[1]), place(&[1, 1])]),
        ] {
            side.ask(case, version, &ask(vec![to(&name, 4).with_assignments(Some(places))]));
        }
        side.ask("good", version, &ask(vec![to(&name, 5)]));
        ready(side, &name, 5);
        let places = Some(vec![place(&[1])]);
        side.ask("placed", version, &ask(vec![to(&name, 6).with_assignments(places)]));
    }
}

fn delete(side: &mut Side) {
    side.scene("delete");
    for version in side.versions::<DeleteTopicsRequest>() {
        let (first, second) = (format!("gone-{version}"), format!("lost-{version}"));
        make(side, &first, 1, &[]);
        let id = make(side, &second, 1, &[]);
        let ask = |names: &[&str]| {
            let request = DeleteTopicsRequest::default().with_timeout_ms(30_000);
            if version < 6 {
                return request.with_topic_names(names.iter().map(|name| t(name)).collect());
            }
            let state = |name: &&str| DeleteTopicState::default().with_name(Some(t(name)));
            request.with_topics(names.iter().map(state).collect())
        };
        side.ask("unknown", version, &ask(&["no-such-topic"]));
        side.ask("bad-name", version, &ask(&["a/b"]));
        side.ask("empty-name", version, &ask(&[""]));
        side.ask("none", version, &ask(&[]));
        side.ask("mixed", version, &ask(&[&first, "no-such-topic"]));
        side.ask("again", version, &ask(&[&first]));
        side.ask("twice", version, &ask(&[&second, &second]));
        if version >= 6 {
            let by_id = |id: Uuid| DeleteTopicState::default().with_name(None).with_topic_id(id);
            let ask = |state| {
                DeleteTopicsRequest::default().with_timeout_ms(30_000).with_topics(vec![state])
            };
            side.ask("unknown-id", version, &ask(by_id(Uuid::from_u128(7))));
            side.ask("zero-id", version, &ask(by_id(Uuid::nil())));
            side.ask("both", version, &ask(by_id(id).with_name(Some(t(&second)))));
            side.ask("by-id", version, &ask(by_id(id)));
        } else {
            side.ask("second", version, &ask(&[&second]));
        }
    }
}
