//! Record batches: validated, read, filtered and patched; and each codec on its own.
//!
//! The first byte chooses the codec and how the rest is dressed: as it is, with length, magic and
//! CRC set right, as records inside a right batch, or as compressed bytes.
#![no_main]

use kastellan_fuzz::{bounded, seeds};
use kastellan_protocol::{
    batch::{self, Header, Malformed, Rules, Scratch, TimestampRules},
    compression::{self, Codec},
};

const INFLATED: usize = 64 << 10;

libfuzzer_sys::fuzz_target!(init: seeds::write(&seeds::batches()), |data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let codec = Codec::ALL[usize::from(choice & 7) % 5];
    match choice >> 3 & 3 {
        0 => touch(rest),
        1 => touch(&dressed(rest, choice & 7)),
        2 => touch(&around(codec, rest)),
        _ => inflate(codec, rest),
    }
});

fn inflate(codec: Codec, bytes: &[u8]) {
    let mut out = Vec::new();
    let result =
        bounded("inflate", bytes.len(), || compression::inflate(codec, bytes, INFLATED, &mut out));
    assert!(out.capacity() <= INFLATED + 64);
    if result.is_ok() {
        let mut packed = Vec::new();
        compression::deflate(codec, &out, &mut packed);
        let mut again = Vec::new();
        compression::inflate(codec, &packed, out.len(), &mut again).expect("our own bytes");
        assert_eq!(out, again);
    }
}

/// The bytes with a right length, magic and CRC, where there are enough for a header.
fn dressed(bytes: &[u8], codec: u8) -> Vec<u8> {
    let mut batch = bytes.to_vec();
    if batch.len() >= batch::HEADER_LEN {
        let length = u32::try_from(batch.len() - batch::PREFIX_LEN).expect("inputs are small");
        batch[8..12].copy_from_slice(&length.to_be_bytes());
        batch[16] = 2;
        batch[22] = batch[22] & !7 | codec;
        let max_timestamp = i64::from_be_bytes(batch[35..43].try_into().expect("8 bytes"));
        batch::set_max_timestamp(&mut batch, max_timestamp);
    }
    batch
}

/// A batch whose records, once inflated, are `records`, and whose count is how many fit.
fn around(codec: Codec, records: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    compression::deflate(codec, records, &mut packed);
    let mut batch = vec![0; batch::HEADER_LEN];
    let count = counted(records);
    batch[23..27].copy_from_slice(&count.saturating_sub(1).to_be_bytes());
    batch[43..57].fill(0xff);
    batch[57..61].copy_from_slice(&count.to_be_bytes());
    batch.extend_from_slice(&packed);
    let bits = u8::try_from(codec.bits()).expect("three bits");
    dressed(&batch, bits)
}

/// How many length-prefixed things stand in `records`.
fn counted(mut records: &[u8]) -> u32 {
    let mut count = 0;
    while let [first, rest @ ..] = records {
        let len = usize::from(first >> 1);
        records = rest.get(len..).unwrap_or_default();
        count += 1;
    }
    count
}

fn touch(bytes: &[u8]) {
    let mut scratch = Scratch::new(INFLATED);
    let limits = TimestampRules { now: 1_000, before_max_ms: i64::MAX, after_max_ms: i64::MAX };
    let rules =
        Rules { max_inflated_bytes: INFLATED, timestamps: Some(limits), ..Rules::default() };
    let valid = bounded("validate", bytes.len(), || batch::validate(bytes, &rules, &mut scratch));
    let mut seen = 0;
    let read = bounded("read", bytes.len(), || {
        batch::for_each_record(bytes, &mut scratch, |record| {
            record.headers().for_each(drop);
            seen += 1;
            Ok::<_, Malformed>(())
        })
    });
    for one in batch::batches(bytes) {
        let Ok((header, one)) = one else { break };
        assert_eq!(header.size(), one.len());
    }
    if let Ok(valid) = valid {
        assert_eq!((read, seen), (Ok(()), valid.header.count));
        assert_eq!(batch::sole(Some(bytes)), Ok(bytes));
        let mut stored = bytes.to_vec();
        let (_, offset) = valid.assign(&mut stored, 1_000, 4, None);
        assert!(batch::check_crc(&stored));
        let header = Header::parse(&stored).expect("it was a batch before");
        assert!((header.base_offset..header.next_offset()).contains(&offset));
    }
    filter(bytes, &mut scratch);
}

fn filter(bytes: &[u8], scratch: &mut Scratch) {
    for kept in [batch::Fate::Keep, batch::Fate::KeepForNow] {
        let mut out = Vec::new();
        let mut turn = 0_u32;
        let filtered = bounded("filter", bytes.len(), || {
            batch::filter(bytes, 12_345, scratch, &mut out, |record| {
                turn += 1;
                let stays = turn % 3 != 0 && record.value.is_some();
                if stays { kept } else { batch::Fate::Drop }
            })
        });
        let Ok(filtered) = filtered else { continue };
        assert!(filtered.unchanged || batch::check_crc(&out));
        let mut left = 0;
        batch::for_each_record(&out, scratch, |_| {
            left += 1;
            Ok::<_, Malformed>(())
        })
        .expect("what was written");
        assert_eq!(left, filtered.kept);
    }
}
