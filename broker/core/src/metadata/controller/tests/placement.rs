//! Replicas are spread over brokers and racks.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::metadata::ConfigResource;

fn racked(racks: &[Option<&str>]) -> Bench {
    let mut bench = Bench::new(0);
    for (id, rack) in (1..).zip(racks) {
        let mut registration = broker(id);
        registration.rack = rack.map(str::to_owned);
        bench.run(Input::RegisterBroker { ticket: TICKET, registration, previous_epoch: None });
    }
    bench
}

#[test]
fn replicas_of_a_partition_stand_in_different_racks_while_there_are_enough() {
    let mut bench = racked(&[Some("a"), Some("a"), Some("a"), Some("b"), Some("b"), Some("c")]);
    assert_eq!(bench.create(vec![topic("t", 40, 3), topic("u", 5, 4)]), [None, None]);
    let image = bench.controller.image();
    for partition in image.topic("t").unwrap().partitions.values() {
        let rack = |id: &BrokerId| image.broker(*id).unwrap().rack.clone();
        let mut racks: Vec<_> = partition.replicas.iter().map(rack).collect();
        racks.sort();
        racks.dedup();
        assert_eq!(racks.len(), 3, "{:?}", partition.replicas);
    }
    assert!(image.topic("u").unwrap().partitions.values().all(|it| it.replicas.len() == 4));
}

/// Closes a broker to what is new, or opens it again.
fn cordon(bench: &mut Bench, id: i32, closed: bool) -> Reply {
    let op = if closed { ConfigOp::Set("*".to_owned()) } else { ConfigOp::Delete };
    let resource = ConfigResource::broker(&id.to_string());
    let changes = vec![ConfigChange { name: "cordoned.log.dirs".to_owned(), op }];
    let resources = vec![AlterConfigs { resource, changes, replace: false }];
    bench.run(Input::AlterConfigs { ticket: TICKET, resources, validate_only: false })
}

fn held(bench: &Bench, name: &str, id: i32) -> usize {
    let topic = bench.controller.image().topic(name).unwrap();
    topic.partitions.values().filter(|it| it.replicas.contains(&BrokerId(id))).count()
}

#[test]
fn nothing_new_comes_to_a_cordoned_broker_and_what_it_has_stays() {
    let mut bench = Bench::new(4);
    assert_eq!(bench.create(vec![topic("old", 4, 3)]), [None]);
    assert_eq!(held(&bench, "old", 4), 3);
    assert!(matches!(cordon(&mut bench, 4, true), Reply::Results(all) if all[0].1.is_ok()));
    assert_eq!(bench.create(vec![topic("new", 8, 3), topic("wide", 1, 4)]), [None, Some(38)]);
    assert_eq!((held(&bench, "new", 4), held(&bench, "old", 4)), (0, 3));
    let by_hand = NewTopic {
        assignments: vec![(0, vec![BrokerId(3), BrokerId(4)])],
        partitions: -1,
        replication_factor: -1,
        ..topic("hand", -1, -1)
    };
    assert_eq!(bench.create(vec![by_hand.clone()]), [Some(39)]);
    let reassign = |bench: &mut Bench, name: &str, index: i32, ids: &[i32]| {
        let target = Some(ids.iter().copied().map(BrokerId).collect());
        let topics = vec![(name.to_owned(), vec![(index, target)])];
        let (ticket, allow_factor_change) = (TICKET, true);
        let input = Input::ReassignPartitions { ticket, topics, allow_factor_change };
        codes(bench.run(input)).remove(0).1.remove(0).1
    };
    let old = bench.controller.image().topic("old").unwrap();
    let has = |it: &&Partition| it.replicas.contains(&BrokerId(4));
    let (index, there) = old.partitions.iter().find(|(_, it)| has(&&***it)).unwrap();
    let mut there: Vec<i32> = there.replicas.iter().map(|id| id.0).collect();
    let index = *index;
    there.reverse();
    assert_eq!(reassign(&mut bench, "old", index, &there), None, "it has that one already");
    assert_eq!(reassign(&mut bench, "new", 0, &[1, 4]), Some(39));
    cordon(&mut bench, 4, false);
    assert_eq!(bench.create(vec![by_hand, topic("wide", 1, 4)]), [None, None]);
}

proptest! {
    #[test]
    fn replicas_are_distinct_and_leaders_even(
        brokers in 1..7_i32,
        partitions in 1..40_i32,
        factor in 1..7_i16,
    ) {
        let mut bench = Bench::new(brokers);
        let codes = bench.create(vec![topic("t", partitions, factor)]);
        if i32::from(factor) > brokers {
            prop_assert_eq!(codes, [Some(38)]);
            return Ok(());
        }
        let mut leaders = BTreeMap::new();
        for partition in bench.controller.image().topic("t").unwrap().partitions.values() {
            let mut distinct = partition.replicas.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), usize::try_from(factor).unwrap());
            *leaders.entry(partition.leader).or_insert(0) += 1;
        }
        let (least, most) = (leaders.values().min().unwrap(), leaders.values().max().unwrap());
        prop_assert!(most - least <= 1);
    }

    #[test]
    fn the_log_replayed_gives_the_controllers_image(
        names in prop::collection::vec("[a-c]{1,2}", 1..12),
        deletions in prop::collection::vec("[a-c]{1,2}", 0..6),
    ) {
        let mut bench = Bench::new(3);
        for name in &names {
            bench.create(vec![topic(name, 2, 2)]);
        }
        let topics = deletions.into_iter().map(TopicRef::Name).collect();
        bench.run(Input::DeleteTopics { ticket: TICKET, topics });
        let (registration, previous_epoch) = (broker(1), None);
        bench.run(Input::RegisterBroker { ticket: TICKET, registration, previous_epoch });
        let mut replayed = Image::default();
        for record in &bench.log {
            prop_assert_eq!(replayed.apply(record), Ok(()));
        }
        replayed.advance(bench.controller.image().offset());
        prop_assert_eq!(&replayed, bench.controller.image());
    }
}
