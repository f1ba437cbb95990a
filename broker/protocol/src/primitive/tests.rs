//! What is written reads back; what is cut or too long is refused.

use super::*;
use proptest::prelude::*;

fn written(write: impl FnOnce(&mut Writer<'_, Vec<u8>>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut Writer::new(&mut out));
    out
}

#[test]
fn varints_are_written_as_the_protocol_guide_says() {
    assert_eq!(written(|w| w.varint(0)), [0]);
    assert_eq!(written(|w| w.varint(-1)), [1]);
    assert_eq!(written(|w| w.varint(300)), [0xd8, 4]);
    assert_eq!(written(|w| w.varint(i32::MIN)), [0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert_eq!(written(|w| w.unsigned_varint(0x7f)), [0x7f]);
    assert_eq!(written(|w| w.unsigned_varint(0x80)), [0x80, 1]);
    assert_eq!(written(|w| w.varlong(i64::MIN)).len(), 10);
}

#[test]
fn a_varint_ends_within_five_bytes_and_a_varlong_within_ten() {
    let endless = [0xff_u8; 12];
    assert_eq!(Reader::new(&endless).unsigned_varint(), Err(Malformed::Varint));
    assert_eq!(Reader::new(&endless).unsigned_varlong(), Err(Malformed::Varint));
    let overflowing = [0xff, 0xff, 0xff, 0xff, 0x1f];
    assert_eq!(Reader::new(&overflowing).unsigned_varint(), Err(Malformed::Varint));
}

#[test]
fn a_length_beyond_the_end_is_refused_before_anything_is_taken() {
    let mut reader = Reader::new(&[0x7f, 0xff, 0xff, 0xff, 1, 2]);
    assert_eq!(reader.bytes(), Err(Malformed::Truncated { needed: 0x7fff_ffff, left: 2 }));
    let mut reader = Reader::new(&[0x7f, 0xff, 0xff, 0xff, 1, 2]);
    assert_eq!(reader.array_len(4), Err(Malformed::Count { count: 0x7fff_ffff, left: 2 }));
}

#[test]
fn null_is_told_from_empty_and_from_negative() {
    assert_eq!(Reader::new(&[0xff, 0xff]).nullable_string(), Ok(None));
    assert_eq!(Reader::new(&[0xff, 0xff]).string(), Err(Malformed::Null));
    assert_eq!(Reader::new(&[0xff, 0xfe]).nullable_string(), Err(Malformed::Negative(-2)));
    assert_eq!(Reader::new(&[0, 0]).nullable_string(), Ok(Some("")));
    assert_eq!(Reader::new(&[0]).compact_nullable_string(), Ok(None));
    assert_eq!(Reader::new(&[1]).compact_nullable_string(), Ok(Some("")));
    assert_eq!(Reader::new(&[0]).compact_array_len(1), Err(Malformed::Null));
}

#[test]
fn strings_are_utf8_and_at_most_32767_bytes() {
    assert_eq!(Reader::new(&[0, 1, 0xff]).string(), Err(Malformed::NotUtf8));
    let mut long = written(|w| w.unsigned_varint(32_769));
    long.resize(40_000, b'a');
    assert_eq!(Reader::new(&long).compact_string(), Err(Malformed::StringTooLong(32_768)));
}

#[test]
fn a_message_of_ours_that_is_too_long_is_cut_at_a_character() {
    let long = "\u{20ac}".repeat(20_000);
    let bytes = written(|w| w.string(&long));
    assert_eq!(Reader::new(&bytes).string().map(str::len), Ok(32_766));
}

#[test]
fn tagged_fields_are_capped_in_number_and_size_and_have_to_rise() {
    let many = written(|w| w.unsigned_varint(65));
    assert_eq!(Reader::new(&many).skip_tagged_fields(), Err(Malformed::TooManyTags(65)));
    let large = written(|w| {
        w.unsigned_varint(1);
        w.tagged_field(0, &vec![0; MAX_TAGGED_FIELD_BYTES + 1]);
    });
    assert_eq!(
        Reader::new(&large).skip_tagged_fields(),
        Err(Malformed::TagTooLong(MAX_TAGGED_FIELD_BYTES + 1))
    );
    let twice = written(|w| {
        w.unsigned_varint(2);
        w.tagged_field(7, b"a");
        w.tagged_field(7, b"b");
    });
    assert_eq!(Reader::new(&twice).skip_tagged_fields(), Err(Malformed::TagOrder(7)));
    let negative = written(|w| {
        w.unsigned_varint(1);
        w.tagged_field(u32::MAX, b"");
    });
    assert_eq!(Reader::new(&negative).skip_tagged_fields(), Err(Malformed::Varint));
}

proptest! {
    #[test]
    fn whatever_is_written_reads_back(
        small: i16, medium: i32, large: i64, raw: u32, text in ".{0,40}", blob: Vec<u8>,
        id: [u8; 16], float: f64, flag: bool,
    ) {
        let id = uuid::Uuid::from_bytes(id);
        let bytes = written(|w| {
            w.i16(small); w.i32(medium); w.i64(large); w.u32(raw); w.bool(flag);
            w.varint(medium); w.varlong(large); w.unsigned_varint(raw);
            w.string(&text); w.compact_nullable_string(Some(&text));
            w.bytes(&blob); w.compact_nullable_bytes(Some(&blob));
            w.uuid(&id); w.f64(float);
            w.array_len(1); w.compact_array_len(1);
            w.unsigned_varint(1); w.tagged_field(raw >> 1, &blob);
        });
        let mut r = Reader::new(&bytes);
        prop_assert_eq!(r.i16(), Ok(small));
        prop_assert_eq!(r.i32(), Ok(medium));
        prop_assert_eq!(r.i64(), Ok(large));
        prop_assert_eq!(r.u32(), Ok(raw));
        prop_assert_eq!(r.bool(), Ok(flag));
        prop_assert_eq!(r.varint(), Ok(medium));
        prop_assert_eq!(r.varlong(), Ok(large));
        prop_assert_eq!(r.unsigned_varint(), Ok(raw));
        prop_assert_eq!(r.string(), Ok(text.as_str()));
        prop_assert_eq!(r.compact_string(), Ok(text.as_str()));
        prop_assert_eq!(r.bytes(), Ok(blob.as_slice()));
        prop_assert_eq!(r.compact_bytes(), Ok(blob.as_slice()));
        prop_assert_eq!(r.uuid(), Ok(id));
        prop_assert_eq!(r.f64().map(f64::to_bits), Ok(float.to_bits()));
        prop_assert_eq!(r.array_len(1), Ok(1));
        prop_assert_eq!(r.compact_array_len(1), Ok(1));
        let mut seen = None;
        r.tagged_fields::<Malformed>(|tag, value| { seen = Some((tag, value.to_vec())); Ok(()) })?;
        prop_assert_eq!(seen, Some((raw >> 1, blob)));
        prop_assert_eq!(r.finish(), Ok(()));
    }

    #[test]
    fn the_length_of_a_varint_is_known_before_it_is_written(medium: i32, large: i64, raw: u32) {
        prop_assert_eq!(written(|w| w.varint(medium)).len(), varint_len(medium));
        prop_assert_eq!(written(|w| w.varlong(large)).len(), varlong_len(large));
        prop_assert_eq!(written(|w| w.unsigned_varint(raw)).len(), unsigned_varint_len(raw));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, smallest in 0_usize..9) {
        // each call starts over, so that every method sees every input
        let r = Reader::new(&bytes);
        std::hint::black_box([
            r.clone().varint().is_ok(),
            r.clone().varlong().is_ok(),
            r.clone().nullable_string().is_ok(),
            r.clone().compact_nullable_string().is_ok(),
            r.clone().nullable_bytes().is_ok(),
            r.clone().compact_nullable_bytes().is_ok(),
            r.clone().nullable_array_len(smallest).is_ok(),
            r.clone().compact_nullable_array_len(smallest).is_ok(),
            r.clone().skip_tagged_fields().is_ok(),
            r.clone().uuid().is_ok(),
            r.clone().f64().is_ok(),
            r.clone().take(smallest).is_ok(),
        ]);
    }
}
