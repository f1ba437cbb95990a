//! What members of groups and those who look after groups ask.

use bytes::Bytes;

use super::super::types::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, HeartbeatRequest,
    JoinGroupRequest, LeaveGroupRequest, ListGroupsRequest, OffsetCommitRequest,
    OffsetDeleteRequest, OffsetFetchRequest, SyncGroupRequest,
    join_group_request::JoinGroupRequestProtocol,
    leave_group_request::MemberIdentity,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
    offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
};
use super::{Ask, GROUP, TOPIC, TRANSACTIONAL_ID, first_allowed, g, is_allowed, s, t};

pub(super) fn probe(asker: &mut impl Ask, name: &str) -> Option<bool> {
    Some(match name {
        "OFFSET_COMMIT" | "OFFSET_COMMIT_TOPIC" => offset_commit(asker, name),
        "OFFSET_FETCH" | "OFFSET_FETCH_TOPIC" | "OFFSET_FETCH_TOPIC/all" => {
            offset_fetch(asker, name)
        }
        "OFFSET_DELETE" | "OFFSET_DELETE_TOPIC" => offset_delete(asker, name),
        "FIND_GROUP" => find(asker, name, (0, GROUP)),
        "FIND_TRANSACTION" => find(asker, name, (1, TRANSACTIONAL_ID)),
        "JOIN_GROUP" => join(asker, name),
        "SYNC_GROUP" => sync(asker, name),
        "HEARTBEAT" => {
            let request = HeartbeatRequest::default()
                .with_group_id(g(GROUP))
                .with_generation_id(1)
                .with_member_id(s("nobody"));
            is_allowed(asker.ask(name, asker.newest::<HeartbeatRequest>(), &request).error_code)
        }
        "LEAVE_GROUP" => {
            let member = MemberIdentity::default().with_member_id(s("nobody"));
            let request =
                LeaveGroupRequest::default().with_group_id(g(GROUP)).with_members(vec![member]);
            is_allowed(asker.ask(name, asker.newest::<LeaveGroupRequest>(), &request).error_code)
        }
        "DESCRIBE_GROUPS" => {
            let request = DescribeGroupsRequest::default()
                .with_groups(vec![g(GROUP)])
                .with_include_authorized_operations(true);
            let answer = asker.ask(name, asker.newest::<DescribeGroupsRequest>(), &request);
            first_allowed(&answer.groups, |it| it.error_code)
        }
        "LIST_GROUPS" | "LIST_GROUPS_ALL" => {
            let request = ListGroupsRequest::default();
            let answer = asker.ask(name, asker.newest::<ListGroupsRequest>(), &request);
            answer.groups.iter().any(|it| it.group_id == g(GROUP))
        }
        "DELETE_GROUPS" => {
            let request = DeleteGroupsRequest::default().with_groups_names(vec![g(GROUP)]);
            let answer = asker.ask(name, asker.newest::<DeleteGroupsRequest>(), &request);
            first_allowed(&answer.results, |it| it.error_code)
        }
        _ => return None,
    })
}

/// Commits an offset as somebody who is in no group, which makes the group one of those that exist.
fn offset_commit(asker: &mut impl Ask, case: &str) -> bool {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(0)
        .with_committed_offset(1)
        .with_committed_leader_epoch(-1)
        .with_committed_metadata(Some(s("")));
    let topic =
        OffsetCommitRequestTopic::default().with_name(t(TOPIC)).with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(g(GROUP))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    let answer = asker.ask(case, asker.newest::<OffsetCommitRequest>(), &request);
    first_allowed(answer.topics.iter().flat_map(|topic| &topic.partitions), |it| it.error_code)
}

fn offset_fetch(asker: &mut impl Ask, case: &str) -> bool {
    let topic =
        OffsetFetchRequestTopics::default().with_name(t(TOPIC)).with_partition_indexes(vec![0]);
    let topics = (!case.ends_with("/all")).then(|| vec![topic]);
    let group = OffsetFetchRequestGroup::default().with_group_id(g(GROUP)).with_topics(topics);
    let request = OffsetFetchRequest::default().with_groups(vec![group]);
    let answer = asker.ask(case, asker.newest::<OffsetFetchRequest>(), &request);
    let topics = answer.groups.iter().flat_map(|group| &group.topics);
    first_allowed(&answer.groups, |it| it.error_code)
        && first_allowed(topics.flat_map(|topic| &topic.partitions), |it| it.error_code)
}

fn offset_delete(asker: &mut impl Ask, case: &str) -> bool {
    let partition = OffsetDeleteRequestPartition::default().with_partition_index(0);
    let topic =
        OffsetDeleteRequestTopic::default().with_name(t(TOPIC)).with_partitions(vec![partition]);
    let request = OffsetDeleteRequest::default().with_group_id(g(GROUP)).with_topics(vec![topic]);
    let answer = asker.ask(case, asker.newest::<OffsetDeleteRequest>(), &request);
    is_allowed(answer.error_code)
        && first_allowed(answer.topics.iter().flat_map(|it| &it.partitions), |it| it.error_code)
}

fn find(asker: &mut impl Ask, case: &str, (key_type, key): (i8, &str)) -> bool {
    let request = FindCoordinatorRequest::default()
        .with_key_type(key_type)
        .with_coordinator_keys(vec![s(key)]);
    let answer = asker.ask(case, asker.newest::<FindCoordinatorRequest>(), &request);
    first_allowed(&answer.coordinators, |it| it.error_code)
}

/// As a stranger, who is told to come again with an id.
fn join(asker: &mut impl Ask, case: &str) -> bool {
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(s("range"))
        .with_metadata(Bytes::from_static(b"\0\0\0\0\0\0\xff\xff\xff\xff"));
    let request = JoinGroupRequest::default()
        .with_group_id(g(GROUP))
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(10_000)
        .with_protocol_type(s("consumer"))
        .with_protocols(vec![protocol]);
    is_allowed(asker.ask(case, asker.newest::<JoinGroupRequest>(), &request).error_code)
}

fn sync(asker: &mut impl Ask, case: &str) -> bool {
    let request = SyncGroupRequest::default()
        .with_group_id(g(GROUP))
        .with_generation_id(1)
        .with_member_id(s("nobody"))
        .with_protocol_type(Some(s("consumer")))
        .with_protocol_name(Some(s("range")));
    is_allowed(asker.ask(case, asker.newest::<SyncGroupRequest>(), &request).error_code)
}
