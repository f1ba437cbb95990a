//! An image is a fold over records: replayed, or from a snapshot, it is the same.

use proptest::prelude::*;

use super::*;
use crate::metadata::{
    AccessControlEntryRecord, BrokerRegistrationChange, ConfigRecord, DelegationTokenRecord,
    FeatureLevelRecord, NO_LEADER, PartitionChangeRecord, PartitionRecord, ProducerIdsRecord,
    Record, RegisterBroker, TopicRecord,
};

fn topic_id(index: u8) -> Uuid {
    Uuid::from_u128(u128::from(index) + 1)
}

pub(super) fn partition(topic: Uuid, index: i32) -> PartitionRecord {
    PartitionRecord {
        partition: index,
        topic,
        replicas: vec![BrokerId(1), BrokerId(2)],
        isr: vec![BrokerId(1)],
        removing: Vec::new(),
        adding: Vec::new(),
        leader: BrokerId(1),
        leader_recovery_state: 0,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: vec![Uuid::nil(); 2],
        elr: Vec::new(),
        last_known_elr: Vec::new(),
    }
}

fn registration(id: i32, epoch: i64) -> RegisterBroker {
    RegisterBroker {
        broker: BrokerId(id),
        incarnation: Uuid::nil(),
        epoch,
        endpoints: Vec::new(),
        features: Vec::new(),
        rack: None,
        fenced: true,
        in_controlled_shutdown: false,
        log_dirs: Vec::new(),
    }
}

fn topic(index: u8, name: &str) -> Record {
    Record::Topic(TopicRecord { name: name.to_owned(), id: topic_id(index) })
}

fn config(topic: &str, name: &str, value: Option<&str>) -> Record {
    Record::Config(ConfigRecord {
        resource_type: 2,
        resource_name: topic.to_owned(),
        name: name.to_owned(),
        value: value.map(str::to_owned),
    })
}

fn replay(records: &[Record]) -> Image {
    let mut image = Image::default();
    for record in records {
        image.apply(record).unwrap();
    }
    image
}

/// Records over a few topics, brokers and settings, so that they meet each other often.
fn record() -> impl Strategy<Value = Record> {
    let index = || 0..4_u8;
    let named = |index: u8| topic(index, &format!("t.{index}"));
    let id = || (0..3_i32).prop_map(BrokerId);
    let flag = || prop::option::of(any::<bool>());
    prop_oneof![
        index().prop_map(named),
        (index(), 0..3_i32).prop_map(|(t, p)| Record::Partition(partition(topic_id(t), p))),
        (index(), 0..3_i32, -2..2_i32).prop_map(|(t, p, leader)| {
            let mut change = PartitionChangeRecord::new(topic_id(t), p);
            change.leader = BrokerId(leader);
            change.isr = (leader >= 0).then(|| vec![BrokerId(leader)]);
            Record::PartitionChange(change)
        }),
        index().prop_map(|t| Record::RemoveTopic { id: topic_id(t) }),
        (index(), "[ab]", prop::option::of("[0-9]")).prop_map(|(t, name, value)| config(
            &format!("t.{t}"),
            &name,
            value.as_deref()
        )),
        (0..3_i32, 0..3_i64)
            .prop_map(|(id, epoch)| Record::RegisterBroker(registration(id, epoch))),
        (id(), 0..3_i64).prop_map(|(broker, epoch)| Record::UnregisterBroker { broker, epoch }),
        (id(), 0..3_i64).prop_map(|(broker, epoch)| Record::UnfenceBroker { broker, epoch }),
        (id(), 0..3_i64, flag(), any::<bool>()).prop_map(|(broker, epoch, fenced, shutdown)| {
            Record::BrokerRegistrationChange(BrokerRegistrationChange {
                broker,
                epoch,
                fenced,
                in_controlled_shutdown: shutdown,
                log_dirs: Vec::new(),
            })
        }),
        ("[fg]", 0..3_i16)
            .prop_map(|(name, level)| Record::FeatureLevel(FeatureLevelRecord { name, level })),
        (0..6_u8, "[ab]", 2..5_i8).prop_map(|(number, name, operation)| {
            Record::AccessControlEntry(AccessControlEntryRecord {
                id: topic_id(number),
                resource_type: 2,
                resource_name: name,
                pattern_type: 3,
                principal: "User:a".to_owned(),
                host: "*".to_owned(),
                operation,
                permission_type: 3,
            })
        }),
        (0..4_u8, any::<i64>()).prop_map(|(number, expires)| {
            Record::DelegationToken(DelegationTokenRecord {
                owner: "User:alice".to_owned(),
                requester: "User:bob".to_owned(),
                renewers: vec!["User:carol".to_owned(); usize::from(number)],
                issued: 1,
                ends: 2,
                expires,
                id: format!("token-{number}"),
            })
        }),
        (0..4_u8)
            .prop_map(|number| { Record::RemoveDelegationToken { id: format!("token-{number}") } }),
        (0..6_u8).prop_map(|number| Record::RemoveAccessControlEntry { id: topic_id(number) }),
        (id(), 0..9_i64).prop_map(|(broker, next)| {
            Record::ProducerIds(ProducerIdsRecord { broker, epoch: 0, next })
        }),
    ]
}

