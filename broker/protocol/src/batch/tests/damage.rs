//! Damaged batches: refused where the CRC looks, never a panic anywhere.

use super::*;

/// Calls everything that reads a batch.
fn touch(bytes: &[u8]) {
    let mut scratch = Scratch::new(1 << 20);
    let rules = Rules { max_inflated_bytes: 1 << 20, ..Rules::default() };
    let valid = validate(bytes, &rules, &mut scratch);
    let mut seen = 0;
    let walked = for_each_record(bytes, &mut scratch, |record| {
        assert!(record.headers().count() <= record.headers.len());
        seen += 1;
        Ok::<_, Malformed>(())
    });
    if let Ok(valid) = valid {
        assert_eq!(walked, Ok(()));
        assert_eq!(seen, valid.header.count);
        assert!(check_crc(bytes));
    }
    let mut out = Vec::new();
    let mut turn = false;
    let filtered = filter(bytes, 5, &mut scratch, &mut out, |_| {
        turn = !turn;
        if turn { Fate::KeepForNow } else { Fate::Drop }
    });
    if let Ok(filtered) = filtered {
        assert_eq!(filtered.header, Header::parse(&out).expect("what was written"));
        assert!(filtered.unchanged || check_crc(&out));
    }
    assert!(batches(bytes).count() <= bytes.len() / HEADER_LEN + 1);
    let _one = sole(Some(bytes));
    let mut copy = bytes.to_vec();
    patch(&mut copy, -1, -1);
    set_log_append_time(&mut copy, i64::MIN);
}

#[test]
fn every_flipped_bit_is_refused_or_lies_outside_of_the_checksum() {
    for codec in Codec::ALL {
        let batch = simple(codec, 4);
        for bit in 0..batch.len() * 8 {
            let mut flipped = batch.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let outside = (0..8).contains(&(bit / 8)) || (12..16).contains(&(bit / 8));
            assert_eq!(check(&flipped, &Rules::default()).is_ok(), outside, "{codec}, bit {bit}");
        }
    }
}

#[test]
fn every_cut_is_refused() {
    for codec in Codec::ALL {
        let batch = simple(codec, 4);
        for len in 0..batch.len() {
            assert!(check(&batch[..len], &Rules::default()).is_err());
            assert!(!check_crc(&batch[..len]) || len == 0);
            assert!(read(&batch[..len]).is_err());
            touch(&batch[..len]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn damage_behind_a_right_checksum_does_not_panic(
        records in records(6),
        codec in codec(),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut batch = build(0, codec, &records);
        for (at, byte) in hits {
            let at = at.index(batch.len());
            batch[at] ^= byte;
        }
        touch(&batch);
        // as if the damage were the client's own
        if let Ok(header) = Header::parse(&batch) && header.size() <= batch.len() {
            batch.truncate(header.size());
        }
        patch::set_crc(&mut batch);
        touch(&batch);
    }

    #[test]
    fn noise_does_not_panic(noise in prop::collection::vec(any::<u8>(), 0..300), codec in 0..8_u8) {
        touch(&noise);
        let mut batch = noise;
        let size = batch.len();
        if size >= HEADER_LEN {
            batch[8..12].copy_from_slice(&i32::try_from(size - 12).unwrap().to_be_bytes());
            batch[16] = 2;
            batch[21..23].copy_from_slice(&[0, codec]);
            batch[57..61].copy_from_slice(&[0, 0, 0, 3]);
            patch::set_crc(&mut batch);
        }
        touch(&batch);
    }
}
