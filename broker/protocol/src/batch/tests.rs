//! Tests of batches: against another implementation, rule by rule, and on damaged bytes.

mod damage;
mod filter;
mod peer;
mod rules;

use proptest::prelude::*;

use super::*;
use crate::compression::Codec;

/// A record to write.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plain {
    offset: i64,
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Plain {
    fn add_to(&self, builder: &mut Builder) {
        let headers: Vec<_> =
            self.headers.iter().map(|(key, value)| (key.as_slice(), value.as_deref())).collect();
        builder.record(self.timestamp, self.key.as_deref(), self.value.as_deref(), &headers);
    }
}

fn build(base_offset: i64, codec: Codec, records: &[Plain]) -> Vec<u8> {
    let mut builder = Builder::new(base_offset, 3);
    for record in records {
        record.add_to(&mut builder);
    }
    builder.compressed(codec).finish()
}

/// A batch of `count` records with keys and values.
fn simple(codec: Codec, count: i64) -> Vec<u8> {
    let records: Vec<_> = (0..count)
        .map(|n| Plain {
            offset: n,
            timestamp: 1_000 + n,
            key: Some(format!("key-{n}").into_bytes()),
            value: Some(format!("value-{n}").into_bytes()),
            headers: vec![(b"h".to_vec(), None), (b"h".to_vec(), Some(vec![n.to_le_bytes()[0]]))],
        })
        .collect();
    build(0, codec, &records)
}

fn read(batch: &[u8]) -> Result<Vec<Plain>, Malformed> {
    let mut records = Vec::new();
    for_each_record(batch, &mut Scratch::default(), |record| {
        let headers =
            record.headers().map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec)));
        records.push(Plain {
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: headers.collect(),
        });
        Ok::<_, Malformed>(())
    })?;
    Ok(records)
}

fn check(batch: &[u8], rules: &Rules) -> Result<Valid, InvalidBatch> {
    validate(batch, rules, &mut Scratch::default())
}

fn bytes(most: usize) -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::weighted(0.8, prop::collection::vec(any::<u8>(), 0..most))
}

/// Records with consecutive offsets from 0 on.
fn records(most: usize) -> impl Strategy<Value = Vec<Plain>> {
    let timestamp = prop_oneof![-1..3_i64, 1_700_000_000_000..1_700_000_100_000_i64];
    let headers = prop::collection::vec((prop::collection::vec(97..100_u8, 0..3), bytes(8)), 0..4);
    let record = (timestamp, bytes(40), bytes(200), headers);
    prop::collection::vec(record, 1..most).prop_map(|records| {
        (0..)
            .zip(records)
            .map(|(offset, (timestamp, key, value, headers))| Plain {
                offset,
                timestamp,
                key,
                value,
                headers,
            })
            .collect()
    })
}

