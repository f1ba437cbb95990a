//! Batches that lose records to compaction.

use super::*;

fn filtered(
    batch: &[u8],
    horizon: i64,
    judge: impl FnMut(&RecordView<'_>) -> Fate,
) -> (Filtered, Vec<u8>) {
    let mut out = b"in front".to_vec();
    let result = filter(batch, horizon, &mut Scratch::default(), &mut out, judge).unwrap();
    (result, out.split_off(8))
}

/// Keeps the record at `offset` alone.
fn only(offset: i64) -> impl FnMut(&RecordView<'_>) -> Fate {
    move |record| if record.offset == offset { Fate::Keep } else { Fate::Drop }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![4 => Just(Fate::Drop), 8 => Just(Fate::Keep), 1 => Just(Fate::KeepForNow)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn what_is_kept_is_kept_whole(
        records in records(20),
        codec in codec(),
        fates in prop::collection::vec(fate(), 20),
        horizon in 1_600_000_000_000..1_800_000_000_000_i64,
        base in 0..1_i64 << 40,
    ) {
        let mut builder = Builder::new(base, 3);
        for record in &records {
            record.add_to(&mut builder);
        }
        let batch = builder.producer(7, 2, 100).transactional().compressed(codec).finish();
        let before = Header::parse(&batch).unwrap();

        let mut turn = fates.iter();
        let (result, out) = filtered(&batch, horizon, |_| *turn.next().unwrap());
        let judged = || records.iter().zip(&fates);
        let expected: Vec<_> = judged()
            .filter(|(_, fate)| **fate != Fate::Drop)
            .map(|(record, _)| Plain { offset: record.offset + base, ..record.clone() })
            .collect();
        let doomed = judged().any(|(_, fate)| *fate == Fate::KeepForNow);

        prop_assert!(check_crc(&out));
        let after = Header::parse(&out).unwrap();
        prop_assert_eq!(after, result.header);
        prop_assert_eq!(after.size(), out.len());
        prop_assert_eq!(usize::try_from(after.count).unwrap(), expected.len());
        prop_assert_eq!(result.kept + result.dropped, before.count);
        let kept = |h: &Header| {
            let producer = (h.producer_id, h.producer_epoch, h.last_sequence());
            (h.base_offset, h.last_offset(), h.leader_epoch, producer)
        };
        prop_assert_eq!(kept(&before), kept(&after));
        prop_assert!(after.is_transactional() && !after.is_control());
        prop_assert_eq!(read(&out).unwrap(), expected.clone());
        if let Some(max) = expected.iter().map(|record| record.timestamp).max() {
            prop_assert_eq!(after.codec(), Some(codec));
            prop_assert_eq!(after.delete_horizon(), doomed.then_some(horizon));
            prop_assert_eq!(after.max_timestamp, max);
        } else {
            prop_assert_eq!((after.codec(), out.len()), (Some(Codec::None), HEADER_LEN));
        }
        prop_assert_eq!(result.unchanged, out == batch);
        prop_assert_eq!(result.unchanged, !doomed && result.dropped == 0);
    }
}

#[test]
fn another_codec_changes_nothing_but_the_bytes() {
    for from in Codec::ALL {
        let mut builder = Builder::new(50, 4);
        for n in 0..40_i64 {
            builder.record(n, Some(b"key"), Some(&[b'v'; 30]), &[(b"h", None), (b"h", None)]);
        }
        let batch = builder.producer(3, 2, 1).compressed(from).finish();
        for to in Codec::ALL {
            for level in [None, Some(1), Some(-200_000), Some(99)] {
                let mut out = Vec::new();
                let header =
                    recompress(&batch, to, level, &mut Scratch::default(), &mut out).unwrap();
                assert!(check(&out, &Rules::default()).is_ok());
                assert_eq!(Header::parse(&out).unwrap(), header);
                assert_eq!((header.codec(), header.producer_id), (Some(to), 3));
                assert_eq!(read(&out), read(&batch));
                assert_eq!(from == to, out == batch);
            }
        }
    }
}

#[test]
fn the_first_delete_horizon_stays() {
    let batch = simple(Codec::Snappy, 3);
    let doomed = |gone: i64| {
        move |record: &RecordView<'_>| {
            if record.offset == gone { Fate::Drop } else { Fate::KeepForNow }
        }
    };
    let (_, first) = filtered(&batch, 500, doomed(1));
    let (result, second) = filtered(&first, 900, doomed(0));
    assert_eq!(result.header.delete_horizon(), Some(500));
    let record = read(&second).unwrap().remove(0);
    assert_eq!((record.offset, record.timestamp), (2, 1_002));
    // a record kept for now in a batch that has its horizon changes nothing
    let (result, third) = filtered(&second, 1_300, |_| Fate::KeepForNow);
    assert!(result.unchanged && third == second);
}

#[test]
fn an_emptied_batch_stays_empty() {
    let (_, empty) = filtered(&simple(Codec::Zstd, 3), 4, |_| Fate::Drop);
    let (result, again) = filtered(&empty, 4, |_| unreachable!("nothing is left"));
    assert_eq!((result.kept, result.dropped), (0, 0));
    assert_eq!(read(&again).unwrap(), []);
    assert_eq!(Header::parse(&again).unwrap().last_offset(), 2);
}

#[test]
fn the_append_time_survives() {
    let mut batch = simple(Codec::None, 3);
    set_log_append_time(&mut batch, 9_999);
    for fate in [Fate::Keep, Fate::KeepForNow] {
        let (result, out) =
            filtered(&batch, 5, |record| if record.offset == 1 { fate } else { Fate::Drop });
        assert!(result.header.log_append_time());
        assert_eq!(read(&out).unwrap()[0].timestamp, 9_999);
    }
}

#[test]
fn runs_of_records_keep_their_bytes_wherever_they_stand() {
    for codec in Codec::ALL {
        for gone in 0..5 {
            let batch = simple(codec, 5);
            let (_, out) =
                filtered(
                    &batch,
                    5,
                    |record| {
                        if record.offset == gone { Fate::Drop } else { Fate::Keep }
                    },
                );
            let mut expected = read(&batch).unwrap();
            expected.retain(|record| record.offset != gone);
            assert_eq!(read(&out).unwrap(), expected, "{codec}, without {gone}");
            let (_, one) = filtered(&batch, 5, only(gone));
            assert_eq!(read(&one).unwrap().len(), 1);
        }
    }
}
