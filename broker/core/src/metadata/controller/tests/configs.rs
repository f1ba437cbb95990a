//! Settings of topics change one by one.

use super::*;
use crate::metadata::{ConfigResource, ResourceKind};

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
    unknown[0].resource.name = "b".to_owned();
    assert_eq!(run(&mut bench, unknown.clone()), Some(3));
    unknown[0].resource.kind = ResourceKind::Broker;
    assert_eq!(run(&mut bench, unknown), Some(42));
}
