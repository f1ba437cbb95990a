//! Each rule a client's batch must keep, and the error for breaking it.

use super::*;
use crate::ErrorCode;

/// `batch` with `change` made to it and the CRC set right.
fn changed(mut batch: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    change(&mut batch);
    patch::set_crc(&mut batch);
    batch
}

fn put(at: usize, bytes: &[u8]) -> impl FnOnce(&mut Vec<u8>) {
    move |batch| batch[at..at + bytes.len()].copy_from_slice(bytes)
}

#[track_caller]
fn refused(batch: &[u8], rules: &Rules, code: ErrorCode) -> Vec<i32> {
    let invalid = check(batch, rules).expect_err("the rule is broken");
    assert_eq!(invalid.code, code, "{invalid}");
    assert_eq!(ErrorCode::from(invalid.clone()), code);
    invalid.records.iter().map(|fault| fault.index).collect()
}

/// A batch around `records` as they are, with `count` and the last offset delta set to match.
fn around(codec: Codec, count: i32, records: &[u8]) -> Vec<u8> {
    let mut header = Header::parse(&simple(codec, 1)).unwrap();
    header.count = count;
    header.last_offset_delta = count - 1;
    let mut packed = Vec::new();
    crate::compression::deflate(codec, records, &mut packed);
    let mut out = Vec::new();
    header.write(&packed, &mut out);
    out
}

#[test]
fn larger_than_max_message_bytes_is_10() {
    let batch = simple(Codec::None, 3);
    let rules = |max_batch_bytes| Rules { max_batch_bytes, ..Rules::default() };
    assert!(check(&batch, &rules(batch.len())).is_ok());
    refused(&batch, &rules(batch.len() - 1), ErrorCode::MessageTooLarge);
}

#[test]
fn inflating_past_the_limit_is_10() {
    let bomb = around(Codec::Zstd, 1, &vec![0; 1 << 20]);
    let rules = Rules { max_inflated_bytes: 1 << 19, ..Rules::default() };
    refused(&bomb, &rules, ErrorCode::MessageTooLarge);
}

#[test]
fn older_formats_are_87_and_unknown_ones_2() {
    for (magic, code) in [
        (0, ErrorCode::InvalidRecord),
        (1, ErrorCode::InvalidRecord),
        (3, ErrorCode::CorruptMessage),
    ] {
        let batch = changed(simple(Codec::None, 1), put(16, &[magic]));
        refused(&batch, &Rules::default(), code);
    }
}

#[test]
fn a_length_that_is_not_the_bytes_sent_is_2() {
    let long = [simple(Codec::None, 1), vec![0]].concat();
    refused(&long, &Rules::default(), ErrorCode::CorruptMessage);
    let short = changed(simple(Codec::None, 1), put(8, &48_i32.to_be_bytes()));
    refused(&short, &Rules::default(), ErrorCode::CorruptMessage);
    let negative = changed(simple(Codec::None, 1), put(8, &(-1_i32).to_be_bytes()));
    refused(&negative, &Rules::default(), ErrorCode::CorruptMessage);
}

#[test]
fn a_wrong_checksum_is_2() {
    let mut batch = simple(Codec::None, 1);
    *batch.last_mut().unwrap() ^= 1;
    refused(&batch, &Rules::default(), ErrorCode::CorruptMessage);
}

#[test]
fn not_exactly_one_batch_is_87() {
    let one = simple(Codec::None, 1);
    assert_eq!(sole(Some(&one)), Ok(&*one));
    let cut = one.get(..one.len() - 1).unwrap();
    for records in [None, Some(&[][..]), Some(&*[&*one, &*one].concat()), Some(cut)] {
        assert_eq!(sole(records).unwrap_err().code, ErrorCode::InvalidRecord);
    }
    assert_eq!(sole(Some(&one[..40])).unwrap_err().code, ErrorCode::CorruptMessage);
}

#[test]
fn control_batches_of_clients_are_87() {
    let batch = Builder::new(0, -1).control(0, ControlType::Commit, b"").finish();
    refused(&batch, &Rules::default(), ErrorCode::InvalidRecord);
}

