//! Requests of every served API and version, decoded in every way there is.

use bytes::Bytes;
use kastellan_protocol::{
    fetch,
    messages::{ApiKey, FetchRequest, ProduceRequest},
    produce, walk,
};

use crate::{apis::APIS, bounded};

/// The API and version that two numbers choose, versions just outside included.
pub fn chosen(api: u8, version: u8) -> (usize, i16) {
    let at = usize::from(api) % APIS.len();
    let versions = &APIS[at].versions;
    let span = versions.max - versions.min + 3;
    (at, versions.min - 1 + i16::from(version) % span)
}

/// How many APIs there are, and the key and versions of each.
pub fn apis() -> impl Iterator<Item = (ApiKey, std::ops::RangeInclusive<i16>)> {
    APIS.iter().map(|api| (api.key, api.versions.min..=api.versions.max))
}

/// Walks and decodes `body`. What is accepted must encode to something that decodes to the same.
pub fn decode(at: usize, version: i16, body: &[u8]) {
    let api = &APIS[at];
    let bytes = Bytes::copy_from_slice(body);
    let walked = bounded("walk", 0, || walk::request(api.key, version, body));
    let decoded = bounded("decode", body.len(), || (api.decode)(version, bytes.clone()));
    assert!(walked.is_ok() || decoded.is_err(), "decoded what the walker refused");
    if decoded.is_ok() {
        let again = (api.again)(version, bytes.clone()).expect("it was decoded before");
        assert!(again.same, "{:?} v{version} changes when encoded", api.key);
    }
    match api.key {
        ApiKey::Produce => hot_produce(version, bytes),
        ApiKey::Fetch => hot_fetch(version, bytes),
        _ => {}
    }
}

fn hot_produce(version: i16, body: Bytes) {
    let mut into = produce::ProduceRequest::default();
    let read = bounded("produce", body.len(), || produce::decode(version, &body, &mut into));
    let peer = kastellan_protocol::decode::<ProduceRequest>(version, body.clone());
    // our caps on topics and partitions may be lower than the walker's
    assert!(read.is_err() || peer.is_ok(), "{read:?} {peer:?}");
    if let (Ok(()), Ok(peer)) = (read, peer) {
        let partitions: usize =
            peer.topic_data.iter().map(|topic| topic.partition_data.len()).sum();
        assert_eq!(partitions, into.partitions.len());
        for (topic, partition) in into.each() {
            assert!(body.get(topic.name.clone()).is_some());
            assert!(partition.records.clone().is_none_or(|range| body.get(range).is_some()));
        }
    }
}

fn hot_fetch(version: i16, body: Bytes) {
    let read = bounded("fetch", body.len(), || fetch::decode(version, &body));
    let peer = kastellan_protocol::decode::<FetchRequest>(version, body);
    assert!(read.is_err() || peer.is_ok(), "{read:?} {peer:?}");
    if let (Ok(read), Ok(peer)) = (read, peer) {
        assert_eq!(read.topics.len(), peer.topics.len());
        assert_eq!(read.forgotten.len(), peer.forgotten_topics_data.len());
    }
}
