//! Round trips, what other writers send, and bytes that lie about their size.

use std::io::Write;

use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use proptest::prelude::*;

use super::*;

const PACKED: [Codec; 4] = [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
const MIB: usize = 1 << 20;

fn deflated(codec: Codec, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    deflate(codec, bytes, &mut out);
    out
}

fn inflated(codec: Codec, bytes: &[u8], limit: usize) -> Result<Vec<u8>, InflateError> {
    let mut out = Vec::new();
    inflate(codec, bytes, limit, &mut out).map(|()| out)
}

/// Bytes that compress somewhat and repeat nowhere.
fn text(len: usize) -> Vec<u8> {
    (0_u64..).flat_map(|n| (n * n * 31 + 7).to_string().into_bytes()).take(len).collect()
}

#[test]
fn every_codec_gives_back_what_it_took() {
    let sizes = [0, 1, 100, 32_768, 32_769, 65_536, 65_537, 131_073];
    let mut inflater = Inflater::default();
    let mut out = Vec::new();
    for codec in Codec::ALL {
        for bytes in sizes.into_iter().flat_map(|len| [text(len), vec![7; len]]) {
            let packed = deflated(codec, &bytes);
            inflater.inflate(codec, &packed, bytes.len(), &mut out).expect("our own bytes");
            assert!(out == bytes, "{codec} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn deflating_appends() {
    for codec in Codec::ALL {
        let mut out = b"in front".to_vec();
        deflate(codec, b"behind", &mut out);
        assert_eq!(inflated(codec, out.strip_prefix(b"in front").unwrap(), 6).unwrap(), b"behind");
    }
}

#[test]
fn one_byte_more_than_the_limit_is_too_large() {
    for codec in Codec::ALL {
        let packed = deflated(codec, &text(100_000));
        assert_eq!(inflated(codec, &packed, 100_000).map(|out| out.len()), Ok(100_000), "{codec}");
        let limit = 99_999;
        assert_eq!(
            inflated(codec, &packed, limit),
            Err(InflateError::TooLarge { limit }),
            "{codec}"
        );
    }
}

#[test]
fn a_bomb_is_found_out_within_the_limit() {
    let zeros = vec![0; 4 * MIB];
    for codec in PACKED {
        let bomb = deflated(codec, &zeros);
        assert!(bomb.len() < MIB);
        let mut out = Vec::new();
        let refused = inflate(codec, &bomb, MIB, &mut out);
        assert_eq!(refused, Err(InflateError::TooLarge { limit: MIB }), "{codec}");
        assert!(out.capacity() <= MIB + 64, "{codec} held {} bytes", out.capacity());
    }
}

#[test]
fn memory_follows_what_comes_out() {
    for codec in PACKED {
        let packed = deflated(codec, &text(200_000));
        let mut out = Vec::new();
        inflate(codec, &packed, 100 * MIB, &mut out).expect("our own bytes");
        assert!(out.capacity() <= 2 * 200_000 + MIB, "{codec} took {} bytes", out.capacity());
    }
}

#[test]
fn lz4_frames_read_by_others_and_of_others() {
    let bytes = text(200_000);
    let mut read = Vec::new();
    let ours = deflated(Codec::Lz4, &bytes);
    std::io::Read::read_to_end(&mut lz4_flex::frame::FrameDecoder::new(&*ours), &mut read).unwrap();
    assert!(read == bytes);

    for block_size in
        [BlockSize::Max64KB, BlockSize::Max256KB, BlockSize::Max1MB, BlockSize::Max4MB]
    {
        for checked in [false, true] {
            let info = FrameInfo::new()
                .block_size(block_size)
                .block_mode(BlockMode::Independent)
                .block_checksums(checked)
                .content_checksum(checked)
                .content_size(checked.then_some(200_000));
            let packed = lz4_frame(info, &bytes);
            assert!(inflated(Codec::Lz4, &packed, MIB).unwrap() == bytes);
            if checked {
                let mut wrong = packed.clone();
                *wrong.last_mut().unwrap() ^= 1;
                assert_eq!(
                    inflated(Codec::Lz4, &wrong, MIB),
                    Err(InflateError::Malformed(Codec::Lz4))
                );
            }
        }
    }
}

fn lz4_frame(info: FrameInfo, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn lz4_blocks_that_depend_on_each_other_are_refused_because_java_cannot_read_them() {
    let linked = lz4_frame(FrameInfo::new().block_mode(BlockMode::Linked), &text(200_000));
    assert_eq!(inflated(Codec::Lz4, &linked, MIB), Err(InflateError::Malformed(Codec::Lz4)));
}

#[test]
fn bare_snappy_is_read_as_librdkafka_sends_it() {
    let bytes = text(100_000);
    let bare = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
    assert!(inflated(Codec::Snappy, &bare, MIB).unwrap() == bytes);
}

#[test]
fn snappy_is_written_in_the_framing_of_java() {
    let packed = deflated(Codec::Snappy, b"hello");
    assert_eq!(packed.get(..16).unwrap(), b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01");
    assert_eq!(
        packed.get(16..20).unwrap(),
        u32::try_from(packed.len() - 20).unwrap().to_be_bytes()
    );
}

#[test]
fn zstd_streams_that_do_not_say_their_size_are_read() {
    let bytes = text(150_000);
    for level in [1, 19] {
        let mut encoder = zstd_stream(level);
        for chunk in bytes.chunks(10_000) {
            encoder.write_all(chunk).unwrap();
        }
        let mut packed = encoder.finish().unwrap();
        assert!(inflated(Codec::Zstd, &packed, MIB).unwrap() == bytes);
        // a second frame and one to skip
        packed.extend_from_slice(&[0x51, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9]);
        packed.extend_from_slice(&deflated(Codec::Zstd, b"more"));
        let both = inflated(Codec::Zstd, &packed, MIB).unwrap();
        assert_eq!(both.len(), 150_004);
    }
}

fn zstd_stream(level: i32) -> ::zstd::stream::write::Encoder<'static, Vec<u8>> {
    let mut encoder = ::zstd::stream::write::Encoder::new(Vec::new(), level).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder
}

#[test]
fn gzip_of_several_members_is_read() {
    let mut packed = deflated(Codec::Gzip, b"one ");
    packed.extend_from_slice(&deflated(Codec::Gzip, b"two"));
    assert_eq!(inflated(Codec::Gzip, &packed, 100).unwrap(), b"one two");
}

#[test]
fn declared_sizes_are_not_believed() {
    // a snappy block that says 1 GiB, a zstd frame that says 1 GiB, an lz4 block of 4 MiB
    let snappy = [0x80, 0x80, 0x80, 0x80, 0x04, 0x00, b'x'];
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x40, 0x09, 0, 0, b'x'];
    let lz4 = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73, 2, 0, 0, 0, 0x10, b'x', 0, 0, 0, 0];
    for (codec, bytes) in
        [(Codec::Snappy, &snappy[..]), (Codec::Zstd, &zstd[..]), (Codec::Lz4, &lz4[..])]
    {
        let mut out = Vec::new();
        let read = inflate(codec, bytes, 2048 * MIB, &mut out);
        assert!(out.capacity() < 4096, "{codec} held {} bytes", out.capacity());
        if codec == Codec::Lz4 {
            assert_eq!((read, &*out), (Ok(()), &b"x"[..]));
        } else {
            assert_eq!(read, Err(InflateError::Malformed(codec)));
        }
    }
}

#[test]
fn every_cut_is_refused_and_none_panics() {
    for codec in PACKED {
        let packed = deflated(codec, &text(70_000));
        let step = 1.max(packed.len() / 50);
        for len in (0..packed.len()).step_by(step) {
            let read = inflated(codec, &packed[..len], MIB);
            // the framing of snappy may end behind any block
            assert!(read.is_err() || codec == Codec::Snappy, "{codec} cut at {len}");
        }
    }
}

#[test]
fn numbers_and_names_of_codecs_are_kafkas() {
    for (codec, bits, name) in [
        (Codec::None, 0, "none"),
        (Codec::Gzip, 1, "gzip"),
        (Codec::Snappy, 2, "snappy"),
        (Codec::Lz4, 3, "lz4"),
        (Codec::Zstd, 4, "zstd"),
    ] {
        assert_eq!((codec.bits(), codec.to_string().as_str()), (bits, name));
        assert_eq!(Codec::from_attributes(bits | 0x38), Some(codec));
    }
    assert_eq!([5, 6, 7].map(Codec::from_attributes), [None; 3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_bytes_come_back(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        copies in 1..5_usize,
    ) {
        let bytes = bytes.repeat(copies);
        for codec in Codec::ALL {
            let packed = deflated(codec, &bytes);
            prop_assert_eq!(inflated(codec, &packed, bytes.len()), Ok(bytes.clone()));
        }
    }

    #[test]
    fn damaged_bytes_neither_panic_nor_pass_the_limit(
        seed in prop::collection::vec(any::<u8>(), 0..600),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        limit in 0..3000_usize,
    ) {
        for codec in Codec::ALL {
            let mut packed = deflated(codec, &seed.repeat(3));
            for (at, byte) in &hits {
                // without records there is nothing to damage
                let at = at.index(packed.len().max(1));
                packed.iter_mut().skip(at).take(1).for_each(|hit| *hit ^= byte);
            }
            let mut out = Vec::new();
            if inflate(codec, &packed, limit, &mut out).is_ok() {
                prop_assert!(out.len() <= limit);
            }
            prop_assert!(out.capacity() <= limit + 64, "{} {}", codec, out.capacity());
        }
    }

    #[test]
    fn noise_neither_panics_nor_takes_memory(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let prefixes: [&[u8]; 5] = [
            &[],
            &[0x28, 0xb5, 0x2f, 0xfd],
            &[0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82],
            b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01",
            &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
        ];
        for codec in PACKED {
            for prefix in prefixes {
                let bytes = [prefix, &noise].concat();
                let mut out = Vec::new();
                let _read = inflate(codec, &bytes, 4 * MIB, &mut out);
                prop_assert!(out.capacity() <= 4 * MIB + 64);
            }
        }
    }
}
