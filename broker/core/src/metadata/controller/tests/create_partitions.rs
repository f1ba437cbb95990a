//! More partitions for topics.

use super::*;

fn more(topic: &str, count: i32) -> NewPartitions {
    NewPartitions { topic: topic.to_owned(), count, assignments: None }
}

fn grow(bench: &mut Bench, topics: Vec<NewPartitions>) -> Vec<Option<i16>> {
    let input = Input::CreatePartitions { ticket: TICKET, topics, validate_only: false };
    let Reply::Results(results) = bench.run(input) else { panic!("not the answer") };
    results.iter().map(|(_, result)| code(result)).collect()
}

#[test]
fn new_partitions_get_the_next_indexes() {
    let mut bench = Bench::new(1);
    bench.create(vec![topic("a", 2, 1)]);
    let id = topic("a", 2, 1).id;
    let topics = vec![more("a", 4)];
    let input = Input::CreatePartitions { ticket: TICKET, topics, validate_only: false };
    assert_eq!(
        bench.step(input.clone()),
        [
            Effect::Append(vec![
                Record::Partition(partition(id, 2, &[1])),
                Record::Partition(partition(id, 3, &[1])),
            ]),
            Effect::Reply(TICKET, Reply::Results(vec![("a".to_owned(), Ok(()))])),
        ]
    );
    bench.run(input);
    assert_eq!(bench.controller.image().partition_count(), 4);
}

#[test]
fn fewer_or_as_many_partitions_are_refused_with_37_and_unknown_topics_with_3() {
    let mut bench = Bench::new(1);
    bench.create(vec![topic("a", 2, 1), topic("b", 1, 1)]);
    assert_eq!(grow(&mut bench, vec![more("a", 2), more("b", 2)]), [Some(37), None]);
    for count in [1, 0, -1] {
        assert_eq!(grow(&mut bench, vec![more("a", count)]), [Some(37)]);
    }
    assert_eq!(grow(&mut bench, vec![more("c", 2)]), [Some(3)]);
    assert_eq!(grow(&mut bench, vec![more("a", 3), more("a", 4)]), [Some(42)]);
    assert_eq!(grow(&mut bench, vec![more("a", i32::MAX)]), [Some(44)]);
}

#[test]
fn topics_whose_partitions_say_where_things_are_kept_do_not_grow() {
    let mut bench = Bench::new(1);
    bench.create(vec![topic("__consumer_offsets", 2, 1), topic("a", 1, 1)]);
    let asked = vec![more("__consumer_offsets", 3), more("a", 2)];
    assert_eq!(grow(&mut bench, asked), [Some(37), None]);
}

#[test]
fn new_partitions_can_be_assigned_by_hand() {
    let mut bench = Bench::new(2);
    bench.create(vec![topic("a", 1, 1)]);
    let mut wanted = more("a", 3);
    wanted.assignments = Some(vec![vec![BrokerId(2)]]);
    assert_eq!(grow(&mut bench, vec![wanted.clone()]), [Some(39)]);
    wanted.assignments = Some(vec![vec![BrokerId(2)], vec![BrokerId(1), BrokerId(2)]]);
    assert_eq!(grow(&mut bench, vec![wanted.clone()]), [Some(39)]);
    wanted.assignments = Some(vec![vec![BrokerId(2)], vec![BrokerId(2)]]);
    assert_eq!(grow(&mut bench, vec![wanted]), [None]);
    let topic = bench.controller.image().topic("a").unwrap();
    assert_eq!(topic.partitions[&2].leader, Some(BrokerId(2)));
}

#[test]
fn validating_only_appends_nothing() {
    let mut bench = Bench::new(1);
    bench.create(vec![topic("a", 1, 1)]);
    let topics = vec![more("a", 9)];
    let effects =
        bench.step(Input::CreatePartitions { ticket: TICKET, topics, validate_only: true });
    assert_eq!(effects, [Effect::Reply(TICKET, Reply::Results(vec![("a".to_owned(), Ok(()))]))]);
}
