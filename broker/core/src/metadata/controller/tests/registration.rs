//! Brokers, the first records, producer ids.

use super::*;
use crate::metadata::SupportedFeature;

fn empty() -> Bench {
    let controller = Controller::new(Image::default(), BrokerId(1), BrokerConfig::default());
    Bench { controller, log: Vec::new(), now: Millis::ZERO, wall: 0 }
}

#[test]
fn a_new_cluster_begins_with_its_features_and_only_once() {
    let mut bench = empty();
    let feature = |(name, level): (&str, i16)| {
        Record::FeatureLevel(FeatureLevelRecord { name: name.to_owned(), level })
    };
    let features = [("eligible.leader.replicas.version", 1), ("metadata.version", 27)];
    assert_eq!(
        bench.step(Input::Bootstrap { ticket: TICKET }),
        [Effect::Append(features.map(feature).to_vec()), Effect::Reply(TICKET, Reply::Done),]
    );
    bench.run(Input::Bootstrap { ticket: TICKET });
    assert_eq!(
        bench.step(Input::Bootstrap { ticket: TICKET }),
        [Effect::Reply(TICKET, Reply::Done)]
    );
}

#[test]
fn a_broker_that_comes_back_leads_again_in_a_new_epoch() {
    let mut bench = Bench::new(1);
    bench.create(vec![topic("a", 1, 1)]);
    let before = bench.controller.image().broker(BrokerId(1)).unwrap().epoch;
    let effects = bench.step(Input::RegisterBroker {
        ticket: TICKET,
        registration: broker(1),
        previous_epoch: None,
    });
    let [Effect::Append(registered), Effect::Append(elected), Effect::Reply(_, reply)] =
        &effects[..]
    else {
        panic!("{effects:?}")
    };
    let [Record::RegisterBroker(registered)] = &registered[..] else { panic!("{registered:?}") };
    assert!(registered.epoch > before);
    assert_eq!(*reply, Reply::Registered { epoch: registered.epoch });
    let mut change = PartitionChangeRecord::new(topic("a", 1, 1).id, 0);
    change.leader = BrokerId(1);
    assert_eq!(*elected, [Record::PartitionChange(change)]);

    bench.run(Input::RegisterBroker {
        ticket: TICKET,
        registration: broker(1),
        previous_epoch: None,
    });
    let partition = &bench.controller.image().topic("a").unwrap().partitions[&0];
    assert_eq!((partition.leader, partition.leader_epoch), (Some(BrokerId(1)), 1));
}

#[test]
fn a_fenced_broker_leads_nothing_and_gets_replicas_only_where_others_do_not_suffice() {
    let mut bench = Bench::new(1);
    let mut second = broker(2);
    second.fenced = true;
    second.log_dirs = vec![Uuid::from_u128(98)];
    second.features = SUPPORTED
        .iter()
        .map(|it| SupportedFeature { name: it.name.to_owned(), min: it.min, max: it.max })
        .collect();
    let input =
        Input::RegisterBroker { ticket: TICKET, registration: second, previous_epoch: None };
    assert!(matches!(bench.run(input), Reply::Registered { .. }));
    assert_eq!(
        bench.create(vec![topic("a", 4, 1), topic("b", 4, 2), topic("c", 1, 3)]),
        [None, None, Some(38)]
    );
    let image = bench.controller.image();
    for state in ["a", "b"].iter().flat_map(|it| image.topic(it).unwrap().partitions.values()) {
        assert_eq!((state.leader, &state.isr[..]), (Some(BrokerId(1)), &[BrokerId(1)][..]));
    }
}

#[test]
fn producer_ids_come_in_blocks_of_a_thousand_that_never_overlap() {
    let mut bench = Bench::new(1);
    let ask = Input::AllocateProducerIds { ticket: TICKET, broker: BrokerId(1), epoch: None };
    for first in [0, 1000, 2000] {
        assert_eq!(bench.run(ask.clone()), Reply::ProducerIds { first, count: 1000 });
    }
    let stranger = Input::AllocateProducerIds { ticket: TICKET, broker: BrokerId(9), epoch: None };
    assert!(matches!(bench.run(stranger), Reply::Failed(_)));
}

#[test]
fn a_record_that_does_not_follow_is_remembered_as_a_fault() {
    let mut bench = empty();
    bench.controller.apply(&Record::RemoveTopic { id: Uuid::nil() });
    assert!(bench.controller.fault().is_some());
}
