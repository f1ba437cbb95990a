//! A request goes out and comes in; a response goes out and comes in.

use super::*;
use crate::frame::{Limits, body_len};
use crate::messages::metadata_request::MetadataRequestTopic;
use crate::messages::metadata_response::MetadataResponseTopic;
use crate::messages::{
    ApiVersionsResponse, CreateTopicsRequest, CreateTopicsResponse, MetadataRequest,
    MetadataResponse, TopicName,
};

/// The bytes after the size, which has to be right.
fn body_of(frame: &Bytes) -> Bytes {
    let len =
        body_len(frame, &Limits { produce: usize::MAX, other: usize::MAX, ..Limits::default() });
    assert_eq!(len, Ok(Some(frame.len() - 4)));
    frame.slice(4..)
}

fn metadata_of(topic: &'static str) -> MetadataRequest {
    let topic = MetadataRequestTopic::default().with_name(Some(TopicName(topic.into())));
    MetadataRequest::default().with_topics(Some(vec![topic]))
}

#[test]
fn a_request_of_our_client_is_what_the_broker_reads() {
    for version in 0..=13 {
        let request = metadata_of("rider-updates");
        let frame = encode_request(version, 42, Some("kastellan"), &request).expect("valid");
        let body = body_of(&frame);
        let (header, len) = header::decode(&body).expect("valid");
        assert_eq!((header.api(), header.api_version), (Some(ApiKey::Metadata), version));
        assert_eq!((header.correlation_id, header.client_id.as_deref()), (42, Some("kastellan")));
        assert_eq!(decode::<MetadataRequest>(version, body.slice(len..)), Ok(request));
    }
}

#[test]
fn a_response_is_what_our_client_reads() {
    let topic = MetadataResponseTopic::default().with_name(Some(TopicName("t".into())));
    let response = MetadataResponse::default().with_topics(vec![topic]);
    for version in 0..=13 {
        let frame = encode_response(ApiKey::Metadata, version, -3, &response).expect("valid");
        let read = decode_response::<MetadataResponse>(version, body_of(&frame)).expect("valid");
        assert_eq!((read.0, read.1.topics.len()), (-3, 1));
    }
}

#[test]
fn a_flexible_response_has_a_tagged_header_and_an_older_one_has_not() {
    let response = CreateTopicsResponse::default();
    for (version, header) in [(4, 8), (5, 9)] {
        let frame = encode_response(ApiKey::CreateTopics, version, 1, &response).expect("valid");
        let body = response.compute_size(version).expect("valid");
        assert_eq!(frame.len(), header + body);
    }
}

#[test]
fn an_api_versions_answer_has_a_plain_header_in_every_version() {
    let response = ApiVersionsResponse::default();
    for version in 0..=4 {
        let frame = encode_response(ApiKey::ApiVersions, version, 1, &response).expect("valid");
        assert_eq!(frame.len(), 8 + response.compute_size(version).expect("valid"));
    }
}

#[test]
fn an_api_versions_answer_to_a_version_we_do_not_know_is_written_as_v0() {
    let response = ApiVersionsResponse::default().with_error_code(35);
    for version in [-1, 5, i16::MAX] {
        let frame = encode_response(ApiKey::ApiVersions, version, 9, &response).expect("valid");
        // size, correlation id, error 35, no keys
        assert_eq!(&frame[..], [0, 0, 0, 10, 0, 0, 0, 9, 0, 35, 0, 0, 0, 0]);
    }
}

#[test]
fn what_a_version_cannot_hold_is_an_error_that_names_it() {
    let request = MetadataRequest::default().with_include_topic_authorized_operations(true);
    let error = encode_request(1, 0, None, &request).expect_err("since version 8");
    assert!(matches!(error, EncodeError::Message { api: ApiKey::Metadata, version: 1, .. }));
}

#[test]
fn a_body_that_is_cut_is_refused_and_one_that_goes_on_is_read() {
    let frame = encode_request(12, 1, None, &metadata_of("t")).expect("valid");
    let body = body_of(&frame);
    let (_, len) = header::decode(&body).expect("valid");
    let body = body.slice(len..);
    for end in 0..body.len() {
        assert!(decode::<MetadataRequest>(12, body.slice(..end)).is_err(), "cut at {end}");
    }
    let longer = Bytes::from([&body[..], &[0]].concat());
    assert_eq!(decode::<MetadataRequest>(12, longer), decode(12, body.clone()));
    assert!(decode::<CreateTopicsRequest>(12, body).is_err(), "no such version");
}

#[test]
fn a_response_that_is_cut_or_goes_on_is_refused() {
    let response = CreateTopicsResponse::default();
    let frame = encode_response(ApiKey::CreateTopics, 7, 1, &response).expect("valid");
    let body = body_of(&frame);
    for end in 0..body.len() {
        assert!(decode_response::<CreateTopicsResponse>(7, body.slice(..end)).is_err());
    }
    let longer = Bytes::from([&body[..], &[0]].concat());
    assert!(decode_response::<CreateTopicsResponse>(7, longer).is_err());
}
