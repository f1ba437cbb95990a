//! The hand-written decoders of Produce and Fetch take what the walker takes and refuse what it
//! refuses: two readings of the same rules.

use super::allocation::rise;
use super::forge::Forge;
use kastellan_protocol::produce::ProduceRequest;
use kastellan_protocol::walk::{Refused, request, schema};
use kastellan_protocol::{ApiKey, fetch, produce};
use proptest::prelude::*;
use proptest::sample::Index;

fn decoded(api: ApiKey, version: i16, body: &[u8]) -> Result<(), Refused> {
    match api {
        ApiKey::Produce => produce::decode(version, body, &mut ProduceRequest::default()),
        _ => fetch::decode(version, body).map(drop),
    }
}

#[test]
fn the_hot_decoders_take_no_more_memory_than_the_bytes_are_worth() {
    let crowds = [
        (ApiKey::Produce, ["TopicData", "PartitionData"].as_slice()),
        (ApiKey::Fetch, ["Topics", "Partitions", "ForgottenTopicsData"].as_slice()),
    ];
    for (api, name) in
        crowds.into_iter().flat_map(|(api, names)| names.iter().map(move |n| (api, *n)))
    {
        let schema = schema(api).expect("served");
        for version in schema.versions.min..=schema.versions.max {
            for count in [100, 1_000, 5_000, 10_000, 20_000] {
                let mut forge = Forge::new(schema, version, &[]);
                forge.crowd = Some((name, count));
                let body = forge.body(schema);
                let taken = rise(|| {
                    std::hint::black_box(decoded(api, version, &body).is_ok());
                });
                let most = 4 * body.len() + (1 << 20);
                assert!(taken <= most, "{api:?} v{version}: {taken} bytes for {}", body.len());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    #[test]
    fn the_hot_decoders_and_the_walker_accept_the_same_bodies(
        fetch: bool,
        version: Index,
        choices in prop::collection::vec(any::<u8>(), 0..200),
        edits in prop::collection::vec((any::<Index>(), any::<u8>(), 0_u8..4), 0..3),
    ) {
        let api = if fetch { ApiKey::Fetch } else { ApiKey::Produce };
        let schema = schema(api).expect("served");
        let versions: Vec<_> = (schema.versions.min..=schema.versions.max).collect();
        let version = *version.get(&versions);
        let mut body = Forge::new(schema, version, &choices).body(schema);
        for (place, byte, edit) in edits {
            let at = place.index(body.len().max(1));
            match (edit, body.get_mut(at)) {
                (0, Some(old)) => *old = byte,
                (1, Some(old)) => *old ^= 1 << (byte % 8),
                (2, Some(_)) => body.insert(at, byte),
                _ => body.truncate(at),
            }
        }
        let (walked, decoded) = (request(api, version, &body), decoded(api, version, &body));
        prop_assert_eq!(walked.is_ok(), decoded.is_ok(), "{:?}: {:?} {:?}", api, walked, decoded);
    }
}
