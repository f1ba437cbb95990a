//! The walker and the decoder agree: what is valid passes both, what passes the first passes the
//! second, and nothing makes either panic.

use super::apis::{APIS, Again, Api};
use super::forge::Forge;
use kastellan_protocol::api_version;
use kastellan_protocol::walk::{request, schema, schemas};
use proptest::prelude::*;
use proptest::sample::Index;

/// An API, one of its versions, and bytes to make a body of.
fn anything() -> impl Strategy<Value = (&'static Api, i16, Vec<u8>)> {
    let choices = prop::collection::vec(any::<u8>(), 0..200);
    (any::<Index>(), any::<Index>(), choices).prop_map(|(api, version, choices)| {
        let api = api.get(APIS);
        let schema = schema(api.key).expect("served");
        let versions: Vec<_> = (schema.versions.min..=schema.versions.max).collect();
        (api, *version.get(&versions), choices)
    })
}

#[test]
fn every_served_api_is_in_the_table_in_every_version() {
    assert_eq!(APIS.len(), schemas().count());
    for &(api, min, max) in api_version::served() {
        let versions = schema(api).expect("in the table").versions;
        assert_eq!((versions.min, versions.max), (min, max), "{api:?}");
        assert!(APIS.iter().any(|other| other.key == api), "{api:?}");
    }
    for &(api, version) in api_version::peers() {
        let versions = schema(api).expect("in the table").versions;
        assert!(versions.contains(version), "{api:?}");
        assert!(APIS.iter().any(|other| other.key == api), "{api:?}");
    }
    for api in APIS {
        let served = api_version::range(api.key).is_some() || api_version::peer(api.key).is_some();
        assert!(served, "{:?}", api.key);
    }
}

#[test]
fn the_table_and_the_message_types_have_the_same_versions_and_turn_flexible_together() {
    for api in APIS {
        let (schema, known) = (schema(api.key).expect("served"), api.versions);
        assert_eq!((schema.versions.min, schema.versions.max), (known.min, known.max));
        for version in known.min..=known.max {
            let flexible = api.key.request_header_version(version) == 2;
            assert_eq!(version >= schema.flexible, flexible, "{:?} v{version}", api.key);
        }
    }
}

#[test]
fn the_smallest_body_of_every_version_passes_and_no_prefix_of_it_does() {
    for api in APIS {
        let schema = schema(api.key).expect("served");
        for version in schema.versions.min..=schema.versions.max {
            let body = Forge::new(schema, version, &[]).body(schema);
            assert_eq!(
                (api.decode)(version, body.clone().into()),
                Ok(()),
                "{:?} {version}",
                api.key
            );
            for end in 0..body.len() {
                assert!(request(api.key, version, &body[..end]).is_err());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_encoded_passes_and_decodes_to_the_same((api, version, choices) in anything()) {
        let schema = schema(api.key).expect("served");
        let body = Forge::new(schema, version, &choices).body(schema);
        let again = (api.again)(version, body.clone().into());
        prop_assert!(again.is_ok(), "{:?} v{version}: {:?}", api.key, again.err());
        let Again { bytes, same } = again.expect("just checked");
        prop_assert!(same, "{:?} v{version}", api.key);
        // a tagged field that holds its default is left out when it is encoded again
        if schema.fields.iter().all(|field| field.tag.is_none()) {
            prop_assert_eq!(bytes, body, "{:?} v{}", api.key, version);
        }
    }

    #[test]
    fn mutated_bodies_never_panic_and_what_passes_decodes(
        (api, version, choices) in anything(),
        edits in prop::collection::vec((any::<Index>(), any::<u8>(), 0_u8..4), 1..6),
    ) {
        let schema = schema(api.key).expect("served");
        let mut body = Forge::new(schema, version, &choices).body(schema);
        for (place, byte, edit) in edits {
            if body.is_empty() {
                break;
            }
            let at = place.index(body.len());
            match edit {
                0 => body[at] = byte,
                1 => body[at] ^= 1 << (byte % 8),
                2 => body.insert(at, byte),
                _ => body.truncate(at),
            }
        }
        let walked = request(api.key, version, &body);
        let decoded = (api.decode)(version, body.into());
        prop_assert_eq!(walked, decoded, "{:?} v{}", api.key, version);
    }

    #[test]
    fn random_bytes_never_panic_and_what_passes_decodes(
        (api, version, bytes) in anything(),
    ) {
        let walked = request(api.key, version, &bytes);
        prop_assert_eq!(walked, (api.decode)(version, bytes.into()));
    }
}