fn codec() -> impl Strategy<Value = Codec> {
    prop::sample::select(Codec::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_built_is_valid_and_reads_back(
        records in records(20),
        codec in codec(),
        base in 0..1_i64 << 40,
    ) {
        let batch = build(base, codec, &records);
        let header = Header::parse(&batch).unwrap();
        prop_assert_eq!(header.size(), batch.len());
        prop_assert_eq!(header.codec(), Some(codec));
        prop_assert_eq!(header.base_offset, base);
        prop_assert_eq!(header.next_offset(), base + i64::from(header.count));
        prop_assert!(check_crc(&batch));
        let valid = check(&batch, &Rules::default()).unwrap();
        let max = records.iter().map(|record| record.timestamp).max().unwrap();
        prop_assert_eq!(valid.max_timestamp, max);
        prop_assert_eq!(header.max_timestamp, max);
        let first = records.iter().position(|record| record.timestamp == max).unwrap();
        prop_assert_eq!(usize::try_from(valid.max_timestamp_delta).unwrap(), first);
        let mut back = read(&batch).unwrap();
        for record in &mut back {
            record.offset -= base;
        }
        prop_assert_eq!(back, records);
    }
}

#[test]
fn patching_leaves_the_checksum_alone() {
    let mut batch = simple(Codec::None, 3);
    patch(&mut batch, 1 << 33, 9);
    let header = Header::parse(&batch).unwrap();
    assert_eq!(
        (header.base_offset, header.leader_epoch, header.last_offset()),
        (1 << 33, 9, (1 << 33) + 2)
    );
    assert!(check_crc(&batch));
    assert_eq!(read(&batch).unwrap()[2].offset, (1 << 33) + 2);
}

#[test]
fn the_append_time_replaces_every_timestamp() {
    let mut batch = simple(Codec::Lz4, 3);
    set_log_append_time(&mut batch, 77_000);
    let header = Header::parse(&batch).unwrap();
    assert!(header.log_append_time() && check_crc(&batch));
    assert_eq!(header.codec(), Some(Codec::Lz4));
    assert!(read(&batch).unwrap().iter().all(|record| record.timestamp == 77_000));
}

#[test]
fn a_wrong_maximum_is_set_right_when_offsets_are_assigned() {
    let mut batch = simple(Codec::None, 3);
    set_max_timestamp(&mut batch, 5);
    let valid = check(&batch, &Rules::default()).unwrap();
    assert_eq!((valid.max_timestamp, valid.max_timestamp_delta), (1_002, 2));
    assert_eq!(valid.assign(&mut batch, 40, 1, None), (1_002, 42));
    assert!(check_crc(&batch));
    assert_eq!(Header::parse(&batch).unwrap().max_timestamp, 1_002);
    assert_eq!(valid.assign(&mut batch, 40, 1, Some(9_000)), (9_000, 40));
    assert!(check_crc(&batch) && Header::parse(&batch).unwrap().log_append_time());
}

#[test]
fn sequences_wrap_to_zero_behind_the_largest() {
    let mut builder = Builder::new(0, 0);
    builder.producer(9, 1, i32::MAX - 1);
    for _ in 0..4 {
        builder.record(0, None, None, &[]);
    }
    let header = Header::parse(&builder.finish()).unwrap();
    assert_eq!((header.producer_id, header.producer_epoch, header.last_sequence()), (9, 1, 1));
    assert_eq!(Header::parse(&simple(Codec::None, 4)).unwrap().last_sequence(), -1);
}

#[test]
fn control_batches_say_so() {
    let batch = Builder::new(5, 2).control(7, ControlType::LeaderChange, b"who").finish();
    assert!(Header::parse(&batch).unwrap().is_control());
    let record = read(&batch).unwrap().remove(0);
    assert_eq!(ControlType::from_key(&record.key.unwrap()), Some(ControlType::LeaderChange));
    assert_eq!(record.value.unwrap(), b"who");
    assert_eq!(ControlType::from_key(&[0, 0, 0, 99]), None);
    assert_eq!(ControlType::from_key(&[0, 0, 1]), None);
    assert_eq!(ControlType::KraftVoters.key(), [0, 0, 0, 6]);
}

#[test]
fn batches_are_walked_up_to_one_that_is_cut() {
    let two = [simple(Codec::None, 2), simple(Codec::Gzip, 3)].concat();
    let counts: Vec<_> = batches(&two).map(|batch| batch.unwrap().0.count).collect();
    assert_eq!(counts, [2, 3]);
    for cut in 1..two.len() {
        let whole = batches(&two[..cut]).inspect(|batch| assert!(batch.is_ok())).count();
        assert_eq!(whole, usize::from(cut >= simple(Codec::None, 2).len()));
    }
    let zeros = [simple(Codec::None, 2), vec![0; 100]].concat();
    let mut walked = batches(&zeros);
    assert!(walked.next().unwrap().is_ok());
    assert_eq!(walked.next(), Some(Err(Malformed::Magic(0))));
    assert_eq!(walked.next(), None);
}

#[test]
fn an_empty_builder_writes_nothing() {
    assert_eq!(Builder::new(0, 0).finish(), []);
}
