//! What an admin has a coordinator forget: groups and offsets.

use bytes::Bytes;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::{
    CreatePartitionsRequest, DeleteGroupsRequest, DescribeGroupsRequest, HeartbeatRequest,
    JoinGroupRequest, LeaveGroupRequest, OffsetCommitRequest, OffsetDeleteRequest,
    OffsetFetchRequest,
};
use kafka_protocol::protocol::StrBytes;

use super::groups::{alone, beat, join, leave, sync};
use super::{coordinated, g, make, s, t};
use crate::oracle::side::Side;

pub(super) fn play(side: &mut Side) {
    // members of the groups read "cm"; what else they committed for, nobody reads
    make(side, "cm", 2, &[]);
    make(side, "fo", 3, &[]);
    groups(side);
    offsets(side);
    twice(side);
    others(side);
    larger(side);
}

/// Commits for partition 0 of each topic, and for 1 of the first, from outside of the group or as a
/// member.
fn commit(side: &mut Side, group: &str, member: Option<(i32, &StrBytes)>) {
    let topic = |name: &str, indexes: &[i32]| {
        let part = |index: &i32| {
            OffsetCommitRequestPartition::default()
                .with_partition_index(*index)
                .with_committed_offset(7)
                .with_committed_leader_epoch(-1)
                .with_committed_metadata(Some(s("")))
        };
        OffsetCommitRequestTopic::default()
            .with_name(t(name))
            .with_partitions(indexes.iter().map(part).collect())
    };
    let (generation, member) = member.map_or((-1, s("")), |(of, id)| (of, id.clone()));
    let request = OffsetCommitRequest::default()
        .with_group_id(g(group))
        .with_generation_id_or_member_epoch(generation)
        .with_member_id(member)
        .with_topics(vec![topic("cm", &[0, 1]), topic("fo", &[0])]);
    side.quiet(side.newest::<OffsetCommitRequest>(), &request);
}

fn committed(side: &mut Side, case: &str, group: &str) {
    let group = OffsetFetchRequestGroup::default().with_group_id(g(group)).with_topics(None);
    let request = OffsetFetchRequest::default().with_groups(vec![group]);
    side.ask(case, side.newest::<OffsetFetchRequest>(), &request);
}

fn described(side: &mut Side, case: &str, group: &str) {
    let request = DescribeGroupsRequest::default().with_groups(vec![g(group)]);
    side.ask(case, side.newest::<DescribeGroupsRequest>(), &request);
}

fn groups(side: &mut Side) {
    side.scene("delete-groups");
    for version in side.versions::<DeleteGroupsRequest>() {
        let ask = |groups: &[&str]| {
            DeleteGroupsRequest::default()
                .with_groups_names(groups.iter().map(|group| g(group)).collect())
        };
        let group = format!("dl-{version}");
        let (only, joined) = (format!("do-{version}"), format!("dj-{version}"));
        let (generation, member) = alone(side, &group);
        commit(side, &group, Some((generation, &member)));
        coordinated(side, &only);
        commit(side, &only, None);
        side.ask("stable", version, &ask(&[&group]));
        side.ask("unknown", version, &ask(&["no-such-group"]));
        side.ask("nameless", version, &ask(&[""]));
        side.ask("none", version, &ask(&[]));
        side.ask("twice", version, &ask(&["no-such-group", "no-such-group"]));
        side.ask("several", version, &ask(&[&group, "no-such-group", &only, "neither"]));
        described(side, "only-offsets-gone", &only);
        committed(side, "only-offsets-committed", &only);
        let leaving = side.newest::<LeaveGroupRequest>();
        side.quiet(leaving, &leave(leaving, &group, &member));
        side.ask("empty", version, &ask(&[&group]));
        side.ask("again", version, &ask(&[&group]));
        described(side, "gone", &group);
        committed(side, "gone-committed", &group);
        let beating = side.newest::<HeartbeatRequest>();
        side.ask("gone-beat", beating, &beat(&group, generation, &member));

        // somebody was only given an id
        coordinated(side, &joined);
        let joining = side.newest::<JoinGroupRequest>();
        let given = side.quiet(joining, &join(joining, &joined, &StrBytes::default()));
        side.ask("given-an-id", version, &ask(&[&joined]));
        side.ask("comes-with-it", joining, &join(joining, &joined, &given.member_id));
    }
}

fn to_delete(group: &str, topics: &[(&str, &[i32])]) -> OffsetDeleteRequest {
    let topic = |(name, indexes): &(&str, &[i32])| {
        let part =
            |index: &i32| OffsetDeleteRequestPartition::default().with_partition_index(*index);
        OffsetDeleteRequestTopic::default()
            .with_name(t(name))
            .with_partitions(indexes.iter().map(part).collect())
    };
    OffsetDeleteRequest::default()
        .with_group_id(g(group))
        .with_topics(topics.iter().map(topic).collect())
}

