//! How many partitions somebody creates and deletes.

use std::time::Duration;

use super::*;
use crate::quota::QuotaParts;

/// Two partitions a second, and 22 at once.
const RATE: f64 = 2.0;

fn limited() -> Bench {
    let mut bench = Bench::new(1);
    let entity = QuotaParts::from([("user".to_owned(), Some("u".to_owned()))]);
    let quotas = vec![("controller_mutation_rate".to_owned(), Some(RATE))];
    let changes = vec![QuotaChange { entity, quotas }];
    bench.run(Input::AlterQuotas { ticket: TICKET, changes, validate_only: false });
    bench.now = Millis(100_000);
    bench
}

fn behalf(bench: &mut Bench, user: &str, strict: bool, input: Input) -> (Reply, Duration) {
    let requester = Requester { user: user.into(), client: "c".into(), strict };
    bench.run(Input::OnBehalf { requester, input: Box::new(input) }).throttled()
}

fn create(bench: &mut Bench, user: &str, strict: bool, topics: &[(&str, i32)]) -> (Vec<i16>, u128) {
    let topics = topics.iter().map(|(name, partitions)| topic(name, *partitions, 1)).collect();
    let input = Input::CreateTopics { ticket: TICKET, topics, validate_only: false };
    let (reply, wait) = behalf(bench, user, strict, input);
    let Reply::Created(created) = reply else { panic!("{reply:?}") };
    let codes = created.iter().map(|topic| code(&topic.result).unwrap_or(0));
    (codes.collect(), wait.as_millis())
}

#[test]
fn a_new_client_is_refused_what_goes_beyond_its_quota() {
    let mut bench = limited();
    let topics = [("a", 20), ("b", 10), ("c", 1)];
    assert_eq!(create(&mut bench, "u", true, &topics), (vec![0, 0, 89], 4_000));
    assert!(bench.controller.image().topic("c").is_none());
    assert_eq!(create(&mut bench, "w", true, &[("other", 100)]), (vec![0], 0));
    bench.now = bench.now.after(Duration::from_secs(3));
    assert_eq!(create(&mut bench, "u", true, &[("c", 1)]), (vec![89], 1_000));
    bench.now = bench.now.after(Duration::from_secs(1));
    assert_eq!(create(&mut bench, "u", true, &[("c", 1)]), (vec![0], 0));
}

#[test]
fn an_old_client_gets_it_and_waits() {
    let mut bench = limited();
    assert_eq!(create(&mut bench, "u", false, &[("a", 20)]), (vec![0], 0));
    assert_eq!(create(&mut bench, "u", false, &[("b", 10), ("c", 2)]), (vec![0, 0], 5_000));
    assert_eq!(create(&mut bench, "u", false, &[("c", 2)]), (vec![36], 0), "nothing was made");
}

#[test]
fn deleting_and_adding_partitions_counts_too() {
    let mut bench = limited();
    assert_eq!(create(&mut bench, "w", true, &[("a", 10), ("b", 5)]).0, [0, 0]);
    let topics = vec![NewPartitions { topic: "a".to_owned(), count: 40, assignments: None }];
    let input = Input::CreatePartitions { ticket: TICKET, topics, validate_only: false };
    let (reply, wait) = behalf(&mut bench, "u", true, input.clone());
    assert_eq!((reply, wait), (Reply::Results(vec![("a".to_owned(), Ok(()))]), Duration::ZERO));
    let topics = vec![TopicRef::Name("b".to_owned())];
    let input = Input::DeleteTopics { ticket: TICKET, topics };
    let (reply, wait) = behalf(&mut bench, "u", true, input.clone());
    let Reply::Deleted(deleted) = reply else { panic!("{reply:?}") };
    assert_eq!((code(&deleted[0].result), wait.as_secs()), (Some(89), 4));
    assert!(bench.controller.image().topic("b").is_some());
    bench.now = bench.now.after(wait);
    let (reply, wait) = behalf(&mut bench, "u", false, input);
    let Reply::Deleted(deleted) = reply else { panic!("{reply:?}") };
    assert_eq!((code(&deleted[0].result), wait), (None, Duration::from_millis(2_500)));
}