#[test]
fn counts_that_disagree_are_87() {
    for codec in Codec::ALL {
        for (at, value) in [(57, 2), (57, 4), (57, 0), (57, -1), (23, 1), (23, 3), (23, -1)] {
            let value = i32::to_be_bytes(value);
            let batch = changed(simple(codec, 3), put(at, &value));
            refused(&batch, &Rules::default(), ErrorCode::InvalidRecord);
        }
        // both wrong alike: too few records, or bytes behind the last
        for count in [2, 4, i32::MAX] {
            let batch = changed(simple(codec, 3), put(57, &i32::to_be_bytes(count)));
            let batch = changed(batch, put(23, &i32::to_be_bytes(count - 1)));
            refused(&batch, &Rules::default(), ErrorCode::InvalidRecord);
        }
    }
}

#[test]
fn an_idempotent_batch_without_sequence_is_87() {
    let mut builder = Builder::new(0, -1);
    builder.record(0, None, Some(b"v"), &[]);
    assert!(check(&builder.producer(1, 0, 0).finish(), &Rules::default()).is_ok());
    let batch = builder.producer(1, 0, -1).finish();
    refused(&batch, &Rules::default(), ErrorCode::InvalidRecord);
}

#[test]
fn unknown_codecs_and_zstd_before_version_7_are_76() {
    for codec in 5..8_u8 {
        let batch = changed(simple(Codec::None, 1), put(22, &[codec]));
        refused(&batch, &Rules::default(), ErrorCode::UnsupportedCompressionType);
    }
    let batch = simple(Codec::Zstd, 1);
    assert!(check(&batch, &Rules::default()).is_ok());
    let old = Rules { allow_zstd: false, ..Rules::default() };
    refused(&batch, &old, ErrorCode::UnsupportedCompressionType);
}

#[test]
fn compressed_bytes_that_do_not_inflate_are_87() {
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let batch = changed(simple(codec, 3), |batch| batch.truncate(batch.len() - 5));
        let len = i32::try_from(batch.len() - 12).unwrap();
        let batch = changed(batch, put(8, &len.to_be_bytes()));
        refused(&batch, &Rules::default(), ErrorCode::InvalidRecord);
        let noise = changed(simple(codec, 3), |batch| batch[61..].fill(0x55));
        refused(&noise, &Rules::default(), ErrorCode::InvalidRecord);
    }
}

#[test]
fn compacted_topics_need_keys() {
    let rules = Rules { require_key: true, ..Rules::default() };
    assert!(check(&simple(Codec::None, 2), &rules).is_ok());
    for codec in Codec::ALL {
        let mut builder = Builder::new(0, -1);
        builder.record(0, Some(b""), None, &[]).record(0, None, Some(b"v"), &[]).compressed(codec);
        assert!(check(&builder.finish(), &Rules::default()).is_ok());
        assert_eq!(refused(&builder.finish(), &rules, ErrorCode::InvalidRecord), [1]);
    }
}

#[test]
fn timestamps_out_of_range_are_32() {
    let now = 1_700_000_000_000;
    let limits = TimestampRules { now, before_max_ms: 1_000, after_max_ms: 500 };
    let rules = Rules { timestamps: Some(limits), ..Rules::default() };
    let at = |timestamp| Builder::new(0, -1).record(timestamp, None, None, &[]).finish();
    for taken in [now - 1_000, now, now + 500, -1] {
        assert!(check(&at(taken), &rules).is_ok());
    }
    for outside in [now - 1_001, now + 501, 0, i64::MAX, i64::MIN] {
        assert_eq!(refused(&at(outside), &rules, ErrorCode::InvalidTimestamp), [0]);
        assert!(check(&at(outside), &Rules::default()).is_ok());
    }
    let any = TimestampRules { now, before_max_ms: i64::MAX, after_max_ms: i64::MAX };
    assert!(check(&at(0), &Rules { timestamps: Some(any), ..Rules::default() }).is_ok());
}

