//! Log directories that fail and come back, and replicas that find their places.

use super::*;

const A: Uuid = Uuid::from_u128(10);
const B: Uuid = Uuid::from_u128(11);

fn with_directories(id: i32, log_dirs: &[Uuid]) -> RegisterBroker {
    RegisterBroker { log_dirs: log_dirs.to_vec(), ..broker(id) }
}

/// Broker 1 with two directories, and a topic with a partition in each.
fn two() -> Bench {
    let mut bench = Bench::new(0);
    let registration = with_directories(1, &[A, B]);
    bench.run(Input::RegisterBroker { ticket: TICKET, registration, previous_epoch: None });
    assert_eq!(bench.create(vec![topic("a", 2, 1)]), [None]);
    assign(&mut bench, &[(0, A), (1, B)]);
    bench
}

fn assign(bench: &mut Bench, places: &[(i32, Uuid)]) {
    let topic = bench.controller.image().topic("a").unwrap().id;
    let one = |(partition, directory): &(i32, Uuid)| DirectoryAssignment {
        topic,
        partition: *partition,
        directory: *directory,
    };
    let assignments = places.iter().map(one).collect();
    let input =
        Input::AssignDirectories { ticket: TICKET, broker: BrokerId(1), epoch: None, assignments };
    assert_eq!(bench.run(input), Reply::Assigned(vec![Ok(()); places.len()]));
}

fn fail(bench: &mut Bench, online: &[Uuid]) {
    let online = online.to_vec();
    let input = Input::FailDirectories { ticket: TICKET, broker: BrokerId(1), online };
    assert_eq!(bench.run(input), Reply::Done);
}

fn leaders(bench: &Bench) -> Vec<Option<i32>> {
    let topic = bench.controller.image().topic("a").unwrap();
    topic.partitions.values().map(|partition| partition.leader.map(|id| id.0)).collect()
}

#[test]
fn a_new_replica_has_no_place_until_its_broker_names_one_of_several() {
    let mut bench = Bench::new(0);
    let registration = with_directories(1, &[A, B]);
    bench.run(Input::RegisterBroker { ticket: TICKET, registration, previous_epoch: None });
    bench.create(vec![topic("a", 1, 1)]);
    let place = |bench: &Bench| {
        let topic = bench.controller.image().topic("a").unwrap();
        topic.partitions[&0].directory_of(BrokerId(1))
    };
    assert_eq!(place(&bench), Uuid::nil());
    assign(&mut bench, &[(0, B)]);
    assert_eq!(place(&bench), B);
    let before = bench.log.len();
    assign(&mut bench, &[(0, B)]);
    let topic = bench.controller.image().topic("a").unwrap().id;
    let nowhere = DirectoryAssignment { topic, partition: 7, directory: A };
    let nothing = DirectoryAssignment { topic: Uuid::nil(), partition: 0, directory: A };
    let assignments = vec![nowhere, nothing];
    let (ticket, broker) = (TICKET, BrokerId(1));
    let input = Input::AssignDirectories { ticket, broker, epoch: None, assignments };
    let Reply::Assigned(results) = bench.run(input) else { panic!("not the answer") };
    assert_eq!(results.iter().map(code).collect::<Vec<_>>(), [Some(3), Some(100)]);
    assert_eq!(bench.log.len(), before, "what is known, or of no partition, changes nothing");
}

#[test]
fn a_failed_directory_leaves_its_partitions_without_a_leader_until_it_is_back() {
    let mut bench = two();
    fail(&mut bench, &[A]);
    assert_eq!(leaders(&bench), [Some(1), None]);
    let image = bench.controller.image();
    let partition = &image.topic("a").unwrap().partitions[&1];
    assert_eq!((&partition.isr[..], &partition.elr[..]), (&[][..], &[BrokerId(1)][..]));
    assert!(!image.is_online(partition, BrokerId(1)));

    let registration = with_directories(1, &[A]);
    bench.run(Input::RegisterBroker { ticket: TICKET, registration, previous_epoch: None });
    assert_eq!(leaders(&bench), [Some(1), None], "it is still broken");
    let registration = with_directories(1, &[A, B]);
    bench.run(Input::RegisterBroker { ticket: TICKET, registration, previous_epoch: None });
    assert_eq!(leaders(&bench), [Some(1), Some(1)]);
}

#[test]
fn without_eligible_replicas_the_last_one_in_sync_stays_in_the_isr() {
    let mut bench = two();
    let name = ELIGIBLE_LEADER_REPLICAS.to_owned();
    bench.note(Record::FeatureLevel(FeatureLevelRecord { name, level: 0 }));
    fail(&mut bench, &[A]);
    let partition = &bench.controller.image().topic("a").unwrap().partitions[&1];
    assert_eq!((&partition.isr[..], partition.leader), (&[BrokerId(1)][..], None));
    assert!(partition.elr.is_empty() && partition.last_known_elr.is_empty());
}

#[test]
fn a_replica_that_is_found_in_a_working_directory_leads_again() {
    let mut bench = two();
    fail(&mut bench, &[A]);
    assign(&mut bench, &[(1, A)]);
    assert_eq!(leaders(&bench), [Some(1), Some(1)]);
}

#[test]
fn another_replica_in_sync_takes_over_from_a_failed_directory() {
    let mut bench = Bench::new(2);
    let registration = with_directories(1, &[A, B]);
    bench.run(Input::RegisterBroker { ticket: TICKET, registration, previous_epoch: None });
    let replicas = vec![BrokerId(1), BrokerId(2)];
    let wanted = NewTopic {
        partitions: -1,
        replication_factor: -1,
        assignments: vec![(0, replicas)],
        ..topic("a", 1, 2)
    };
    assert_eq!(bench.create(vec![wanted]), [None]);
    assign(&mut bench, &[(0, B)]);
    fail(&mut bench, &[A]);
    assert_eq!(leaders(&bench), [Some(2)]);
}
