//! Consumer groups over real sockets: join, sync, heartbeat, leave, commit, restart.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[path = "groups/client.rs"]
mod client;
#[path = "groups/server.rs"]
mod server;

mod groups {
    pub(crate) mod member;
}

use std::time::Duration;

use bytes::Bytes;
use client::{Client, topic_name};
use groups::member::{Ids, Member, group, group_called, until};
use kastellan_protocol::{
    ErrorCode,
    messages::{
        DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, JoinGroupResponse,
        ListGroupsRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
        SyncGroupResponse,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
        offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopic},
    },
};
use server::Server;

/// Long enough for anything that is not broken.
const SOON: Duration = Duration::from_secs(20);

/// A broker whose groups hear of the silent soon, in few partitions.
fn start() -> Server {
    Server::start(&[("group.min.session.timeout.ms", "500"), ("offsets.topic.num.partitions", "5")])
}

fn commit(version: i16, member: &Ids, topic: &str, offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(0)
        .with_committed_offset(offset)
        .with_committed_metadata(Some("note".into()));
    let request = OffsetCommitRequest::default()
        .with_group_id(group())
        .with_generation_id_or_member_epoch(member.generation)
        .with_member_id(member.id.clone())
        .with_topics(vec![
            OffsetCommitRequestTopic::default()
                .with_name(topic_name(topic))
                .with_partitions(vec![partition]),
        ]);
    if version >= 5 { request } else { request.with_retention_time_ms(-1) }
}

fn fetch_old(client: &mut Client, version: i16, topic: &str) -> (i16, i64, i16) {
    let topics = vec![
        OffsetFetchRequestTopic::default()
            .with_name(topic_name(topic))
            .with_partition_indexes(vec![0]),
    ];
    let request = OffsetFetchRequest::default().with_group_id(group()).with_topics(Some(topics));
    let response = client.call(version, &request);
    let partition = &response.topics[0].partitions[0];
    (response.error_code, partition.committed_offset, partition.error_code)
}

fn fetch_all(client: &mut Client, version: i16) -> (i16, Vec<i64>) {
    let asked = OffsetFetchRequestGroup::default().with_group_id(group()).with_topics(None);
    let request = OffsetFetchRequest::default().with_groups(vec![asked]);
    let response = client.call(version, &request);
    let partitions = response.groups[0].topics.iter().flat_map(|topic| &topic.partitions);
    (response.groups[0].error_code, partitions.map(|it| it.committed_offset).collect())
}

#[test]
fn the_coordinator_of_the_first_group_is_found_at_once() {
    let server = start();
    let mut client = server.connect();
    for version in 0..=6 {
        let keys = vec!["g".into(), "h".into()];
        let request = match version {
            0..=3 => FindCoordinatorRequest::default().with_key("g".into()),
            _ => FindCoordinatorRequest::default().with_coordinator_keys(keys),
        };
        let found = client.call(version, &request);
        let (code, node, port) = if version <= 3 {
            (found.error_code, found.node_id, found.port)
        } else {
            let last = &found.coordinators[1];
            assert_eq!((found.coordinators.len(), &*last.key), (2, "h"));
            (last.error_code, last.node_id, last.port)
        };
        assert_eq!((code, *node, port), (0, 1, i32::from(server.address().port())));
    }
    let share = FindCoordinatorRequest::default()
        .with_key_type(2)
        .with_coordinator_keys(vec!["g:x:0".into()]);
    let found = client.call(6, &share);
    assert_eq!(found.coordinators[0].error_code, ErrorCode::InvalidRequest.code());
}

