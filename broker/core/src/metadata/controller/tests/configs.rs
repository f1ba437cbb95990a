//! Settings of topics change one by one.

mod model;

use super::*;
use crate::metadata::ConfigResource;

fn alter(changes: &[(&str, ConfigOp)]) -> Vec<AlterConfigs> {
    let change =
        |(name, op): &(&str, ConfigOp)| ConfigChange { name: (*name).to_owned(), op: op.clone() };
    let changes = changes.iter().map(change).collect();
    vec![AlterConfigs { resource: ConfigResource::topic("a"), changes, replace: false }]
}

fn bench() -> Bench {
    let mut bench = Bench::new(1);
    bench.create(vec![topic("a", 1, 1)]);
    bench
}

fn step(bench: &mut Bench, resources: Vec<AlterConfigs>) -> Vec<Effect> {
    bench.step(Input::AlterConfigs { ticket: TICKET, resources, validate_only: false })
}

fn run(bench: &mut Bench, resources: Vec<AlterConfigs>) -> Option<i16> {
    let input = Input::AlterConfigs { ticket: TICKET, resources, validate_only: false };
    let Reply::Results(results) = bench.run(input) else { panic!("not the answer") };
    code(&results[0].1)
}

fn set(value: &str) -> ConfigOp {
    ConfigOp::Set(value.to_owned())
}

#[test]
fn only_what_really_changes_is_recorded() {
    let mut bench = bench();
    let done = Effect::Reply(TICKET, Reply::Results(vec![("a".to_owned(), Ok(()))]));
    let wanted = alter(&[("retention.ms", set("5")), ("segment.ms", ConfigOp::Delete)]);
    let append = Effect::Append(vec![config("a", "retention.ms", Some("5"))]);
    assert_eq!(step(&mut bench, wanted.clone()), [append, done.clone()]);
    assert_eq!(run(&mut bench, wanted.clone()), None);
    assert_eq!(step(&mut bench, wanted), std::slice::from_ref(&done));
    let append = Effect::Append(vec![config("a", "retention.ms", None)]);
    assert_eq!(step(&mut bench, alter(&[("retention.ms", ConfigOp::Delete)])), [append, done]);
}

#[test]
fn words_are_added_to_and_taken_from_lists() {
    let mut bench = bench();
    let policy =
        |bench: &Bench| bench.controller.image().topic_overrides("a")["cleanup.policy"].clone();
    let append = |word: &str| alter(&[("cleanup.policy", ConfigOp::Append(word.to_owned()))]);
    assert_eq!(run(&mut bench, append("compact")), None);
    assert_eq!(policy(&bench), "delete,compact");
    let subtract = alter(&[("cleanup.policy", ConfigOp::Subtract("delete".to_owned()))]);
    assert_eq!(run(&mut bench, subtract), None);
    assert_eq!(policy(&bench), "compact");
    assert_eq!(run(&mut bench, append("purge")), Some(40));
    let number = alter(&[("retention.ms", ConfigOp::Append("1".to_owned()))]);
    assert_eq!(run(&mut bench, number), Some(40));
}

#[test]
fn changes_that_cannot_be_are_refused_as_a_whole() {
    let mut bench = bench();
    let half = alter(&[("retention.ms", set("5")), ("segment.ms", set("never"))]);
    assert_eq!(run(&mut bench, half), Some(40));
    assert!(bench.controller.image().topic_overrides("a").is_empty());
    let twice = alter(&[("retention.ms", set("5")), ("retention.ms", set("6"))]);
    assert_eq!(run(&mut bench, twice), Some(42));
    let mut unknown = alter(&[("retention.ms", set("5"))]);
    for (kind, name, expected) in [
        (ResourceKind::Topic, "b", 3),
        (ResourceKind::Topic, "", 42),
        (ResourceKind::Topic, "a/b", 17),
        (ResourceKind::Broker, "b", 42),
        (ResourceKind::Broker, "9", 42),
        (ResourceKind::BrokerLogger, "1", 42),
        (ResourceKind::Group, "", 42),
        (ResourceKind::ClientMetrics, "", 42),
    ] {
        unknown[0].resource = ConfigResource { kind, name: name.to_owned() };
        assert_eq!(run(&mut bench, unknown.clone()), Some(expected), "{kind:?} {name:?}");
    }
}

