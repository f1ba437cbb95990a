//! Headers of every form, and those that are refused.

use super::*;
use crate::api_version;
use crate::primitive::Malformed;
use kafka_protocol::messages::RequestHeader as Theirs;
use kafka_protocol::protocol::{Encodable, StrBytes, encode_request_header_into_buffer};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn header(api: i16, version: i16, rest: &[u8]) -> Vec<u8> {
    [&api.to_be_bytes(), &version.to_be_bytes(), [0, 0, 0, 7].as_slice(), rest].concat()
}

#[test]
fn a_client_id_may_be_null_empty_or_long() {
    for id in [None, Some(""), Some("rdkafka"), Some("0123456789012345678901234567890123456789")] {
        let mut bytes = Vec::new();
        encode(ApiKey::Metadata, 9, 7, id, &mut bytes);
        bytes.extend_from_slice(b"body");
        let (header, len) = decode(&bytes).expect("well-formed");
        assert_eq!(header.client_id.as_deref(), id);
        assert_eq!(header.api(), Some(ApiKey::Metadata));
        assert_eq!(&bytes[len..], b"body");
    }
}

#[test]
fn every_served_version_has_the_header_that_the_crate_gives_it() {
    for &(api, min, max) in api_version::served() {
        for version in min..=max {
            let theirs = Theirs::default()
                .with_request_api_key(api as i16)
                .with_request_api_version(version)
                .with_correlation_id(-5)
                .with_client_id(Some(StrBytes::from_static_str("kafkajs")));
            let mut bytes = Vec::new();
            encode_request_header_into_buffer(&mut bytes, &theirs).expect("a known version");
            let (ours, len) = decode(&bytes).expect("a served version");
            assert_eq!(len, bytes.len(), "{api:?} v{version}");
            assert_eq!((ours.api_key, ours.api_version), (api as i16, version));
            assert_eq!((ours.correlation_id, ours.client_id.as_deref()), (-5, Some("kafkajs")));
            let mut again = Vec::new();
            encode(api, version, -5, Some("kafkajs"), &mut again);
            assert_eq!(again, bytes);
        }
    }
}

#[test]
fn a_newer_api_versions_request_is_read_because_its_answer_says_what_is_served() {
    let newer = header(18, 5, &[0, 1, b'x', 0, 9, 9]);
    let (read, len) = decode(&newer).expect("any version");
    assert_eq!((read.api_version, len), (5, 12));
    let absurd = header(18, i16::MAX, &[0xff, 0xff, 0]);
    assert!(decode(&absurd).is_ok());
    let negative = header(18, -1, &[0xff, 0xff]);
    assert!(decode(&negative).is_ok());
}

#[test]
fn an_unknown_api_and_one_that_is_not_served_are_refused() {
    for api in [-1, 4, 7, 9999, i16::MAX] {
        assert_eq!(decode(&header(api, 0, &[0, 0])), Err(Refused::UnknownApi(api)));
    }
    let vote = ApiKey::Vote as i16;
    assert_eq!(decode(&header(vote, 0, &[0, 0, 0])), Err(Refused::UnknownApi(vote)));
}

#[test]
fn a_version_outside_of_the_served_range_is_refused() {
    for (api, version) in [(0, 2), (0, 14), (1, 3), (3, 14), (3, -1), (11, 10), (22, i16::MIN)] {
        assert_eq!(
            decode(&header(api, version, &[0, 0, 0])),
            Err(Refused::UnsupportedVersion { api, version })
        );
    }
}

#[test]
fn millions_of_tagged_fields_in_a_header_are_refused_at_their_count() {
    // CVE-2026-111115
    let bytes = header(3, 9, &[0, 0, 0x80, 0xda, 0xc4, 0x09]);
    assert_eq!(decode(&bytes), Err(Refused::Malformed(Malformed::TooManyTags(20_000_000))));
}

proptest! {
    #[test]
    fn no_bytes_make_a_header_panic(bytes: Vec<u8>, api in 0_i16..62, version in -1_i16..20) {
        std::hint::black_box(decode(&bytes).is_ok());
        std::hint::black_box(decode(&header(api, version, &bytes)).is_ok());
    }

    #[test]
    fn whatever_tagged_fields_a_header_has_are_skipped(
        tags in btree_map(0..i32::MAX, vec(any::<u8>(), 0..30), 0..10),
    ) {
        let theirs = Theirs::default()
            .with_request_api_key(3)
            .with_request_api_version(12)
            .with_unknown_tagged_fields(tags.into_iter().map(|(k, v)| (k, v.into())).collect());
        let mut bytes = Vec::new();
        theirs.encode(&mut bytes, 2).expect("small");
        prop_assert_eq!(decode(&bytes).map(|(_, len)| len), Ok(bytes.len()));
    }
}
