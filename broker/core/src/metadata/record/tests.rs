//! Records read back as they were written; what is not known is refused by name.

use proptest::prelude::*;

use super::{codec::SCHEMAS, *};
use crate::security::{ScramCredential, Secret};

fn brokers() -> impl Strategy<Value = Vec<BrokerId>> {
    prop::collection::vec((0..9_i32).prop_map(BrokerId), 0..4)
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn text() -> impl Strategy<Value = String> {
    "[a-z.]{0,12}"
}

fn registration() -> impl Strategy<Value = RegisterBroker> {
    let endpoint = (text(), text(), any::<u16>(), 0..5_i16).prop_map(|(name, host, port, code)| {
        let protocol = match code {
            0 => SecurityProtocol::Plaintext,
            1 => SecurityProtocol::Ssl,
            2 => SecurityProtocol::SaslPlaintext,
            3 => SecurityProtocol::SaslSsl,
            other => SecurityProtocol::Other(other),
        };
        Endpoint { name, host, port, protocol }
    });
    let feature = (text(), any::<i16>(), any::<i16>())
        .prop_map(|(name, min, max)| SupportedFeature { name, min, max });
    let lists = (
        prop::collection::vec(endpoint, 0..3),
        prop::collection::vec(feature, 0..3),
        prop::collection::vec(uuid(), 0..3),
    );
    let fields = (any::<i32>(), uuid(), any::<i64>(), prop::option::of(text()), any::<[bool; 2]>());
    (fields, lists).prop_map(|((id, incarnation, epoch, rack, flags), lists)| RegisterBroker {
        broker: BrokerId(id),
        incarnation,
        epoch,
        endpoints: lists.0,
        features: lists.1,
        rack,
        fenced: flags[0],
        in_controlled_shutdown: flags[1],
        log_dirs: lists.2,
    })
}

fn token() -> impl Strategy<Value = Record> {
    let times = any::<[i64; 3]>();
    let renewers = prop::collection::vec(text(), 0..3);
    (text(), text(), renewers, times, text()).prop_map(|(owner, requester, renewers, times, id)| {
        let [issued, ends, expires] = times;
        Record::DelegationToken(DelegationTokenRecord {
            owner,
            requester,
            renewers,
            issued,
            ends,
            expires,
            id,
        })
    })
}

fn partition() -> impl Strategy<Value = PartitionRecord> {
    let lists = prop::array::uniform6(brokers());
    let numbers = (any::<i32>(), uuid(), -1..9_i32, any::<i32>(), any::<i32>(), 0..2_i8);
    (numbers, lists, prop::collection::vec(uuid(), 0..3)).prop_map(
        |((partition, topic, leader, leader_epoch, partition_epoch, state), lists, directories)| {
            let [replicas, isr, removing, adding, elr, last_known_elr] = lists;
            PartitionRecord {
                partition,
                topic,
                replicas,
                isr,
                removing,
                adding,
                leader: BrokerId(leader),
                leader_recovery_state: state,
                leader_epoch,
                partition_epoch,
                directories,
                elr,
                last_known_elr,
            }
        },
    )
}

fn change() -> impl Strategy<Value = PartitionChangeRecord> {
    let maybe = || prop::option::of(brokers());
    let lists = (maybe(), maybe(), maybe(), maybe(), maybe(), maybe());
    let others = (prop::option::of(prop::collection::vec(uuid(), 0..3)), prop::option::of(0..2_i8));
    (any::<i32>(), uuid(), -2..9_i32, lists, others).prop_map(
        |(partition, topic, leader, lists, others)| PartitionChangeRecord {
            partition,
            topic,
            isr: lists.0,
            leader: BrokerId(leader),
            replicas: lists.1,
            removing: lists.2,
            adding: lists.3,
            leader_recovery_state: others.1,
            elr: lists.4,
            last_known_elr: lists.5,
            directories: others.0,
        },
    )
}

fn registration_change() -> impl Strategy<Value = BrokerRegistrationChange> {
    let flag = || prop::option::of(any::<bool>());
    (any::<i32>(), any::<i64>(), flag(), any::<bool>(), prop::collection::vec(uuid(), 0..3))
        .prop_map(|(broker, epoch, fenced, in_controlled_shutdown, log_dirs)| {
            BrokerRegistrationChange {
                broker: BrokerId(broker),
                epoch,
                fenced,
                in_controlled_shutdown,
                log_dirs,
            }
        })
}

fn scram() -> impl Strategy<Value = Record> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..9);
    (text(), any::<i8>(), prop::array::uniform3(bytes()), any::<i32>()).prop_map(
        |(name, mechanism, [salt, stored_key, server_key], iterations)| {
            let (stored_key, server_key) = (Secret(stored_key), Secret(server_key));
            let credential = ScramCredential { salt, stored_key, server_key, iterations };
            Record::UserScramCredential(UserScramCredentialRecord { name, mechanism, credential })
        },
    )
}

fn quota() -> impl Strategy<Value = Record> {
    let entity = prop::collection::btree_map(text(), prop::option::of(text()), 0..3);
    (entity, text(), -9.0..9.0_f64, any::<bool>()).prop_map(|(entity, key, value, remove)| {
        Record::ClientQuota(ClientQuotaRecord { entity, key, value, remove })
    })
}