#[test]
fn every_record_at_fault_is_named_and_a_bad_timestamp_is_told_before_a_missing_key() {
    let now = 1_700_000_000_000;
    let limits = TimestampRules { now, before_max_ms: 1_000, after_max_ms: 500 };
    let rules = Rules { require_key: true, timestamps: Some(limits), ..Rules::default() };
    let key = Some(&b"k"[..]);
    for codec in Codec::ALL {
        let mut builder = Builder::new(0, -1);
        builder.record(now, None, None, &[]).record(now, key, None, &[]);
        builder.record(0, None, None, &[]).compressed(codec);
        assert_eq!(refused(&builder.finish(), &rules, ErrorCode::InvalidRecord), [0, 2]);
        builder.record(now + 501, key, None, &[]);
        let invalid = check(&builder.finish(), &rules).unwrap_err();
        assert_eq!(invalid.code, ErrorCode::InvalidTimestamp);
        let own: Vec<_> =
            invalid.records.iter().map(|it| (it.index, it.reason.is_some())).collect();
        assert_eq!(own, [(0, true), (2, true), (3, false)], "the message speaks of timestamps");
    }
}

#[test]
fn no_more_records_are_named_than_an_answer_as_long_as_the_batch_has_room_for() {
    let rules = Rules { require_key: true, ..Rules::default() };
    let batch = |codec| {
        let mut builder = Builder::new(0, -1);
        for _ in 0..10_000 {
            builder.record(0, None, None, &[]);
        }
        builder.compressed(codec).finish()
    };
    let all = refused(&batch(Codec::None), &rules, ErrorCode::InvalidRecord);
    assert_eq!(all.len(), 10_000);
    let zipped = batch(Codec::Zstd);
    let some = refused(&zipped, &rules, ErrorCode::InvalidRecord);
    assert_eq!(some.len(), zipped.len() / 6);
}

#[test]
fn a_client_may_not_claim_the_brokers_time() {
    let mut batch = simple(Codec::None, 1);
    set_log_append_time(&mut batch, 5);
    refused(&batch, &Rules::default(), ErrorCode::InvalidTimestamp);
}

#[test]
fn a_timestamp_beyond_64_bits_is_32() {
    let mut builder = Builder::new(0, -1);
    builder.record(i64::MAX, None, None, &[]);
    // delta 1 in place of 0: length, attributes, then the delta
    let batch = changed(builder.finish(), put(63, &[2]));
    refused(&batch, &Rules::default(), ErrorCode::InvalidTimestamp);
}

#[test]
fn malformed_records_are_87() {
    // length, attributes, timestamp delta, offset delta, key, value, header count; zigzag
    let cases: [(&str, &[u8]); 12] = [
        ("length too short", &[0x0a, 0, 0, 0, 1, 1, 0]),
        ("length too long", &[0x0e, 0, 0, 0, 1, 1, 0]),
        ("negative length", &[0x01, 0, 0, 0, 1, 1, 0]),
        ("no bytes", &[]),
        ("wrong offset delta", &[0x0c, 0, 0, 2, 1, 1, 0]),
        ("negative offset delta", &[0x0c, 0, 0, 1, 1, 1, 0]),
        ("key of length -2", &[0x0c, 0, 0, 0, 3, 1, 0]),
        ("key beyond the record", &[0x0c, 0, 0, 0, 8, 1, 0]),
        ("negative header count", &[0x0c, 0, 0, 0, 1, 1, 1]),
        ("more headers than bytes", &[0x0c, 0, 0, 0, 1, 1, 2]),
        ("header with a null key", &[0x10, 0, 0, 0, 1, 1, 2, 1, 1]),
        ("bytes behind", &[0x0c, 0, 0, 0, 1, 1, 0, 0]),
    ];
    for codec in Codec::ALL {
        for (what, records) in cases {
            if codec == Codec::None || !records.is_empty() {
                let code = check(&around(codec, 1, records), &Rules::default()).map_err(|e| e.code);
                assert_eq!(code.err(), Some(ErrorCode::InvalidRecord), "{what}, {codec}");
            }
        }
        let taken = check(&around(codec, 1, &[0x0c, 0, 0, 0, 1, 1, 0]), &Rules::default());
        assert!(taken.is_ok());
    }
}
