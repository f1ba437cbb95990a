//! New topics: the codes of the table of bad input, and what is appended otherwise.

use super::*;

#[test]
fn a_topic_is_a_topic_record_its_settings_and_its_partitions() {
    let mut bench = Bench::new(1);
    let mut wanted = topic("rider-updates", 2, 1);
    wanted.configs = vec![("retention.ms".to_owned(), Some("1000".to_owned()))];
    let id = wanted.id;
    let effects = bench.step(Input::CreateTopics {
        ticket: TICKET,
        topics: vec![wanted],
        validate_only: false,
    });
    let overrides = Overrides::from([("retention.ms".to_owned(), "1000".to_owned())]);
    assert_eq!(
        effects,
        [
            Effect::Append(vec![
                Record::Topic(TopicRecord { name: "rider-updates".to_owned(), id }),
                config("rider-updates", "retention.ms", Some("1000")),
                Record::Partition(partition(id, 0, &[1])),
                Record::Partition(partition(id, 1, &[1])),
            ]),
            Effect::Reply(
                TICKET,
                Reply::Created(vec![CreatedTopic {
                    name: "rider-updates".to_owned(),
                    id,
                    partitions: 2,
                    replication_factor: 1,
                    overrides,
                    result: Ok(()),
                }])
            ),
        ]
    );
}

#[test]
fn validating_only_says_what_would_be_and_appends_nothing() {
    let mut bench = Bench::with(1, &[("num.partitions", "3")]);
    let topics = vec![topic("a", -1, -1)];
    let effects = bench.step(Input::CreateTopics { ticket: TICKET, topics, validate_only: true });
    let [Effect::Reply(TICKET, Reply::Created(created))] = &effects[..] else { panic!() };
    let created = &created[0];
    assert_eq!((created.partitions, created.replication_factor, created.id), (3, 1, Uuid::nil()));
}

#[test]
fn names_that_cannot_be_are_refused_with_17() {
    let mut bench = Bench::new(1);
    for name in ["", ".", "..", "a/b", "a\0", &"x".repeat(250)] {
        assert_eq!(bench.create(vec![topic(name, 1, 1)]), [Some(17)], "{name:?}");
    }
    assert_eq!(bench.create(vec![topic("__cluster_metadata", 1, 1)]), [Some(42)]);
    assert_eq!(bench.create(vec![topic("a.b", 1, 1)]), [None]);
    assert_eq!(bench.create(vec![topic("a_b", 1, 1)]), [Some(17)]);
}

#[test]
fn a_topic_that_exists_is_refused_with_36_and_the_others_are_created() {
    let mut bench = Bench::new(1);
    assert_eq!(bench.create(vec![topic("a", 1, 1)]), [None]);
    let topics = vec![topic("b", 1, 1), topic("a", 1, 1), topic("c", 1, 1)];
    assert_eq!(bench.create(topics), [None, Some(36), None]);
    assert_eq!(bench.controller.image().topic_count(), 3);
}

#[test]
fn topics_of_one_request_that_collide_are_not_both_created() {
    let mut bench = Bench::new(1);
    assert_eq!(bench.create(vec![topic("a.b", 1, 1), topic("a_b", 1, 1)]), [None, Some(17)]);
}

#[test]
fn a_topic_that_is_asked_for_twice_is_answered_once_with_42() {
    let mut bench = Bench::new(1);
    let topics = vec![topic("a", 1, 1), topic("b", 1, 1), topic("a", 1, 1)];
    assert_eq!(bench.create(topics), [Some(42), None]);
}

#[test]
fn partitions_and_replicas_have_to_be_possible() {
    let mut bench = Bench::new(2);
    assert_eq!(bench.create(vec![topic("a", 0, 1)]), [Some(37)]);
    assert_eq!(bench.create(vec![topic("a", -2, 1)]), [Some(37)]);
    assert_eq!(bench.create(vec![topic("a", 1, 0)]), [Some(38)]);
    assert_eq!(bench.create(vec![topic("a", 1, 3)]), [Some(38)]);
    assert_eq!(bench.create(vec![topic("a", i32::MAX, 1)]), [Some(44)]);
    assert_eq!(bench.create(vec![topic("a", 6000, 1), topic("b", 6000, 1)]), [None, Some(44)]);
}

#[test]
fn there_are_no_more_partitions_than_the_cluster_may_have() {
    let mut bench = Bench::with(1, &[("kastellan.max.partitions", "5")]);
    let topics = vec![topic("a", 3, 1), topic("b", 3, 1), topic("c", 2, 1), topic("d", 1, 1)];
    assert_eq!(bench.create(topics), [None, Some(44), None, Some(44)]);
    assert_eq!(bench.create(vec![topic("e", 1, 1)]), [Some(44)]);
    let more = |count| {
        let (topic, assignments) = ("a".to_owned(), None);
        let topics = vec![NewPartitions { topic, count, assignments }];
        Input::CreatePartitions { ticket: TICKET, topics, validate_only: false }
    };
    let grown = |bench: &mut Bench, count| {
        let Reply::Results(results) = bench.run(more(count)) else { panic!("not the answer") };
        code(&results[0].1)
    };
    assert_eq!(grown(&mut bench, 4), Some(44));
    let groups = vec![topic("__consumer_offsets", 2, 1)];
    assert_eq!(bench.create(groups), [None], "groups are possible all the same");
}

#[test]
fn settings_that_are_not_known_or_not_right_are_refused_with_40() {
    let mut bench = Bench::new(1);
    for (name, value) in [
        ("retention.msec", Some("1")),
        ("retention.ms", Some("soon")),
        ("retention.ms", None),
        ("remote.storage.enable", Some("true")),
    ] {
        let mut wanted = topic("a", 1, 1);
        wanted.configs = vec![(name.to_owned(), value.map(str::to_owned))];
        assert_eq!(bench.create(vec![wanted]), [Some(40)], "{name}");
    }
}

fn by_hand(assignments: &[(i32, &[i32])]) -> NewTopic {
    let brokers = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect();
    NewTopic {
        assignments: assignments.iter().map(|(index, ids)| (*index, brokers(ids))).collect(),
        ..topic("a", -1, -1)
    }
}

#[test]
fn replicas_can_be_chosen_by_hand() {
    let mut bench = Bench::new(3);
    assert_eq!(bench.create(vec![by_hand(&[(1, &[2, 3]), (0, &[3, 1])])]), [None]);
    let topic = bench.controller.image().topic("a").unwrap();
    assert_eq!(topic.partitions[&0].replicas, [BrokerId(3), BrokerId(1)]);
    assert_eq!(topic.partitions[&1].leader, Some(BrokerId(2)));
}

#[test]
fn an_assignment_that_cannot_be_is_refused_with_39() {
    let mut bench = Bench::new(2);
    for wrong in [
        &[(0, &[][..])][..],
        &[(0, &[1, 1])],
        &[(0, &[9])],
        &[(0, &[1]), (0, &[2])],
        &[(0, &[1]), (2, &[1])],
        &[(1, &[1])],
        &[(0, &[1]), (1, &[1, 2])],
    ] {
        assert_eq!(bench.create(vec![by_hand(wrong)]), [Some(39)], "{wrong:?}");
    }
    let mut both = by_hand(&[(0, &[1])]);
    both.partitions = 1;
    assert_eq!(bench.create(vec![both]), [Some(42)]);
}