proptest! {
    #[test]
    fn a_snapshot_and_the_rest_of_the_log_give_what_the_whole_log_gives(
        records in prop::collection::vec(record(), 0..60),
        at in any::<prop::sample::Index>(),
    ) {
        let cut = at.index(records.len() + 1);
        let mut whole = Image::default();
        for record in &records[..cut] {
            drop(whole.apply(record));
        }
        let bytes: Vec<_> = whole.snapshot().map(|record| record.encode()).collect();
        let mut restored = Image::default();
        for bytes in &bytes {
            prop_assert_eq!(restored.apply(&Record::decode(bytes).unwrap()), Ok(()));
        }
        prop_assert_eq!(&restored, &whole);
        for record in &records[cut..] {
            prop_assert_eq!(restored.apply(record), whole.apply(record));
        }
        prop_assert_eq!(restored, whole);
    }

    #[test]
    fn an_inconsistent_record_changes_nothing(records in prop::collection::vec(record(), 0..60)) {
        let mut image = Image::default();
        for record in &records {
            let before = image.clone();
            if image.apply(record).is_err() {
                prop_assert_eq!(&image, &before);
            }
        }
    }

    #[test]
    fn records_of_any_content_are_applied_or_refused_without_a_panic(
        records in prop::collection::vec(crate::metadata::record::tests::record(), 0..40),
    ) {
        let mut image = Image::default();
        for record in &records {
            drop(image.apply(record));
        }
        assert!(image.snapshot().count() < 1000);
    }
}

#[test]
fn a_topic_is_found_by_name_and_by_id_until_it_is_removed_with_its_settings() {
    let mut image = replay(&[
        topic(0, "a"),
        config("a", "retention.ms", Some("1")),
        Record::Partition(partition(topic_id(0), 0)),
    ]);
    let other = image.clone();
    assert_eq!(image.topic("a").unwrap().partitions.len(), 1);
    assert_eq!(image.topic_by_id(&topic_id(0)).unwrap().name.as_ref(), "a");
    assert_eq!(image.topic_overrides("a")["retention.ms"], "1");

    image.apply(&Record::RemoveTopic { id: topic_id(0) }).unwrap();
    assert_eq!((image.topic("a"), image.topic_count()), (None, 0));
    assert!(image.topic_overrides("a").is_empty());
    assert!(other.topic("a").is_some(), "an image that was read before is as it was");

    // the same name again is another topic, without the old one's settings
    image.apply(&topic(1, "a")).unwrap();
    assert!(image.topic_overrides("a").is_empty());
}

#[test]
fn a_change_that_names_a_leader_begins_a_leader_epoch_and_others_do_not() {
    let mut image = replay(&[topic(0, "a"), Record::Partition(partition(topic_id(0), 0))]);
    let mut change = PartitionChangeRecord::new(topic_id(0), 0);
    change.isr = Some(vec![BrokerId(1), BrokerId(2)]);
    image.apply(&Record::PartitionChange(change.clone())).unwrap();
    let state = |image: &Image| {
        let partition = Arc::clone(&image.topic("a").unwrap().partitions[&0]);
        (partition.leader, partition.leader_epoch, partition.partition_epoch)
    };
    assert_eq!(state(&image), (Some(BrokerId(1)), 0, 1));
    change.leader = BrokerId(1);
    image.apply(&Record::PartitionChange(change.clone())).unwrap();
    assert_eq!(state(&image), (Some(BrokerId(1)), 1, 2));
    change.leader = NO_LEADER;
    image.apply(&Record::PartitionChange(change)).unwrap();
    assert_eq!(state(&image), (None, 2, 3));
}

#[test]
fn records_that_do_not_follow_are_refused() {
    let mut image = replay(&[topic(0, "a"), Record::RegisterBroker(registration(1, 5))]);
    let refused = [
        (topic(1, "a"), Inconsistent::DuplicateTopic("a".to_owned())),
        (topic(0, "b"), Inconsistent::DuplicateTopic("b".to_owned())),
        (Record::RemoveTopic { id: topic_id(2) }, Inconsistent::UnknownTopic(topic_id(2))),
        (
            Record::PartitionChange(PartitionChangeRecord::new(topic_id(0), 7)),
            Inconsistent::UnknownPartition(topic_id(0), 7),
        ),
        (
            Record::UnfenceBroker { broker: BrokerId(1), epoch: 4 },
            Inconsistent::StaleBroker { broker: 1, found: 4, current: 5 },
        ),
        (Record::UnfenceBroker { broker: BrokerId(2), epoch: 4 }, Inconsistent::UnknownBroker(2)),
    ];
    for (record, expected) in refused {
        assert_eq!(image.apply(&record), Err(expected));
    }
}

#[test]
fn names_that_differ_in_dots_and_underscores_collide() {
    let image = replay(&[topic(0, "a.b_c"), topic(1, "abc")]);
    assert_eq!(image.colliding("a_b.c"), Some("a.b_c"));
    assert_eq!(image.colliding("a_b"), None);
    assert_eq!(image.colliding("abc"), None);
}

#[test]
fn producer_ids_never_go_back() {
    let ids = |next| Record::ProducerIds(ProducerIdsRecord { broker: BrokerId(1), epoch: 0, next });
    assert_eq!(replay(&[ids(2000), ids(1000)]).next_producer_id(), 2000);
}

#[test]
fn a_snapshot_begins_with_the_metadata_version() {
    let level =
        |name: &str| Record::FeatureLevel(FeatureLevelRecord { name: name.to_owned(), level: 1 });
    let image = replay(&[level("group.version"), topic(0, "a"), level("metadata.version")]);
    assert_eq!(image.snapshot().next(), Some(level("metadata.version")));
}
