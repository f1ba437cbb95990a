//! Replicas are spread over brokers and racks.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

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