#[test]
fn two_consumers_share_a_group_and_one_takes_over_when_the_other_leaves() {
    let server = start();
    let mut one = Member::connect(&server);
    one.find();
    one.join_with_id(5);
    assert_eq!((one.generation, one.members.len()), (1, 1));
    one.sync(3, &["all"]);
    assert_eq!((one.heartbeat(3), one.assignment.as_str()), (0, "all"));

    let mut two = Member::connect(&server);
    two.ask_for_id(5);
    let parked = two.send_join(5);
    let rebalance = ErrorCode::RebalanceInProgress.code();
    one.until(SOON, |one| one.heartbeat(3) == rebalance);
    one.join(5);
    two.take_join(parked, 5);
    assert_eq!((one.generation, two.generation), (2, 2));
    assert_eq!((one.members.len(), two.members.len()), (2, 0));
    assert_eq!(two.leader, one.id);

    let parked = two.send_sync(3, &[]);
    one.sync(3, &["left", "right"]);
    two.take_sync(parked, 3);
    let mut shares = [one.assignment.clone(), two.assignment.clone()];
    shares.sort();
    assert_eq!(shares, ["left", "right"]);

    assert_eq!(one.leave(3), 0);
    assert_eq!(two.heartbeat(3), rebalance);
    two.join(9);
    assert_eq!((two.generation, two.members.len()), (3, 1));
    two.sync(5, &["all"]);
    assert_eq!((two.heartbeat(4), two.assignment.as_str()), (0, "all"));
    assert_eq!(one.heartbeat(4), ErrorCode::UnknownMemberId.code());
}

#[test]
fn every_version_of_join_and_sync_is_served() {
    let server = start();
    for version in 0..=9 {
        let mut member = Member::connect(&server);
        member.find();
        if version >= 4 {
            member.join_with_id(version);
        } else {
            member.join(version);
        }
        assert_eq!((member.members.len(), member.leader.clone()), (1, member.id.clone()));
        member.sync(version.min(5), &["mine"]);
        assert_eq!(member.assignment, "mine");
        assert_eq!(member.heartbeat(version.min(4)), 0);
        assert_eq!(member.leave(version.min(5)), 0);
    }
}

#[test]
fn a_commit_survives_a_restart() {
    let server = start();
    let mut member = Member::connect(&server);
    server.create_topic("t");
    member.find();
    member.join_with_id(5);
    member.sync(3, &["all"]);
    let ids = member.ids();
    for version in 2..=9 {
        let offset = i64::from(version) * 10;
        let response = member.client.call(version, &commit(version, &ids, "t", offset));
        assert_eq!(response.topics[0].partitions[0].error_code, 0, "version {version}");
    }
    let response = member.client.call(9, &commit(9, &ids, "missing", 1));
    let unknown = ErrorCode::UnknownTopicOrPartition.code();
    assert_eq!(response.topics[0].partitions[0].error_code, unknown);

    let server = server.restart();
    let mut client = server.connect();
    // the log is read in the background: until then the answer is 14
    let loading = ErrorCode::CoordinatorLoadInProgress.code();
    until(SOON, || fetch_all(&mut client, 8).0 != loading);
    for version in 2..=7 {
        assert_eq!(fetch_old(&mut client, version, "t"), (0, 90, 0));
        assert_eq!(fetch_old(&mut client, version, "never-committed"), (0, -1, 0));
    }
    assert_eq!(fetch_old(&mut client, 1, "t"), (0, 90, 0));
    for version in 8..=9 {
        assert_eq!(fetch_all(&mut client, version), (0, vec![90]));
    }
    // the member is remembered, too, and goes on in its generation
    let mut back = Member::connect(&server);
    (back.id, back.generation) = (member.id.clone(), member.generation);
    assert_eq!(back.heartbeat(3), 0);
}

#[test]
fn a_deleted_topic_takes_its_offsets_along() {
    let server = start();
    let mut member = Member::connect(&server);
    server.create_topic("t");
    member.find();
    member.generation = -1;
    let ids = member.ids();
    let response = member.client.call(9, &commit(9, &ids, "t", 5));
    assert_eq!(response.topics[0].partitions[0].error_code, 0);
    assert_eq!(fetch_old(&mut member.client, 7, "t").1, 5);
    server.delete_topic("t");
    server.create_topic("t");
    assert_eq!(fetch_old(&mut member.client, 7, "t").1, -1);
    assert_eq!(fetch_all(&mut member.client, 9), (0, vec![]));
}

