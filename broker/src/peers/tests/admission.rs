//! Who is let in, by the certificate; and what is asked where it may not be.

use kastellan_protocol::{
    ErrorCode,
    api_version::peers,
    messages::{
        ApiKey, BrokerId as WireId, FetchRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest,
        fetch_request::{FetchPartition, FetchTopic, ReplicaState},
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
    },
};

use super::*;
use crate::{
    peers::{PeerError, Purpose, subject::NotOurs},
    tests::wire::{Client, frame, topic_name},
};

fn question(replica: i32) -> OffsetForLeaderEpochRequest {
    let partition = OffsetForLeaderPartition::default();
    let topic = OffsetForLeaderTopic::default()
        .with_topic(topic_name("no-such-topic"))
        .with_partitions(vec![partition]);
    OffsetForLeaderEpochRequest::default().with_replica_id(WireId(replica)).with_topics(vec![topic])
}

/// The error of the one partition that is asked for.
pub(super) fn ask(asker: &Asker, to: BrokerId, replica: i32) -> Result<i16, PeerError> {
    let request = question(replica);
    let answer = asker.peers.ask_blocking((to, Purpose::Replica(0)), &request, PATIENCE)?;
    Ok(answer.topics[0].partitions[0].error_code)
}

const UNKNOWN: i16 = 3;

#[test]
fn a_node_with_a_certificate_of_the_cluster_is_let_in() {
    let authority = Authority::new();
    let node = Node::start(&authority);
    let asker = Asker::of(&authority, &node);
    assert_eq!(ask(&asker, BrokerId(1), 2).unwrap(), UNKNOWN);
}

#[test]
fn a_certificate_of_another_authority_cluster_or_kind_is_turned_away() {
    let (authority, other) = (Authority::new(), Authority::new());
    let node = Node::start(&authority);
    let from = |keystore: String, cluster: &str, id| {
        let files = authority.files_of(&keystore, &authority.pem());
        let identity = super::super::Identity::load(files, BrokerId(id), Some(cluster));
        Asker::new(Manner::Tls(Arc::new(identity.unwrap())), BrokerId(1), node.peer_address())
    };
    // the other side has let it connect, looks at the certificate, and hangs up
    let foreign = from(other.sign("node-2", CLUSTER), CLUSTER, 2);
    assert!(matches!(ask(&foreign, BrokerId(1), 2), Err(PeerError::Unreachable { .. })));
    // here it is the asker who sees it first
    let elsewhere = from(authority.sign("node-2", "elsewhere"), "elsewhere", 2);
    let refused = ask(&elsewhere, BrokerId(1), 2);
    assert!(matches!(refused, Err(PeerError::NotOurs(NotOurs::Cluster { .. }))), "{refused:?}");
}

#[test]
fn a_client_without_tls_is_turned_away() {
    let authority = Authority::new();
    let node = Node::start(&authority);
    let plain = Asker::new(Manner::PlainText, BrokerId(1), node.peer_address());
    // an alert of TLS is no answer of Kafka's
    let turned = ask(&plain, BrokerId(1), 2);
    let (gone, alert) = (
        matches!(turned, Err(PeerError::Unreachable { .. })),
        matches!(turned, Err(PeerError::Malformed(_))),
    );
    assert!(gone || alert, "{turned:?}");
    // one with a certificate still is let in
    assert_eq!(ask(&Asker::of(&authority, &node), BrokerId(1), 2).unwrap(), UNKNOWN);
}

#[test]
fn a_node_that_is_not_the_one_that_was_meant_is_not_asked() {
    let authority = Authority::new();
    let node = Node::start(&authority);
    let identity = Arc::new(authority.identity(2, CLUSTER));
    let asker = Asker::new(Manner::Tls(identity), BrokerId(7), node.peer_address());
    let refused = ask(&asker, BrokerId(7), 2);
    let expected = NotOurs::Node { found: 1, expected: 7 };
    assert!(matches!(&refused, Err(PeerError::NotOurs(why)) if *why == expected), "{refused:?}");
}

#[test]
fn a_server_whose_id_nobody_knows_is_asked_all_the_same() {
    let authority = Authority::new();
    let node = Node::start(&authority);
    let address = node.peer_address();
    let asker = Asker::of(&authority, &node);
    asker.peers.learn_bootstrap(&[(address.ip().to_string(), address.port())]);
    assert_eq!(asker.peers.bootstrap(), [BrokerId(-2)]);
    assert_eq!(ask(&asker, BrokerId(-2), 2).unwrap(), UNKNOWN);
}

#[test]
fn a_peer_does_not_speak_as_another() {
    let authority = Authority::new();
    let node = Node::start(&authority);
    let asker = Asker::of(&authority, &node);
    let denied = ErrorCode::ClusterAuthorizationFailed.code();
    assert_eq!(ask(&asker, BrokerId(1), 3).unwrap(), denied);
    let fetch = |replica| {
        let state = ReplicaState::default().with_replica_id(WireId(replica));
        let request = FetchRequest::default().with_replica_state(state);
        asker.peers.ask_blocking((BrokerId(1), Purpose::Replica(1)), &request, PATIENCE)
    };
    assert!(matches!(fetch(3), Err(PeerError::Unreachable { .. })), "the connection is closed");
}

#[test]
fn in_plain_text_a_peer_is_who_it_says() {
    let node = Node::with(None, true);
    let asker = Asker::new(Manner::PlainText, BrokerId(1), node.peer_address());
    assert_eq!(ask(&asker, BrokerId(1), 5).unwrap(), UNKNOWN);
}

#[test]
fn a_client_listener_closes_on_what_only_peers_may_ask() {
    let authority = Authority::new();
    let node = Node::start(&authority);
    for &(api, version) in peers() {
        if matches!(api, ApiKey::Fetch | ApiKey::ListOffsets | ApiKey::OffsetForLeaderEpoch) {
            continue;
        }
        let mut client = Client::connect(node.client_address());
        std::io::Write::write_all(&mut client.stream, &frame(api, version, &[0; 64])).unwrap();
        assert!(client.is_closed(), "{api:?}");
    }
}

#[test]
fn a_client_that_claims_to_be_a_replica_is_refused() {
    let authority = Authority::new();
    let node = Node::start(&authority);
    let mut client = Client::connect(node.client_address());
    let denied = ErrorCode::ClusterAuthorizationFailed.code();

    let state = ReplicaState::default().with_replica_id(WireId(1));
    let topic = FetchTopic::default().with_partitions(vec![FetchPartition::default()]);
    let fetch = FetchRequest::default().with_replica_state(state).with_topics(vec![topic]);
    assert_eq!(client.call(18, &fetch).error_code, denied);

    let topic = ListOffsetsTopic::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![ListOffsetsPartition::default()]);
    let list = ListOffsetsRequest::default().with_replica_id(WireId(1)).with_topics(vec![topic]);
    assert_eq!(client.call(10, &list).topics[0].partitions[0].error_code, denied);

    let answer = client.call(4, &question(1));
    assert_eq!(answer.topics[0].partitions[0].error_code, denied);
    assert_eq!(client.call(4, &question(-1)).topics[0].partitions[0].error_code, UNKNOWN);
}