pub(in crate::metadata) fn record() -> impl Strategy<Value = Record> {
    let id = || any::<i32>().prop_map(BrokerId);
    let config = (any::<i8>(), text(), text(), prop::option::of(text())).prop_map(
        |(resource_type, resource_name, name, value)| {
            Record::Config(ConfigRecord { resource_type, resource_name, name, value })
        },
    );
    prop_oneof![
        registration().prop_map(Record::RegisterBroker),
        partition().prop_map(Record::Partition),
        change().prop_map(Record::PartitionChange),
        registration_change().prop_map(Record::BrokerRegistrationChange),
        config,
        (id(), any::<i64>()).prop_map(|(broker, epoch)| Record::UnregisterBroker { broker, epoch }),
        (id(), any::<i64>()).prop_map(|(broker, epoch)| Record::FenceBroker { broker, epoch }),
        (id(), any::<i64>()).prop_map(|(broker, epoch)| Record::UnfenceBroker { broker, epoch }),
        (text(), uuid()).prop_map(|(name, id)| Record::Topic(TopicRecord { name, id })),
        uuid().prop_map(|id| Record::RemoveTopic { id }),
        (text(), any::<i16>())
            .prop_map(|(name, level)| Record::FeatureLevel(FeatureLevelRecord { name, level })),
        (id(), any::<i64>(), any::<i64>()).prop_map(|(broker, epoch, next)| {
            Record::ProducerIds(ProducerIdsRecord { broker, epoch, next })
        }),
        scram(),
        quota(),
        (text(), any::<i8>()).prop_map(|(name, mechanism)| {
            Record::RemoveUserScramCredential(RemoveUserScramCredentialRecord { name, mechanism })
        }),
        token(),
        text().prop_map(|id| Record::RemoveDelegationToken { id }),
        Just(Record::NoOp),
    ]
}

proptest! {
    #[test]
    fn every_record_reads_back_as_it_was_written(record in record()) {
        prop_assert_eq!(Record::decode(&record.encode()), Ok(record));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        drop(Record::decode(&bytes));
    }

    #[test]
    fn a_record_cut_anywhere_is_refused(record in record(), cut in any::<prop::sample::Index>()) {
        let bytes = record.encode();
        prop_assert!(Record::decode(&bytes[..cut.index(bytes.len())]).is_err());
    }
}

#[test]
fn a_topic_is_written_as_kafka_writes_it() {
    let id = Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
    let bytes = Record::Topic(TopicRecord { name: "ab".to_owned(), id }).encode();
    // frame 1, type 2, version 0, compact string, id, no tagged fields
    let mut expected = vec![1, 2, 0, 3, b'a', b'b'];
    expected.extend(1..=16);
    expected.push(0);
    assert_eq!(bytes, expected);
}

#[test]
fn a_new_leader_is_a_tagged_field_of_a_change() {
    let mut change = PartitionChangeRecord::new(Uuid::nil(), 3);
    change.leader = BrokerId(1);
    let mut expected = vec![1, 5, 0, 0, 0, 0, 3];
    expected.extend([0; 16]);
    // one tagged field: tag 1, 4 bytes
    expected.extend([1, 1, 4, 0, 0, 0, 1]);
    assert_eq!(Record::PartitionChange(change).encode(), expected);
}

#[test]
fn eligible_leaders_need_the_newest_version_and_directories_the_one_before() {
    let mut change = PartitionChangeRecord::new(Uuid::nil(), 0);
    assert_eq!(change.version(), 0);
    change.directories = Some(vec![Uuid::nil()]);
    assert_eq!(change.version(), 1);
    change.elr = Some(Vec::new());
    assert_eq!(change.version(), 2);
}

#[test]
fn a_record_that_is_not_supported_is_refused_by_its_name() {
    let error = Record::decode(&[1, 27, 0, 0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "metadata record type 27 (RegisterControllerRecord) is not supported by this version; it \
         may have been written by a newer one"
    );
    assert_eq!(
        Record::decode(&[1, 99, 0, 0]),
        Err(DecodeError::Unknown { api_key: 99, name: "unknown" })
    );
    assert_eq!(Record::decode(&[2, 2, 0]), Err(DecodeError::Frame(2)));
    assert_eq!(
        Record::decode(&[1, 2, 1]),
        Err(DecodeError::Version { name: "TopicRecord", version: 1, max: 0 })
    );
}

#[test]
fn unknown_tagged_fields_are_skipped_and_other_trailing_bytes_are_not() {
    let mut bytes = Record::NoOp.encode();
    assert_eq!(bytes, [1, 20, 0, 0]);
    bytes.truncate(3);
    bytes.extend([1, 9, 2, 7, 7]);
    assert_eq!(Record::decode(&bytes), Ok(Record::NoOp));
    bytes.push(0);
    assert!(matches!(Record::decode(&bytes), Err(DecodeError::Malformed(_))));
}

#[test]
fn schemas_are_in_order() {
    assert!(SCHEMAS.windows(2).all(|pair| pair[0].api_key < pair[1].api_key));
}