#[test]
fn groups_are_described_and_listed() {
    let server = start();
    let mut member = Member::connect(&server);
    member.find();
    let dead = DescribeGroupsRequest::default().with_groups(vec![group_called("nobody")]);
    for version in 0..=6 {
        let described = member.client.call(version, &dead);
        let expected = if version < 6 { 0 } else { ErrorCode::GroupIdNotFound.code() };
        assert_eq!(
            (described.groups[0].error_code, &*described.groups[0].group_state),
            (expected, "Dead")
        );
    }
    member.join_with_id(5);
    member.sync(3, &["all"]);
    let request = DescribeGroupsRequest::default().with_groups(vec![group()]);
    let described = member.client.call(5, &request);
    let shown = &described.groups[0];
    assert_eq!((&*shown.group_state, &*shown.protocol_data), ("Stable", "range"));
    assert_eq!(&*shown.members[0].client_host, "/127.0.0.1");
    assert_eq!(shown.members[0].member_assignment, "all");
    let listed = member.client.call(5, &ListGroupsRequest::default());
    let line = &listed.groups[0];
    assert_eq!(
        (listed.groups.len(), &*line.group_state, &*line.group_type),
        (1, "Stable", "classic")
    );
    let empty = ListGroupsRequest::default().with_states_filter(vec!["Empty".into()]);
    assert!(member.client.call(4, &empty).groups.is_empty());
}

#[test]
fn a_silent_member_is_out_although_nobody_asks() {
    let server = start();
    let mut member = Member::connect(&server);
    member.session_ms = 500;
    member.find();
    member.join_with_id(5);
    member.sync(3, &["all"]);
    let request = DescribeGroupsRequest::default().with_groups(vec![group()]);
    until(SOON, || &*member.client.call(5, &request).groups[0].group_state == "Empty");
    assert_eq!(member.heartbeat(3), ErrorCode::UnknownMemberId.code());
}

#[test]
fn who_is_parked_when_the_broker_stops_is_told_to_look_elsewhere() {
    let server = start();
    let mut one = Member::connect(&server);
    one.find();
    one.join_with_id(5);
    one.sync(3, &["all"]);
    let mut two = Member::connect(&server);
    two.ask_for_id(5);
    let parked = two.send_join(5);
    let rebalance = ErrorCode::RebalanceInProgress.code();
    one.until(SOON, |one| one.heartbeat(3) == rebalance);
    drop(server);
    let answer: JoinGroupResponse = two.client.take(5, parked);
    assert_eq!(answer.error_code, ErrorCode::NotCoordinator.code());
}

#[test]
fn what_does_not_fit_into_a_batch_is_refused_and_the_group_goes_on() {
    let server = start();
    server.create_topic("t");
    let mut member = Member::connect(&server);
    member.find();
    member.metadata = Bytes::from(vec![7; 1_200_000]);
    member.join_with_id(5);
    let parked = member.send_sync(3, &["all"]);
    let answer: SyncGroupResponse = member.client.take(3, parked);
    assert_eq!(answer.error_code, ErrorCode::UnknownServerError.code());
    assert_eq!(member.heartbeat(3), ErrorCode::RebalanceInProgress.code());
    member.metadata = Bytes::from_static(b"topics");
    member.join(5);
    member.sync(3, &["all"]);

    let mut large = commit(9, &member.ids(), "t", 1);
    let partition = &mut large.topics[0].partitions[0];
    partition.committed_metadata = Some("x".repeat(4096).into());
    let partition = partition.clone();
    large.topics[0].partitions = vec![partition; 300];
    let answer = member.client.call(9, &large);
    let codes = answer.topics[0].partitions.iter().map(|it| it.error_code);
    let too_large = ErrorCode::InvalidCommitOffsetSize.code();
    assert!(codes.clone().all(|code| code == too_large), "{:?}", codes.collect::<Vec<_>>());
    assert_eq!(member.heartbeat(3), 0, "a commit that is too large disturbs nobody");
}