fn of_broker(name: &str, changes: &[(&str, ConfigOp)]) -> Vec<AlterConfigs> {
    let mut resources = alter(changes);
    resources[0].resource = ConfigResource::broker(name);
    resources
}

#[test]
fn settings_of_brokers_are_in_force_as_soon_as_they_are_recorded() {
    let mut bench = Bench::with(2, &[("num.partitions", "2"), ("log.retention.ms", "1")]);
    let now = |bench: &Bench| bench.controller.settings().topic_default("retention.ms");
    assert_eq!(run(&mut bench, of_broker("", &[("log.retention.ms", set("2"))])), None);
    assert_eq!(now(&bench), "2");
    assert_eq!(run(&mut bench, of_broker("2", &[("log.retention.ms", set("4"))])), None);
    assert_eq!(now(&bench), "2", "that is another broker");
    assert_eq!(run(&mut bench, of_broker("1", &[("log.retention.ms", set("3"))])), None);
    assert_eq!(now(&bench), "3");
    // a controller that starts from the image knows, too
    let image = bench.controller.image().clone();
    let fixed = BrokerConfig::default();
    assert_eq!(
        Controller::new(image, BrokerId(1), fixed).settings().topic_default("retention.ms"),
        "3"
    );
    let gone = of_broker("1", &[("log.retention.ms", ConfigOp::Delete)]);
    assert_eq!(run(&mut bench, gone), None);
    assert_eq!(now(&bench), "2");
    assert_eq!(run(&mut bench, of_broker("", &[("num.partitions", set("5"))])), None);
    assert_eq!(bench.create(vec![topic("b", -1, 1)]), [None]);
    assert_eq!(bench.controller.image().topic("b").unwrap().partitions.len(), 5);
}

#[test]
fn settings_of_brokers_that_cannot_be_are_refused_with_42() {
    let mut bench = bench();
    for (name, key, value) in [
        ("1", "offsets.topic.num.partitions", "3"),
        ("1", "log.retention.ms", "soon"),
        ("1", "log.retention.ms", "0"),
        ("1", "log.retention.md", "1"),
        ("1", "ssl.keystore.password", "x"),
        ("", "leader.replication.throttled.rate", "5"),
        ("", "group.min.session.timeout.ms", "1800001"),
    ] {
        assert_eq!(run(&mut bench, of_broker(name, &[(key, set(value))])), Some(42), "{key}");
    }
    let one = of_broker("1", &[("leader.replication.throttled.rate", set("5"))]);
    assert_eq!(run(&mut bench, one), None);
    let number = of_broker("1", &[("log.retention.ms", ConfigOp::Append("1".to_owned()))]);
    assert_eq!(run(&mut bench, number), Some(40));
    // what was recorded by another version can go
    let unknown = of_broker("1", &[("made.up", ConfigOp::Delete)]);
    assert_eq!(run(&mut bench, unknown), None);
}

#[test]
fn groups_and_subscriptions_need_not_exist_to_have_settings() {
    let mut bench = bench();
    let mut of = |kind, name: &str, key: &str, value: &str| {
        let mut resources = alter(&[(key, set(value))]);
        resources[0].resource = ConfigResource { kind, name: name.to_owned() };
        run(&mut bench, resources)
    };
    assert_eq!(of(ResourceKind::Group, "g", "consumer.session.timeout.ms", "50000"), None);
    assert_eq!(of(ResourceKind::Group, "g", "consumer.session.timeout.ms", "5"), Some(40));
    assert_eq!(of(ResourceKind::Group, "g", "consumer.nope", "5"), Some(40));
    assert_eq!(of(ResourceKind::ClientMetrics, "m", "interval.ms", "100"), None);
    assert_eq!(of(ResourceKind::ClientMetrics, "m", "interval.ms", "99"), Some(42));
    assert_eq!(of(ResourceKind::ClientMetrics, "m", "interval.ms", "soon"), Some(40));
    assert_eq!(of(ResourceKind::ClientMetrics, "m", "nope", "1"), Some(42));
    let configured: Vec<_> =
        bench.controller.image().configured().map(|it| it.name.clone()).collect();
    assert_eq!(configured, ["m", "g"]);
}