fn offsets(side: &mut Side) {
    side.scene("offset-delete");
    let ask = |side: &mut Side, case: &str, group: &str, topics: &[(&str, &[i32])]| {
        side.ask(case, 0, &to_delete(group, topics));
    };
    coordinated(side, "od");
    commit(side, "od", None);
    ask(side, "unknown-group", "no-such-group", &[("fo", &[0])]);
    ask(side, "unknown-group-and-topic", "no-such-group", &[("no-such-topic", &[0])]);
    ask(side, "unknown-group-nothing", "no-such-group", &[]);
    ask(side, "nameless", "", &[("fo", &[0])]);
    ask(side, "nothing", "od", &[]);
    ask(side, "no-partitions", "od", &[("fo", &[])]);
    ask(side, "unknown-topic", "od", &[("no-such-topic", &[0, 1])]);
    ask(side, "unknown-partition", "od", &[("fo", &[3, -1])]);
    ask(side, "mixed", "od", &[("fo", &[3, 1]), ("no-such-topic", &[0]), ("cm", &[1])]);
    committed(side, "after-mixed", "od");
    ask(side, "one", "od", &[("cm", &[0])]);
    ask(side, "twice", "od", &[("fo", &[0, 0])]);
    committed(side, "after-all", "od");
    described(side, "described-after-all", "od");
    ask(side, "once-more", "od", &[("fo", &[0])]);

    let (generation, member) = alone(side, "os");
    commit(side, "os", Some((generation, &member)));
    ask(side, "subscribed", "os", &[("cm", &[0]), ("fo", &[0])]);
    ask(side, "subscribed-mixed", "os", &[("cm", &[1, 9]), ("no-such-topic", &[0])]);
    committed(side, "after-subscribed", "os");
    let leaving = side.newest::<LeaveGroupRequest>();
    side.quiet(leaving, &leave(leaving, "os", &member));
    ask(side, "left", "os", &[("cm", &[0])]);
    committed(side, "after-left", "os");
    described(side, "described-after-left", "os");
}

/// What is named twice, where an answer is longer than the question.
fn twice(side: &mut Side) {
    side.scene("offset-fetch-twice");
    coordinated(side, "ot");
    commit(side, "ot", None);
    let version = side.newest::<OffsetFetchRequest>();
    let group = |indexes: &[i32]| {
        let topic = OffsetFetchRequestTopics::default()
            .with_name(t("cm"))
            .with_partition_indexes(indexes.to_vec());
        OffsetFetchRequestGroup::default().with_group_id(g("ot")).with_topics(Some(vec![topic]))
    };
    let ask = |groups| OffsetFetchRequest::default().with_groups(groups);
    side.ask("once", version, &ask(vec![group(&[1, 0])]));
    side.ask("partition", version, &ask(vec![group(&[0, 1, 0])]));
    side.ask("group", version, &ask(vec![group(&[0]), group(&[1])]));
}

/// Groups of others than consumers, and consumers that are not settled.
fn others(side: &mut Side) {
    side.scene("offset-delete-others");
    let joining = side.newest::<JoinGroupRequest>();
    let none = StrBytes::default();
    for (group, kind, bytes) in [
        ("oc", "connect", Bytes::from_static(b"whatever")),
        ("ob", "consumer", Bytes::from_static(b"\0\0\0\0\0\x09no topics")),
    ] {
        coordinated(side, group);
        commit(side, group, None);
        let as_kind = |member: &StrBytes| {
            let mut request = join(joining, group, member).with_protocol_type(s(kind));
            for protocol in &mut request.protocols {
                protocol.metadata = bytes.clone();
            }
            request
        };
        let given = side.quiet(joining, &as_kind(&none));
        side.ask(&format!("{kind}-given-an-id"), 0, &to_delete(group, &[("fo", &[1])]));
        let joined = side.quiet(joining, &as_kind(&given.member_id));
        side.ask(&format!("{kind}-completing"), 0, &to_delete(group, &[("fo", &[1])]));
        let syncing = side.newest::<kafka_protocol::messages::SyncGroupRequest>();
        let member = joined.member_id;
        let mut share =
            sync(syncing, group, joined.generation_id, &member, std::slice::from_ref(&member));
        share.protocol_type = Some(s(kind));
        side.quiet(syncing, &share);
        side.ask(&format!("{kind}-stable"), 0, &to_delete(group, &[("fo", &[1]), ("cm", &[0])]));
        let deletion = DeleteGroupsRequest::default().with_groups_names(vec![g(group)]);
        side.ask(&format!("{kind}-delete"), side.newest::<DeleteGroupsRequest>(), &deletion);
    }
}

/// The topic that groups live in cannot grow: every group would move.
fn larger(side: &mut Side) {
    side.scene("grow-offsets-topic");
    let topic =
        kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic::default()
            .with_name(t("__consumer_offsets"))
            .with_count(51)
            .with_assignments(None);
    for version in side.versions::<CreatePartitionsRequest>() {
        let request = CreatePartitionsRequest::default()
            .with_topics(vec![topic.clone()])
            .with_timeout_ms(10_000)
            .with_validate_only(true);
        side.ask("validated", version, &request);
    }
}