/// Joins, syncs and commits as the only member of the group; its ids.
fn settle(member: &mut Member) -> Ids {
    member.find();
    member.join_with_id(5);
    member.sync(3, &["all"]);
    let ids = member.ids();
    let response = member.client.call(9, &commit(9, &ids, "t", 7));
    assert_eq!(response.topics[0].partitions[0].error_code, 0);
    ids
}

fn deleted(client: &mut Client, version: i16) -> i16 {
    let request = DeleteGroupsRequest::default().with_groups_names(vec![group(), group()]);
    let response = client.call(version, &request);
    assert_eq!(response.results.len(), 1, "a group named twice is answered once");
    response.results[0].error_code
}

#[test]
fn a_deleted_group_stays_deleted_after_a_restart() {
    let server = start();
    server.create_topic("t");
    let mut member = Member::connect(&server);
    settle(&mut member);
    let mut client = server.connect();
    assert_eq!(deleted(&mut client, 2), ErrorCode::NonEmptyGroup.code());
    assert_eq!(fetch_all(&mut client, 9), (0, vec![7]));
    assert_eq!(member.leave(5), 0);
    assert_eq!(deleted(&mut client, 0), 0);
    assert_eq!(deleted(&mut client, 1), ErrorCode::GroupIdNotFound.code());
    assert_eq!(member.heartbeat(3), ErrorCode::UnknownMemberId.code());

    let server = server.restart();
    let mut client = server.connect();
    let loading = ErrorCode::CoordinatorLoadInProgress.code();
    until(SOON, || fetch_all(&mut client, 8).0 != loading);
    assert_eq!(fetch_all(&mut client, 9), (0, vec![]));
    assert_eq!(deleted(&mut client, 2), ErrorCode::GroupIdNotFound.code());
}

#[test]
fn deleted_offsets_stay_deleted_after_a_restart() {
    let server = start();
    server.create_topic("t");
    let mut member = Member::connect(&server);
    let delete = |client: &mut Client, topic: &str| {
        let partition = OffsetDeleteRequestPartition::default().with_partition_index(0);
        let topic = OffsetDeleteRequestTopic::default()
            .with_name(topic_name(topic))
            .with_partitions(vec![partition]);
        let request =
            OffsetDeleteRequest::default().with_group_id(group()).with_topics(vec![topic]);
        let response = client.call(0, &request);
        let fate = response.topics.first().map(|topic| topic.partitions[0].error_code);
        (response.error_code, fate)
    };
    let ids = settle(&mut member);
    // what this member says about itself is no subscription: it may read anything
    let subscribed = Some(ErrorCode::GroupSubscribedToTopic.code());
    let mut client = server.connect();
    assert_eq!(delete(&mut client, "t"), (0, subscribed));
    assert_eq!(member.leave(5), 0);
    let unknown = Some(ErrorCode::UnknownTopicOrPartition.code());
    assert_eq!(delete(&mut client, "missing"), (0, unknown));
    assert_eq!(fetch_all(&mut client, 9), (0, vec![7]));
    assert_eq!(delete(&mut client, "t"), (0, Some(0)));

    let server = server.restart();
    let mut client = server.connect();
    let loading = ErrorCode::CoordinatorLoadInProgress.code();
    until(SOON, || fetch_all(&mut client, 8).0 != loading);
    assert_eq!(fetch_all(&mut client, 9), (0, vec![]));
    // the group is still there, and counts on from its generation
    let mut back = Member::connect(&server);
    back.join_with_id(5);
    assert!(back.generation > ids.generation);
}
