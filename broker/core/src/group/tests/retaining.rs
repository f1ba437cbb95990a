//! What is forgotten, and when.

use super::offsets::{commit, fetch};
use super::*;
use uuid::Uuid;

const DAY: u64 = 86_400_000;

#[test]
fn an_empty_group_is_forgotten_when_the_retention_is_over() {
    let mut bench = Bench::new();
    let mut people = [Person { session_ms: 1_800_000, ..reader() }];
    let generation = bench.form(&mut people);
    let by_member =
        |it: &mut CommitOffsets| (it.generation, it.member) = (generation, people[0].id.clone());
    commit(&mut bench, by_member).unwrap().remove(0).unwrap();
    for _ in 0..(8 * DAY / 1_700_000) {
        bench.pass(1_700_000);
        bench.heartbeat(&people[0], generation).unwrap();
    }
    assert_eq!(fetch(&mut bench, None).len(), 1, "a group with members keeps its offsets");

    bench.leave(&people[0]).unwrap();
    bench.pass(7 * DAY - 1);
    assert_eq!(fetch(&mut bench, None).len(), 1);
    bench.pass(600_001);
    assert!(fetch(&mut bench, None).is_empty());
    assert!(bench.coordinator.is_empty());
    assert_eq!(bench.log.last(), Some(&Record::Group { group: g(), value: None }));
    bench.pass(600_000);
    assert_eq!(bench.coordinator.deadline(), None, "nothing is left to wait for");
}

#[test]
fn offsets_from_outside_of_group_management_live_from_their_own_commit() {
    let mut bench = Bench::new();
    commit(&mut bench, |_| ()).unwrap();
    bench.pass(4 * DAY);
    commit(&mut bench, |it| it.offsets[0].partition = 1).unwrap();
    bench.pass(3 * DAY + 600_000);
    let left = fetch(&mut bench, None);
    assert_eq!(left[0].partitions.iter().map(|it| it.partition).collect::<Vec<_>>(), [1]);
}

#[test]
fn an_old_client_may_say_itself_how_long_to_keep_an_offset() {
    let mut bench = Bench::new();
    commit(&mut bench, |it| it.retention_ms = 3_600_000).unwrap();
    bench.fail_over();
    bench.pass(3_590_000);
    assert_eq!(fetch(&mut bench, None).len(), 1);
    bench.pass(620_000);
    assert!(fetch(&mut bench, None).is_empty());
}

#[test]
fn a_deleted_topic_takes_its_offsets_along_but_not_those_of_its_successor() {
    let mut bench = Bench::new();
    commit(&mut bench, |it| {
        let mut successor = it.offsets[0].clone();
        (successor.partition, successor.topic_id) = (1, Uuid::from_u128(2));
        let mut other = it.offsets[0].clone();
        (other.topic, other.topic_id) = ("u".to_owned(), Uuid::from_u128(3));
        it.offsets.extend([successor, other]);
    })
    .unwrap();
    assert_eq!(bench.coordinator.topics().collect::<Vec<_>>(), ["t", "u"]);
    bench.step(Input::TopicDeleted { topic: "t".to_owned(), id: Uuid::from_u128(1) });
    let left = fetch(&mut bench, None);
    assert_eq!((left[0].partitions.len(), left[0].partitions[0].partition), (1, 1));
    bench.step(Input::TopicDeleted { topic: "t".to_owned(), id: Uuid::nil() });
    assert_eq!(bench.coordinator.topics().collect::<Vec<_>>(), ["u"]);
}

#[test]
fn many_tombstones_go_out_in_several_batches() {
    let mut bench = Bench::new();
    commit(&mut bench, |it| {
        let one = it.offsets[0].clone();
        it.offsets =
            (0..2500).map(|partition| OffsetToCommit { partition, ..one.clone() }).collect();
    })
    .unwrap();
    let mut effects = Vec::new();
    let gone = Input::TopicDeleted { topic: "t".to_owned(), id: Uuid::nil() };
    bench.coordinator.step(bench.now, gone, &mut effects);
    let sizes: Vec<usize> = effects
        .iter()
        .map(|effect| match effect {
            Effect::Append { records, .. } => records.len(),
            Effect::Reply(..) => panic!("nobody asked"),
        })
        .collect();
    assert_eq!(sizes, [1000, 1000, 500]);
}
