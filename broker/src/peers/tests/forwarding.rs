//! Envelopes: whole requests, whole answers, and what is not let through.

use std::sync::mpsc;

use bytes::{Bytes, BytesMut};
use kastellan_core::{
    id::Uuid,
    metadata::{CreatedTopic, NewTopic},
    security::Principal,
};
use kastellan_protocol::{
    ErrorCode, decode_response, encode_request,
    messages::{
        AlterClientQuotasRequest, ApiKey, CreateTopicsRequest, EnvelopeRequest, EnvelopeResponse,
        MetadataRequest,
        alter_client_quotas_request::{EntityData, EntryData, OpData},
        create_topics_request::CreatableTopic,
    },
    protocol::StrBytes,
};

use super::*;
use crate::{
    call::{self, ClientInfo, Proof},
    peers::{Purpose, create_there},
    tests::wire::{Client, frame, topic_name},
};

fn send(asker: &Asker, data: Bytes) -> EnvelopeResponse {
    send_for(asker, data, Some(Principal::user("alice").to_bytes(false)))
}

fn send_for(asker: &Asker, data: Bytes, principal: Option<Vec<u8>>) -> EnvelopeResponse {
    let envelope = EnvelopeRequest::default()
        .with_request_data(data)
        .with_request_principal(principal.map(Bytes::from))
        .with_client_host_address(Bytes::from_static(&[10, 1, 2, 3]));
    asker.peers.ask_blocking((BrokerId(1), Purpose::Forward), &envelope, PATIENCE).unwrap()
}

#[test]
fn an_admin_request_travels_whole_and_so_does_its_answer() {
    let authority = Authority::new();
    let node = Node::start(&authority);
    let asker = Asker::of(&authority, &node);
    let topic = CreatableTopic::default()
        .with_name(topic_name("carried"))
        .with_num_partitions(2)
        .with_replication_factor(1);
    let create = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    let sent = encode_request(7, 4711, Some("somebody"), &create).unwrap();
    let answer = send(&asker, sent.slice(4..));
    assert_eq!(answer.error_code, 0);
    let data = answer.response_data.unwrap();
    let (id, created) =
        decode_response::<kastellan_protocol::messages::CreateTopicsResponse>(7, data).unwrap();
    assert_eq!(id, 4711, "the client's own number");
    assert_eq!((created.topics[0].error_code, created.topics[0].num_partitions), (0, 2));

    let mut client = Client::connect(node.client_address());
    let known = client.call(12, &MetadataRequest::default().with_topics(None));
    assert_eq!(known.topics.len(), 1);
}

#[test]
fn what_needs_no_controller_and_what_is_no_request_is_refused_and_the_connection_stays() {
    let authority = Authority::new();
    let node = Node::start(&authority);
    let asker = Asker::of(&authority, &node);
    let invalid = ErrorCode::InvalidRequest.code();
    let metadata = encode_request(12, 1, None, &MetadataRequest::default()).unwrap();
    let vote = frame(ApiKey::Vote, 2, &[0; 40]);
    // counts that no bytes follow
    let mut damaged = BytesMut::new();
    kastellan_protocol::header::encode(ApiKey::CreateTopics, 7, 1, None, &mut damaged);
    damaged.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    for data in [
        metadata.slice(4..),
        Bytes::copy_from_slice(&vote[4..]),
        damaged.freeze(),
        Bytes::from_static(b"no request"),
        Bytes::new(),
    ] {
        assert_eq!(send(&asker, data).error_code, invalid);
    }
    let create = encode_request(7, 1, None, &CreateTopicsRequest::default()).unwrap().slice(4..);
    let nobody = ErrorCode::PrincipalDeserializationFailure.code();
    assert_eq!(send_for(&asker, create.clone(), Some(Vec::new())).error_code, nobody);
    assert_eq!(send_for(&asker, create, Some(vec![0, 7])).error_code, nobody);
}

#[test]
fn who_asked_the_other_broker_is_judged_and_the_other_broker_itself_is_not() {
    let authority = Authority::new();
    let standard = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
    let settings = [("authorizer.class.name", standard), ("super.users", "User:root")];
    let node = Node::set(Some(authority.files("node-1", CLUSTER)), false, &settings);
    let asker = Asker::of(&authority, &node);
    let create = |name: &'static str, principal: Option<&str>| {
        let topic = CreatableTopic::default()
            .with_name(topic_name(name))
            .with_num_partitions(1)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default().with_topics(vec![topic]);
        let request = request.with_timeout_ms(10_000);
        let sent = encode_request(7, 1, None, &request).unwrap().slice(4..);
        let principal = principal.map(|name| Principal::user(name).to_bytes(false));
        let answer = send_for(&asker, sent, principal);
        let data = answer.response_data.unwrap();
        let (_, created) =
            decode_response::<kastellan_protocol::messages::CreateTopicsResponse>(7, data).unwrap();
        created.topics[0].error_code
    };
    assert_eq!(create("a", Some("alice")), ErrorCode::TopicAuthorizationFailed.code());
    assert_eq!(create("a", Some("root")), 0);
    assert_eq!(create("b", None), 0);
}

#[test]
fn topics_that_somebody_else_asks_for_are_on_the_account_of_whoever_asked() {
    let authority = Authority::new();
    let node = Node::start(&authority);
    let asker = Asker::of(&authority, &node);
    let text = StrBytes::from_static_str;
    let entity =
        EntityData::default().with_entity_type(text("user")).with_entity_name(Some(text("alice")));
    let op = OpData::default().with_key(text("controller_mutation_rate")).with_value(1.0);
    let entry = EntryData::default().with_entity(vec![entity]).with_ops(vec![op]);
    let limit = AlterClientQuotasRequest::default().with_entries(vec![entry]);
    let mut client = Client::connect(node.client_address());
    assert_eq!(client.call(1, &limit).entries[0].error_code, 0);
    let create = |topics: &[(&str, i32)], who: Option<&str>| {
        let topic = |(name, partitions): &(&str, i32)| NewTopic {
            name: (*name).to_owned(),
            id: Uuid::nil(),
            partitions: *partitions,
            replication_factor: 1,
            assignments: Vec::new(),
            configs: Vec::new(),
        };
        let topics = topics.iter().map(topic).collect();
        let client = who.map(|name| ClientInfo {
            host: [10, 1, 2, 3].into(),
            listener: "plain".into(),
            principal: Principal::user(name),
            proof: Proof::Credential,
            peer: None,
        });
        let who = client.as_ref().map(|client| call::Asker { client, id: None });
        let (said, heard) = mpsc::channel();
        create_there(&asker.peers, BrokerId(1), topics, who, move |created| {
            let code = |topic: CreatedTopic| topic.result.err().map(|why| why.code);
            said.send(created.into_iter().map(code).collect::<Vec<_>>()).unwrap();
        });
        heard.recv_timeout(PATIENCE).unwrap()
    };
    let refused = Some(ErrorCode::ThrottlingQuotaExceeded);
    assert_eq!(create(&[("a", 100), ("b", 1)], Some("alice")), [None, refused]);
    assert_eq!(create(&[("b", 1)], Some("alice")), [refused]);
    assert_eq!(create(&[("b", 100), ("c", 1)], Some("bob")), [None, None]);
    assert_eq!(create(&[("d", 100), ("e", 1)], None), [None, None], "the broker itself");
}
