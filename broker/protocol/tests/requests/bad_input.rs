//! Each kind of malformed request, at every place of every API and version where it can be. All of
//! them close the connection; none may reach the decoder.

use super::apis::APIS;
use super::forge::{Forge, Spoil};
use kastellan_protocol::primitive::Malformed;
use kastellan_protocol::walk::{Refused, request, schema};

/// Two ways to fill a body: every array has elements and nothing is null in either.
const FILLINGS: [&[u8]; 2] = [&[2; 400], &[3; 400]];

/// Puts `spoil` at each place in turn and checks that the walker refuses it as `expected`, and that
/// it had at least `least` places.
fn refused(spoil: Spoil, least: usize, expected: impl Fn(&Refused) -> bool) {
    let mut places = 0;
    for api in APIS {
        let schema = schema(api.key).expect("served");
        for version in schema.versions.min..=schema.versions.max {
            let spoilt = |(filling, place): (&'static [u8], usize)| {
                let mut forge = Forge::new(schema, version, filling);
                forge.spoil = Some((spoil, place));
                forge.spoilt(schema)
            };
            let bodies =
                FILLINGS.iter().flat_map(|filling| (0..).map_while(move |n| spoilt((filling, n))));
            for body in bodies {
                let why = request(api.key, version, &body).expect_err("spoilt");
                assert!(expected(&why), "{:?} v{version}: {why:?}", api.key);
                places += 1;
            }
        }
    }
    assert!(places >= least, "only {places} places for {spoil:?}");
}

fn in_a_field(why: &Refused, expected: impl Fn(&Malformed) -> bool) -> bool {
    matches!(why, Refused::Field { why, .. } if expected(why))
}

#[test]
fn a_string_that_is_not_utf8_is_refused_wherever_it_is() {
    refused(Spoil::Utf8, 400, |why| in_a_field(why, |why| *why == Malformed::NotUtf8));
}

#[test]
fn null_is_refused_wherever_the_version_does_not_allow_it() {
    refused(Spoil::Null, 400, |why| in_a_field(why, |why| *why == Malformed::Null));
}

#[test]
fn a_length_beyond_the_end_is_refused_wherever_it_is() {
    refused(Spoil::Length, 400, |why| {
        in_a_field(why, |why| matches!(why, Malformed::Truncated { .. }))
    });
}

#[test]
fn a_negative_length_that_is_not_null_is_refused_wherever_it_is() {
    refused(Spoil::Negative, 200, |why| in_a_field(why, |why| *why == Malformed::Negative(-2)));
}

#[test]
fn a_count_above_the_bytes_that_are_left_is_refused_wherever_it_is() {
    let expected = |why: &Refused| in_a_field(why, |why| matches!(why, Malformed::Count { .. }));
    refused(Spoil::Count, 200, expected);
    refused(Spoil::HugeCount, 200, expected);
}

#[test]
fn too_many_tagged_fields_are_refused_in_every_struct() {
    refused(Spoil::Tags, 200, |why| *why == Refused::Malformed(Malformed::TooManyTags(65)));
}

#[test]
fn a_tag_that_comes_twice_is_refused_in_every_struct() {
    refused(Spoil::TagTwice, 200, |why| *why == Refused::Malformed(Malformed::TagOrder(100)));
}

#[test]
fn a_tagged_field_beyond_the_end_is_refused_in_every_struct() {
    refused(Spoil::TagLength, 200, |why| {
        matches!(why, Refused::Malformed(Malformed::Truncated { needed: 131_071, .. }))
    });
}

#[test]
fn every_cut_is_refused_and_bytes_after_the_request_are_ignored_whatever_it_holds() {
    for api in APIS {
        let schema = schema(api.key).expect("served");
        for version in schema.versions.min..=schema.versions.max {
            for filling in FILLINGS {
                let mut body = Forge::new(schema, version, filling).body(schema);
                assert_eq!(request(api.key, version, &body), Ok(()), "{:?} v{version}", api.key);
                for end in 0..body.len() {
                    assert!(request(api.key, version, body.get(..end).expect("shorter")).is_err());
                }
                body.push(0);
                assert_eq!(request(api.key, version, &body), Ok(()), "{:?} v{version}", api.key);
            }
        }
    }
}

#[test]
fn a_known_tagged_field_has_to_fill_its_bytes() {
    use kastellan_protocol::ApiKey;
    // Fetch v12 with the cluster id in tag 0: the decoder goes by the string's length alone
    let schema = schema(ApiKey::Fetch).expect("served");
    let mut body = Forge::new(schema, 12, &[]).body(schema);
    assert_eq!(body.pop(), Some(0), "no tagged fields");
    let with = |tagged: &[u8]| request(ApiKey::Fetch, 12, &[&body, tagged].concat());
    assert_eq!(with(&[1, 0, 3, 3, b'i', b'd']), Ok(()));
    let left_over = Refused::Field { field: "ClusterId", why: Malformed::Trailing(1) };
    assert_eq!(with(&[1, 0, 4, 3, b'i', b'd', b'x']), Err(left_over));
    let beyond =
        Refused::Field { field: "ClusterId", why: Malformed::Truncated { needed: 2, left: 1 } };
    assert_eq!(with(&[1, 0, 2, 3, b'i', b'd']), Err(beyond));
}

#[test]
fn a_struct_that_may_be_null_is_there_or_null_and_nothing_else() {
    use kastellan_protocol::ApiKey;
    // no topics, a limit of 10 partitions, then the cursor
    let with = |cursor: &[u8]| {
        let body = [&[1, 0, 0, 0, 10], cursor, &[0]].concat();
        request(ApiKey::DescribeTopicPartitions, 0, &body)
    };
    let full = |presence: u8| [presence, 2, b't', 0, 0, 0, 5, 0];
    assert_eq!(with(&full(1)), Ok(()));
    assert_eq!(with(&[0xff]), Ok(()));
    for presence in [0_u8, 2, 0x7f] {
        let why = Malformed::Presence(presence.cast_signed());
        assert_eq!(with(&full(presence)), Err(Refused::Field { field: "Cursor", why }));
    }
    assert!(with(&full(1)[..5]).is_err(), "a cursor that is cut");
}

#[test]
fn an_array_above_its_cap_is_refused_though_its_bytes_are_there() {
    use kastellan_protocol::ApiKey;
    let schema = schema(ApiKey::JoinGroup).expect("served");
    for (protocols, fits) in [(100, true), (101, false)] {
        let mut forge = Forge::new(schema, 5, &[]);
        forge.crowd = Some(("Protocols", protocols));
        let expected = if fits {
            Ok(())
        } else {
            Err(Refused::TooMany { field: "Protocols", count: 101, most: 100 })
        };
        assert_eq!(request(ApiKey::JoinGroup, 5, &forge.body(schema)), expected);
    }
}

#[test]
fn a_version_or_api_outside_of_the_table_is_refused() {
    use kastellan_protocol::ApiKey;
    let unsupported = Err(Refused::UnsupportedVersion { api: 3, version: 14 });
    assert_eq!(request(ApiKey::Metadata, 14, &[]), unsupported);
    assert!(request(ApiKey::Metadata, -1, &[]).is_err());
    assert_eq!(request(ApiKey::WriteTxnMarkers, 0, &[]), Err(Refused::UnknownApi(27)));
}
