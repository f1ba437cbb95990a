//! What is written is read back; what others wrote is read; what nobody wrote is refused.

use bytes::BufMut;
use proptest::prelude::*;

use super::*;

fn string(out: &mut Vec<u8>, text: &str) {
    out.put_i16(i16::try_from(text.len()).unwrap());
    out.put_slice(text.as_bytes());
}

fn offset_key(version: i16) -> Vec<u8> {
    let mut key = Vec::new();
    key.put_i16(version);
    string(&mut key, "g");
    string(&mut key, "t");
    key.put_i32(7);
    key
}

fn offset_of(key: &[u8], value: &[u8]) -> CommittedOffset {
    match Record::from_bytes(Some(key), Some(value)).unwrap().unwrap() {
        Record::Offset { value, .. } => value.unwrap(),
        Record::Group { .. } => panic!("an offset was expected"),
    }
}

#[test]
fn an_offset_of_any_older_version_is_read() {
    let mut v0 = Vec::new();
    v0.put_i16(0);
    v0.put_i64(42);
    string(&mut v0, "note");
    v0.put_i64(1000);
    let read = offset_of(&offset_key(0), &v0);
    assert_eq!((read.offset, read.leader_epoch, read.committed_at), (42, -1, 1000));
    assert_eq!((read.metadata.as_str(), read.expires_at), ("note", None));

    let mut v1 = v0.clone();
    v1[1] = 1;
    v1.put_i64(5000);
    assert_eq!(offset_of(&offset_key(1), &v1).expires_at, Some(5000));

    let mut v3 = Vec::new();
    v3.put_i16(3);
    v3.put_i64(42);
    v3.put_i32(9);
    string(&mut v3, "");
    v3.put_i64(1000);
    assert_eq!(offset_of(&offset_key(1), &v3).leader_epoch, 9);
}

#[test]
fn an_offset_with_a_topic_id_has_the_bytes_of_version_4() {
    let id = Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
    let record = Record::Offset {
        group: "g".into(),
        topic: "t".to_owned(),
        partition: 7,
        value: Some(CommittedOffset {
            offset: 42,
            leader_epoch: 3,
            metadata: "m".to_owned(),
            committed_at: 1000,
            expires_at: None,
            topic_id: id,
        }),
    };
    let (key, value) = record.to_bytes();
    assert_eq!(key, offset_key(1));
    let mut expected = Vec::new();
    expected.put_i16(4);
    expected.put_i64(42);
    expected.put_i32(3);
    expected.put_slice(&[2, b'm']);
    expected.put_i64(1000);
    expected.put_slice(&[1, 0, 16]);
    expected.put_slice(id.as_bytes());
    assert_eq!(value.unwrap(), expected);
}

#[test]
fn a_group_of_version_0_waits_as_long_as_a_session() {
    let mut key = Vec::new();
    key.put_i16(2);
    string(&mut key, "g");
    let mut value = Vec::new();
    value.put_i16(0);
    string(&mut value, "consumer");
    value.put_i32(5);
    string(&mut value, "range");
    value.put_i16(-1);
    value.put_i32(1);
    for text in ["m", "client", "/127.0.0.1"] {
        string(&mut value, text);
    }
    value.put_i32(6000);
    value.put_i32(1);
    value.put_u8(1);
    value.put_i32(0);
    let Some(Record::Group { value: Some(read), .. }) =
        Record::from_bytes(Some(&key), Some(&value)).unwrap()
    else {
        panic!("a group was expected");
    };
    assert_eq!((read.generation, read.since, read.leader), (5, -1, None));
    assert_eq!(read.members[0].rebalance_timeout_ms, 6000);
    assert_eq!(read.members[0].subscription, Bytes::from_static(&[1]));
}

#[test]
fn records_of_other_protocols_are_passed_over_and_newer_values_refused() {
    for kind in 3..=23_i16 {
        let key = kind.to_be_bytes();
        assert_eq!(Record::from_bytes(Some(&key), Some(&[1, 2, 3])), Ok(None));
    }
    let newer = 5_i16.to_be_bytes();
    assert_eq!(
        Record::from_bytes(Some(&offset_key(1)), Some(&newer)),
        Err(Unreadable::ValueVersion(5))
    );
    assert_eq!(Record::from_bytes(None, None), Err(Unreadable::NoKey));
}

fn any_bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn any_member() -> impl Strategy<Value = MemberMetadata> {
    let names = (".{0,8}", prop::option::of(".{0,8}"), ".{0,8}", ".{0,8}");
    (names, any::<(i32, i32)>(), any_bytes(), any_bytes()).prop_map(
        |((member, instance, client_id, client_host), timeouts, subscription, assignment)| {
            MemberMetadata {
                member: member.into(),
                instance: instance.map(Into::into),
                client_id,
                client_host,
                rebalance_timeout_ms: timeouts.0,
                session_timeout_ms: timeouts.1,
                subscription,
                assignment,
            }
        },
    )
}

fn any_group() -> impl Strategy<Value = Record> {
    let names = (".{0,8}", prop::option::of(".{0,8}"), prop::option::of(".{0,8}"));
    let members = prop::collection::vec(any_member(), 0..4);
    let value = (names, any::<(i32, i64)>(), members).prop_map(
        |((protocol_type, protocol, leader), (generation, since), members)| GroupMetadata {
            protocol_type,
            generation,
            protocol,
            leader: leader.map(Into::into),
            since,
            members,
        },
    );
    (".{0,8}", prop::option::of(value))
        .prop_map(|(group, value)| Record::Group { group: group.into(), value })
}

proptest! {
    #[test]
    fn a_group_survives_the_log(record in any_group()) {
        let (key, value) = record.to_bytes();
        prop_assert_eq!(Record::from_bytes(Some(&key), value.as_deref()), Ok(Some(record)));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(
        kind in 0_i16..4,
        key in prop::collection::vec(any::<u8>(), 0..40),
        value in prop::option::of(prop::collection::vec(any::<u8>(), 0..80)),
    ) {
        let key = [&kind.to_be_bytes()[..], &key].concat();
        let read = Record::from_bytes(Some(&key), value.as_deref());
        prop_assert!(read.is_ok() || read.is_err());
    }

    #[test]
    fn a_cut_record_is_refused(record in any_group(), at in any::<prop::sample::Index>()) {
        if let (key, Some(value)) = record.to_bytes() {
            let cut = at.index(value.len());
            prop_assert!(Record::from_bytes(Some(&key), Some(&value[..cut])).is_err());
        }
    }
}
