//! The codec against `kafka-protocol`'s, in both directions and on damaged bytes.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{ErrorCode, Refused, batch::Fault, decode_response, messages};

const VERSIONS: std::ops::RangeInclusive<i16> = 3..=13;

fn name() -> impl Strategy<Value = String> {
    "[a-z]{1,12}|[a-z]{120,140}|\u{e9}t\u{e9}"
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn tags() -> impl Strategy<Value = Vec<(i32, Vec<u8>)>> {
    prop::collection::btree_map(7..300_i32, prop::collection::vec(any::<u8>(), 0..9), 0..3)
        .prop_map(|tags| tags.into_iter().collect())
}

type Tags = Vec<(i32, Vec<u8>)>;
type Sent = (Option<String>, i16, i32, Vec<(String, Uuid, Vec<(i32, Option<Vec<u8>>)>)>, Tags);

fn sent() -> impl Strategy<Value = Sent> {
    let records = prop::option::of(prop::collection::vec(any::<u8>(), 0..200));
    let partitions = prop::collection::vec((any::<i32>(), records), 0..4);
    let topics = prop::collection::vec((name(), uuid(), partitions), 0..4);
    (prop::option::of(name()), any::<i16>(), any::<i32>(), topics, tags())
}

fn with_tags(version: i16, tags: &Tags) -> std::collections::BTreeMap<i32, Bytes> {
    let tags = tags.iter().filter(|_| version >= FLEXIBLE);
    tags.map(|(tag, bytes)| (*tag, Bytes::from(bytes.clone()))).collect()
}

/// The request as `kafka-protocol` has it.
fn peer(
    version: i16,
    (transactional_id, acks, timeout_ms, topics, tags): &Sent,
) -> messages::ProduceRequest {
    use messages::produce_request::{PartitionProduceData, TopicProduceData};
    let topics = topics.iter().map(|(name, id, partitions)| {
        let partitions = partitions.iter().map(|(index, records)| {
            PartitionProduceData::default()
                .with_index(*index)
                .with_records(records.clone().map(Bytes::from))
                .with_unknown_tagged_fields(with_tags(version, tags))
        });
        let topic = TopicProduceData::default()
            .with_partition_data(partitions.collect())
            .with_unknown_tagged_fields(with_tags(version, tags));
        if version >= TOPIC_IDS {
            topic.with_topic_id(*id)
        } else {
            topic.with_name(messages::TopicName(StrBytes::from(name.clone())))
        }
    });
    messages::ProduceRequest::default()
        .with_transactional_id(transactional_id.clone().map(|id| StrBytes::from(id).into()))
        .with_acks(*acks)
        .with_timeout_ms(*timeout_ms)
        .with_topic_data(topics.collect())
        .with_unknown_tagged_fields(with_tags(version, tags))
}

fn encoded(version: i16, request: &impl Encodable) -> Vec<u8> {
    let mut body = BytesMut::new();
    request.encode(&mut body, version).unwrap();
    body.to_vec()
}

#[track_caller]
fn same(body: &[u8], ours: &ProduceRequest, theirs: &messages::ProduceRequest) {
    let id = ours.transactional_id.clone().map(|range| &body[range]);
    assert_eq!(id, theirs.transactional_id.as_ref().map(|id| id.as_bytes()));
    assert_eq!((ours.acks, ours.timeout_ms), (theirs.acks, theirs.timeout_ms));
    assert_eq!(ours.topics.len(), theirs.topic_data.len());
    for (topic, peer) in ours.topics.iter().zip(&theirs.topic_data) {
        assert_eq!((topic.name(body), topic.id), (peer.name.as_str(), peer.topic_id));
        let partitions = ours.partitions_of(topic);
        assert_eq!(partitions.len(), peer.partition_data.len());
        for (partition, peer) in partitions.iter().zip(&peer.partition_data) {
            assert_eq!(partition.index, peer.index);
            let records = partition.records.clone().map(|range| &body[range]);
            assert_eq!(records, peer.records.as_deref());
        }
    }
}

fn answer() -> impl Strategy<Value = PartitionResponse> {
    let error = prop::option::of(prop::sample::select(vec![
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::InvalidRecord,
        ErrorCode::UnknownServerError,
    ]));
    let message = prop::option::of("[ -~]{0,140}");
    let leader = prop::option::of((0..9_i32, 0..9_i32));
    let reason = prop::option::of(prop::sample::select(vec!["", "no key"]));
    let fault = (0..99_i32, reason).prop_map(|(index, reason)| Fault { index, reason });
    let faults = prop::collection::vec(fault, 0..4);
    (error, any::<(i64, i64, i64)>(), message, faults, leader).prop_map(
        |(error, offsets, message, error_records, current_leader)| PartitionResponse {
            index: 0,
            error,
            base_offset: offsets.0,
            log_append_time: offsets.1,
            log_start_offset: offsets.2,
            error_message: message.map(Cow::Owned),
            error_records,
            current_leader,
        },
    )
}

fn nodes() -> impl Strategy<Value = Vec<NodeEndpoint>> {
    let node = (any::<i32>(), name(), any::<u16>(), prop::option::of(name()));
    prop::collection::vec(
        node.prop_map(|(node_id, host, port, rack)| NodeEndpoint { node_id, host, port, rack }),
        0..3,
    )
}

#[track_caller]
fn same_answer(
    version: i16,
    ours: &PartitionResponse,
    peer: &messages::produce_response::PartitionProduceResponse,
) {
    let code = ours.error.map_or(0, |error| error.code());
    assert_eq!((peer.index, peer.error_code), (ours.index, code));
    assert_eq!(
        (peer.base_offset, peer.log_append_time_ms),
        (ours.base_offset, ours.log_append_time)
    );
    assert_eq!(peer.log_start_offset, if version >= 5 { ours.log_start_offset } else { -1 });
    let message = ours.error_message.as_deref().filter(|_| version >= 8);
    assert_eq!(peer.error_message.as_deref(), message);
    let errors = peer.record_errors.iter();
    let errors: Vec<_> = errors
        .map(|error| (error.batch_index, error.batch_index_error_message.as_deref()))
        .collect();
    let faults = ours.error_records.iter().filter(|_| version >= 8);
    assert_eq!(errors, faults.map(|fault| (fault.index, fault.reason)).collect::<Vec<_>>());
    let leader = ours.current_leader.filter(|_| version >= 10).unwrap_or((-1, -1));
    assert_eq!((*peer.current_leader.leader_id, peer.current_leader.leader_epoch), leader);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_request_of_any_version_is_read_as_the_peer_wrote_it(version in VERSIONS, sent in sent()) {
        let peer = peer(version, &sent);
        let body = encoded(version, &peer);
        let mut ours = ProduceRequest::default();
        decode(version, &body, &mut ours).unwrap();
        same(&body, &ours, &peer);
        for cut in 0..body.len() {
            prop_assert!(decode(version, &body[..cut], &mut ours).is_err());
        }
        // Bytes behind the request are nobody's, as with Apache Kafka.
        let longer = [&*body, &[0]].concat();
        decode(version, &longer, &mut ours).unwrap();
        same(&body, &ours, &peer);
    }

    #[test]
    fn a_damaged_request_is_read_as_the_peer_reads_it_or_refused(
        version in VERSIONS,
        sent in sent(),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut body = encoded(version, &peer(version, &sent));
        for (at, byte) in hits {
            let at = at.index(body.len());
            body[at] ^= byte;
        }
        let mut ours = ProduceRequest::default();
        let read = decode(version, &body, &mut ours);
        let theirs = crate::decode::<messages::ProduceRequest>(version, Bytes::from(body.clone()));
        prop_assert_eq!(read.is_ok(), theirs.is_ok(), "{:?} {:?}", read, theirs);
        if let Ok(theirs) = theirs {
            same(&body, &ours, &theirs);
        }
    }

    #[test]
    fn noise_is_refused_without_a_panic(
        version in VERSIONS,
        noise in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let _read = decode(version, &noise, &mut ProduceRequest::default());
    }

    #[test]
    fn an_answer_of_any_version_is_what_the_peer_reads_and_writes(
        version in VERSIONS,
        sent in sent(),
        answers in prop::collection::vec(answer(), 12),
        nodes in nodes(),
        correlation_id: i32,
        throttle_ms: i32,
    ) {
        let body = encoded(version, &peer(version, &sent));
        let mut request = ProduceRequest::default();
        decode(version, &body, &mut request).unwrap();
        let answers: Vec<_> = request
            .partitions
            .iter()
            .zip(answers)
            .map(|(partition, answer)| PartitionResponse { index: partition.index, ..answer })
            .collect();
        let response = ProduceResponse {
            version,
            correlation_id,
            throttle_ms,
            request: &request,
            body: &body,
            answers: &answers,
            nodes: &nodes,
        };
        let mut out = BytesMut::from(&b"in front"[..]);
        response.encode(&mut out);
        let frame = out.split_off(8).freeze();
        let size = i32::from_be_bytes(frame[..4].try_into().unwrap());
        prop_assert_eq!(usize::try_from(size).unwrap(), frame.len() - 4);

        let (id, theirs) =
            decode_response::<messages::ProduceResponse>(version, frame.slice(4..)).unwrap();
        prop_assert_eq!((id, theirs.throttle_time_ms), (correlation_id, throttle_ms));
        prop_assert_eq!(theirs.responses.len(), request.topics.len());
        for (topic, peer) in request.topics.iter().zip(&theirs.responses) {
            prop_assert_eq!((topic.name(&body), topic.id), (peer.name.as_str(), peer.topic_id));
            let ours = &answers[topic.partitions.clone()];
            for (ours, peer) in ours.iter().zip(&peer.partition_responses) {
                same_answer(version, ours, peer);
            }
        }
        let told: Vec<_> = theirs.node_endpoints.iter().map(|node| NodeEndpoint {
            node_id: *node.node_id,
            host: node.host.to_string(),
            port: u16::try_from(node.port).unwrap(),
            rack: node.rack.as_ref().map(ToString::to_string),
        }).collect();
        prop_assert_eq!(told, if version >= 10 { nodes } else { Vec::new() });
        let header = if version >= FLEXIBLE { 9 } else { 8 };
        let again = encoded(version, &theirs);
        prop_assert_eq!(&frame[header..], &*again);
    }
}

#[test]
fn the_buffer_grows_once_at_most() {
    let request = ProduceRequest {
        topics: vec![Topic { name: 0..3, id: Uuid::nil(), partitions: 0..2 }],
        partitions: vec![
            Partition { index: 0, records: None },
            Partition { index: 1, records: None },
        ],
        ..ProduceRequest::default()
    };
    let answers = [
        PartitionResponse::appended(0, 5, -1, 0),
        PartitionResponse {
            error_message: Some(Cow::Owned("x".repeat(3000))),
            error_records: (0..99).map(|index| Fault { index, reason: None }).collect(),
            ..PartitionResponse::error(1, ErrorCode::InvalidRecord)
        },
    ];
    for version in VERSIONS {
        let response = ProduceResponse {
            version,
            correlation_id: 1,
            throttle_ms: 0,
            request: &request,
            body: b"abc",
            answers: &answers,
            nodes: &[],
        };
        let mut out = BytesMut::new();
        response.encode(&mut out);
        let room = BytesMut::with_capacity(response.size()).capacity();
        assert!(out.len() <= room);
        assert_eq!(out.capacity(), room);
    }
}

#[test]
fn too_many_topics_or_partitions_are_refused() {
    let mut into = ProduceRequest::default();
    let head = [0xff, 0xff, 0, 1, 0, 0, 0, 0];
    let topics = |count: u32| [&head[..], &count.to_be_bytes(), &[0; 6].repeat(9_000)].concat();
    let refused = decode(3, &topics(8_193), &mut into);
    assert_eq!(refused, Err(Refused::TooMany { field: "topic_data", count: 8_193, most: 8_192 }));
    let partitions = |count: u32| {
        let topic = [&[0, 0][..], &count.to_be_bytes(), &[0; 8].repeat(count as usize)].concat();
        [&head[..], &[0, 0, 0, 1], &topic].concat()
    };
    assert_eq!(decode(3, &partitions(16_384), &mut into), Ok(()));
    let refused = decode(3, &partitions(16_385), &mut into);
    assert_eq!(
        refused,
        Err(Refused::TooMany { field: "partition_data", count: 16_385, most: 16_384 })
    );
}

#[test]
fn versions_outside_are_refused() {
    for version in [-1, 0, 2, 14] {
        let refused = decode(version, &[0; 30], &mut ProduceRequest::default());
        assert_eq!(refused, Err(Refused::UnsupportedVersion { api: 0, version }));
    }
}

#[test]
fn the_vectors_are_reused() {
    let request = messages::ProduceRequest::default();
    let mut into = ProduceRequest::default();
    into.topics.reserve_exact(100);
    decode(9, &encoded(9, &request), &mut into).unwrap();
    assert!(into.topics.capacity() >= 100);
    assert_eq!(
        messages::ProduceRequest::decode(&mut Bytes::from(encoded(9, &request)), 9).unwrap(),
        request
    );
}
