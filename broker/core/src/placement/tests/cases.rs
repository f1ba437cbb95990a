//! What people ask for, one by one.

use super::*;

fn three(racks: [Option<i32>; 3]) -> Vec<Broker> {
    (0..).zip(racks).map(|(id, rack)| broker(id, rack, State::Active, None)).collect()
}

fn ids(of: &[BrokerId]) -> Vec<i32> {
    of.iter().map(|id| id.0).collect()
}

#[test]
fn a_balanced_cluster_stays_as_it_is() {
    let partitions = vec![
        partition(0, &[0, 1], 1 << 30),
        partition(1, &[1, 2], 1 << 30),
        partition(2, &[2, 0], 1 << 30),
    ];
    let plan = plan(&Picture { brokers: three([None; 3]), partitions }, usize::MAX);
    assert_eq!(plan.moves, []);
    assert_eq!(plan.blocked, []);
    assert!(!plan.more);
}

#[test]
fn a_broker_that_is_added_gets_its_share() {
    let mut brokers = three([None; 3]);
    brokers.push(broker(3, None, State::Active, None));
    let partitions = (0..8).map(|number| {
        let first = i32::try_from(number % 3).unwrap();
        partition(number, &[first, (first + 1) % 3], 1 << 30)
    });
    let mut picture = Picture { partitions: partitions.collect(), brokers };
    let plan = plan(&picture, usize::MAX);
    let added: Vec<_> = plan.moves.iter().flat_map(|step| step.added().map(|id| id.0)).collect();
    assert_eq!(added, [3; 4], "nothing goes anywhere else");
    plan.moves.iter().for_each(|step| picture.carry_out(step));
    assert_eq!(picture.tallies()[&BrokerId(3)].leaders, 2);
}

#[test]
fn what_is_on_a_broker_that_drains_goes_to_the_others() {
    let mut brokers = three([None; 3]);
    brokers[1].state = State::Draining;
    let partitions = vec![partition(0, &[1, 0], 5), partition(1, &[0, 1], 5)];
    let plan = plan(&Picture { brokers, partitions }, usize::MAX);
    let to: Vec<_> = plan.moves.iter().map(|step| (step.reason, ids(&step.to))).collect();
    assert_eq!(to, [(Reason::Drain, vec![2, 0]), (Reason::Drain, vec![0, 2])]);
}

#[test]
fn a_drain_for_which_there_are_too_few_brokers_says_so_and_takes_the_lead_away() {
    let mut brokers = three([None; 3]);
    brokers[0].state = State::Draining;
    let partitions = vec![partition(0, &[0, 1, 2], 5)];
    let plan = plan(&Picture { brokers, partitions }, usize::MAX);
    assert_eq!(ids(&plan.moves[0].to), [1, 2, 0]);
    let cause = Cause::TooFewBrokers { factor: 3, active: 2 };
    let on = vec![BrokerId(0)];
    assert_eq!(plan.blocked, [Blocked { topic: "topic-0".into(), index: 0, on, cause }]);
}

#[test]
fn nothing_is_done_to_a_partition_whose_only_copies_are_gone() {
    let mut brokers = three([None; 3]);
    brokers[0].state = State::Gone;
    let plan = plan(&Picture { brokers, partitions: vec![partition(0, &[0], 5)] }, usize::MAX);
    assert_eq!(plan.moves, []);
    assert_eq!(plan.blocked[0].cause, Cause::NoSource);
}

#[test]
fn the_partition_that_is_closest_to_being_lost_comes_first() {
    let mut brokers = three([None; 3]);
    brokers.extend([3, 4].map(|id| broker(id, None, State::Active, None)));
    brokers[0].state = State::Gone;
    let mut partitions = vec![partition(0, &[0, 1, 2], 5), partition(1, &[0, 2, 3], 5)];
    partitions[1].in_sync = vec![BrokerId(3)];
    let plan = plan(&Picture { brokers, partitions }, usize::MAX);
    assert_eq!(plan.moves.iter().map(|step| step.index).collect::<Vec<_>>(), [1, 0]);
    assert!(plan.moves.iter().all(|step| step.reason == Reason::Lost));
}

#[test]
fn more_copies_go_to_other_racks_and_fewer_leave_shared_ones() {
    let mut brokers = three([Some(0), Some(0), Some(1)]);
    brokers.push(broker(3, Some(2), State::Active, None));
    let mut partitions = vec![partition(0, &[0, 2], 5), partition(1, &[0, 1, 3], 5)];
    partitions[0].factor = 3;
    partitions[1].factor = 2;
    let plan = plan(&Picture { brokers, partitions }, usize::MAX);
    let sets: Vec<BTreeSet<_>> =
        plan.moves.iter().map(|it| it.to.iter().copied().collect()).collect();
    assert!(sets[0].contains(&BrokerId(3)), "{plan:?}");
    assert!(sets[1].len() == 2 && sets[1].contains(&BrokerId(3)), "{plan:?}");
}

#[test]
fn a_disk_that_is_nearly_full_is_relieved() {
    let gib = 1 << 30;
    let mut brokers = three([None; 3]);
    brokers[0].disk = Some(Disk { total: 100 * gib, free: 5 * gib });
    let partitions = vec![
        partition(0, &[0], 60 * gib),
        partition(1, &[0], 35 * gib),
        partition(2, &[1], 35 * gib),
        partition(3, &[2], 35 * gib),
    ];
    let mut picture = Picture { brokers, partitions };
    let plan = plan(&picture, usize::MAX);
    assert!(plan.before.overfull > 0);
    assert_eq!(plan.after.overfull, 0);
    plan.moves.iter().for_each(|step| picture.carry_out(step));
    assert!(picture.tallies()[&BrokerId(0)].bytes <= 85 * gib);
}

#[test]
fn what_differs_by_little_is_not_moved() {
    let partitions = vec![
        partition(0, &[0], (100 << 30) + (1 << 30)),
        partition(1, &[1], 100 << 30),
        partition(2, &[2], (100 << 30) - (1 << 30)),
    ];
    let plan = plan(&Picture { brokers: three([None; 3]), partitions }, usize::MAX);
    assert_eq!(plan.moves, []);
}
