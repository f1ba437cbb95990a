//! Partitions that are to move.

use super::*;

fn brokers(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

fn reassign_as(
    bench: &mut Bench,
    allow_factor_change: bool,
    targets: &[(i32, Option<&[i32]>)],
) -> Vec<(i32, Option<i16>)> {
    let target = |(index, ids): &(i32, Option<&[i32]>)| (*index, ids.map(brokers));
    let topics = vec![("a".to_owned(), targets.iter().map(target).collect())];
    let input = Input::ReassignPartitions { ticket: TICKET, topics, allow_factor_change };
    codes(bench.run(input)).remove(0).1
}

fn reassign(bench: &mut Bench, target: Option<&[i32]>) -> Option<i16> {
    reassign_as(bench, true, &[(0, target)])[0].1
}

fn state(bench: &Bench) -> Partition {
    (*bench.controller.image().topic("a").unwrap().partitions[&0]).clone()
}

/// Brokers 1 to 3, and topic "a" with one partition on 1 and 2.
fn bench() -> Bench {
    let mut bench = Bench::new(3);
    let assigned = NewTopic {
        assignments: vec![(0, brokers(&[1, 2]))],
        partitions: -1,
        replication_factor: -1,
        ..topic("a", -1, -1)
    };
    assert_eq!(bench.create(vec![assigned]), [None]);
    bench
}

#[test]
fn with_one_broker_only_the_replicas_that_there_are_can_be_wanted() {
    let mut bench = Bench::new(1);
    bench.create(vec![topic("a", 1, 1)]);
    let log = bench.log.len();
    assert_eq!(reassign(&mut bench, Some(&[1])), None);
    for refused in [&[2][..], &[1, 2], &[1, 1], &[], &[-1]] {
        assert_eq!(reassign(&mut bench, Some(refused)), Some(39), "{refused:?}");
    }
    assert_eq!(reassign(&mut bench, None), Some(85));
    let several = reassign_as(&mut bench, false, &[(0, Some(&[1])), (1, Some(&[1])), (0, None)]);
    assert_eq!(several, [(0, None), (1, Some(3)), (0, Some(85))]);
    assert_eq!(bench.log.len(), log, "nothing has changed");
}

#[test]
fn another_order_and_fewer_replicas_are_reached_at_once() {
    let mut bench = bench();
    assert_eq!(reassign(&mut bench, Some(&[2, 1])), None);
    assert_eq!((state(&bench).replicas, state(&bench).leader_epoch), (brokers(&[2, 1]), 0));
    assert_eq!(reassign_as(&mut bench, false, &[(0, Some(&[2]))]), [(0, Some(38))]);
    assert_eq!(reassign(&mut bench, Some(&[2])), None);
    let after = state(&bench);
    assert_eq!((after.leader, after.leader_epoch), (Some(BrokerId(2)), 1), "1 led and is gone");
    assert_eq!((after.isr, after.directories.len()), (brokers(&[2]), 1));
    assert!(after.adding.is_empty() && after.removing.is_empty());
}

#[test]
fn a_new_replica_is_added_until_it_is_in_sync_and_can_be_taken_back() {
    let mut bench = bench();
    let before = state(&bench);
    assert_eq!(reassign(&mut bench, Some(&[3, 1])), None);
    let during = state(&bench);
    assert_eq!((during.replicas, during.isr), (brokers(&[3, 1, 2]), brokers(&[1, 2])));
    assert_eq!((during.adding, during.removing), (brokers(&[3]), brokers(&[2])));
    assert_eq!(during.leader, Some(BrokerId(1)));
    let log = bench.log.len();
    assert_eq!(reassign(&mut bench, Some(&[3, 1])), None);
    assert_eq!(bench.log.len(), log, "the same again is nothing new");

    assert_eq!(reassign(&mut bench, None), None);
    let after = state(&bench);
    assert_eq!((after.replicas, after.isr), (brokers(&[1, 2]), before.isr));
    assert!(after.adding.is_empty() && after.removing.is_empty());
    assert_eq!(reassign(&mut bench, None), Some(85));
}

#[test]
fn what_only_the_added_replicas_have_is_not_given_up() {
    let mut bench = bench();
    reassign(&mut bench, Some(&[3]));
    let topic = bench.controller.image().topic("a").unwrap().id;
    let mut change = PartitionChangeRecord {
        isr: Some(brokers(&[3])),
        leader: BrokerId(3),
        ..PartitionChangeRecord::new(topic, 0)
    };
    bench.controller.apply(&Record::PartitionChange(change.clone()));
    assert_eq!(reassign(&mut bench, None), Some(39));
    change.isr = Some(brokers(&[3, 2]));
    bench.controller.apply(&Record::PartitionChange(change));
    assert_eq!(reassign(&mut bench, Some(&[3])), None);
    assert_eq!(state(&bench).replicas, brokers(&[3]));
}
