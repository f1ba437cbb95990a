//! Several members: rebalances, and static members that take each other's place.

use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::{
    DescribeGroupsRequest, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest,
    OffsetCommitRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::StrBytes;

use super::groups::{alone, beat, join, leave, sync};
use super::{coordinated, g, s};
use crate::oracle::side::Side;

pub(super) fn play(side: &mut Side) {
    two(side);
    fixed(side);
}

/// A second member joins, the first follows, both sync, one leaves.
fn two(side: &mut Side) {
    side.scene("two-members");
    let joining = side.newest::<JoinGroupRequest>();
    let syncing = side.newest::<SyncGroupRequest>();
    let beating = side.newest::<HeartbeatRequest>();
    let describing = side.newest::<DescribeGroupsRequest>();
    let (generation, first) = alone(side, "tm");
    let mut other = None;
    side.swap(&mut other);
    let given = side.ask("second-asks", joining, &join(joining, "tm", &StrBytes::default()));
    let second = given.member_id;
    let join_turn = side.send(joining, &join(joining, "tm", &second));
    side.swap(&mut other);
    side.ask_until("first-hears", beating, &beat("tm", generation, &first), |answer| {
        answer.error_code != 0
    });
    let describe = DescribeGroupsRequest::default().with_groups(vec![g("tm")]);
    side.ask("rebalancing", describing, &describe);
    side.ask("sync-while-rebalancing", syncing, &sync(syncing, "tm", generation, &first, &[]));
    let commit = OffsetCommitRequest::default()
        .with_group_id(g("tm"))
        .with_generation_id_or_member_epoch(generation)
        .with_member_id(first.clone());
    side.ask("commit-while-rebalancing", side.newest::<OffsetCommitRequest>(), &commit);
    let joined = side.ask("first-follows", joining, &join(joining, "tm", &first));
    let next = joined.generation_id;
    side.swap(&mut other);
    side.receive::<JoinGroupRequest>("second-is-in", joining, join_turn);
    let sync_turn = side.send(syncing, &sync(syncing, "tm", next, &second, &[]));
    side.swap(&mut other);
    side.ask("beat-before-sync", beating, &beat("tm", next, &first));
    side.ask("completing", describing, &describe);
    side.ask(
        "first-syncs",
        syncing,
        &sync(syncing, "tm", next, &first, &[first.clone(), second.clone()]),
    );
    side.swap(&mut other);
    side.receive::<SyncGroupRequest>("second-syncs", syncing, sync_turn);
    side.swap(&mut other);
    side.ask("beat-old-generation", beating, &beat("tm", generation, &first));
    side.ask("beat", beating, &beat("tm", next, &first));
    side.ask("both-stable", describing, &describe);
    let leaving = side.newest::<LeaveGroupRequest>();
    side.ask("second-leaves", leaving, &leave(leaving, "tm", &second));
    side.ask("first-hears-of-it", beating, &beat("tm", next, &first));
    side.ask("first-is-alone", joining, &join(joining, "tm", &first));
    side.ask("last-leaves", leaving, &leave(leaving, "tm", &first));
    side.ask("left", describing, &describe);
}

/// A static member comes back, replaces itself, and is fenced.
fn fixed(side: &mut Side) {
    side.scene("static");
    for version in side.versions::<JoinGroupRequest>().filter(|version| *version >= 5) {
        let group = format!("st-{version}");
        coordinated(side, &group);
        let none = StrBytes::default();
        let as_fixed = |member: &StrBytes| {
            join(version, &group, member).with_group_instance_id(Some(s("fixed")))
        };
        let joined = side.ask("first", version, &as_fixed(&none));
        let (generation, first) = (joined.generation_id, joined.member_id);
        let syncing = side.newest::<SyncGroupRequest>();
        let own = sync(syncing, &group, generation, &first, std::slice::from_ref(&first))
            .with_group_instance_id(Some(s("fixed")));
        side.ask("syncs", syncing, &own);
        let again = side.ask("comes-back", version, &as_fixed(&none));
        let second = again.member_id;
        let beating = side.newest::<HeartbeatRequest>();
        let beat_as = |member: &StrBytes| {
            beat(&group, again.generation_id, member).with_group_instance_id(Some(s("fixed")))
        };
        side.ask("fenced-beat", beating, &beat_as(&first));
        side.ask("beat", beating, &beat_as(&second));
        side.ask("fenced-join", version, &as_fixed(&first));
        side.ask("fenced-sync", syncing, &own.clone().with_generation_id(again.generation_id));
        let mut after = own.with_generation_id(again.generation_id);
        after.member_id = second.clone();
        after.assignments.clear();
        side.ask("syncs-again", syncing, &after);
        let describing = side.newest::<DescribeGroupsRequest>();
        let describe = DescribeGroupsRequest::default().with_groups(vec![g(&group)]);
        side.ask("described", describing, &describe);
        let leaving = side.newest::<LeaveGroupRequest>();
        let instance = |member: &StrBytes| {
            let identity = MemberIdentity::default()
                .with_member_id(member.clone())
                .with_group_instance_id(Some(s("fixed")));
            LeaveGroupRequest::default().with_group_id(g(&group)).with_members(vec![identity])
        };
        side.ask("fenced-leave", leaving, &instance(&first));
        side.ask("leaves", leaving, &instance(&none));
        side.ask("left", describing, &describe);
    }
}
