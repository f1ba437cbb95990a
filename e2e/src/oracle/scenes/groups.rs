//! The life of a group with one scripted member, at every version; what others hear about it.

use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    DescribeGroupsRequest, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest,
    ListGroupsRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::StrBytes;

use super::{coordinated, g, s};
use crate::oracle::side::Side;

/// What a consumer embeds: version 0, the one topic `cm`, no user data. Kafka reads it (and says
/// nothing at all when it is something else), we do not.
const SUBSCRIPTION: &[u8] = b"\0\0\0\0\0\x01\0\x02cm\xff\xff\xff\xff";

/// A member that speaks `range`.
pub(super) fn join(version: i16, group: &str, member: &StrBytes) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(s("range"))
        .with_metadata(Bytes::from_static(SUBSCRIPTION));
    let request = JoinGroupRequest::default()
        .with_group_id(g(group))
        .with_session_timeout_ms(30_000)
        .with_member_id(member.clone())
        .with_protocol_type(s("consumer"))
        .with_protocols(vec![protocol]);
    if version >= 1 { request.with_rebalance_timeout_ms(30_000) } else { request }
}

/// The leader's assignment for itself, or a follower's question.
pub(super) fn sync(
    version: i16,
    group: &str,
    generation: i32,
    member: &StrBytes,
    for_members: &[StrBytes],
) -> SyncGroupRequest {
    let assignment = |member: &StrBytes| {
        SyncGroupRequestAssignment::default()
            .with_member_id(member.clone())
            .with_assignment(Bytes::copy_from_slice(b"some partitions"))
    };
    let request = SyncGroupRequest::default()
        .with_group_id(g(group))
        .with_generation_id(generation)
        .with_member_id(member.clone())
        .with_assignments(for_members.iter().map(assignment).collect());
    if version < 5 {
        return request;
    }
    request.with_protocol_type(Some(s("consumer"))).with_protocol_name(Some(s("range")))
}

pub(super) fn beat(group: &str, generation: i32, member: &StrBytes) -> HeartbeatRequest {
    HeartbeatRequest::default()
        .with_group_id(g(group))
        .with_generation_id(generation)
        .with_member_id(member.clone())
}

pub(super) fn leave(version: i16, group: &str, member: &StrBytes) -> LeaveGroupRequest {
    let request = LeaveGroupRequest::default().with_group_id(g(group));
    if version < 3 {
        return request.with_member_id(member.clone());
    }
    request.with_members(vec![MemberIdentity::default().with_member_id(member.clone())])
}

/// Joins and syncs as the only member; gives the generation and the member's id.
pub(super) fn alone(side: &mut Side, group: &str) -> (i32, StrBytes) {
    coordinated(side, group);
    let version = side.newest::<JoinGroupRequest>();
    let none = StrBytes::default();
    let first = side.quiet(version, &join(version, group, &none));
    let joined = side.quiet(version, &join(version, group, &first.member_id));
    let (generation, member) = (joined.generation_id, joined.member_id);
    let version = side.newest::<SyncGroupRequest>();
    side.quiet(version, &sync(version, group, generation, &member, std::slice::from_ref(&member)));
    (generation, member)
}

pub(super) fn play(side: &mut Side) {
    joins(side);
    syncs(side);
    beats(side);
    leaves(side);
    told(side);
}

fn joins(side: &mut Side) {
    side.scene("join");
    let none = StrBytes::default();
    for version in side.versions::<JoinGroupRequest>() {
        let group = format!("jo-{version}");
        coordinated(side, &group);
        let good = |member: &StrBytes| join(version, &group, member);
        let first = side.ask("first", version, &good(&none));
        // from version 4 on the first answer only gives an id
        let member = first.member_id.clone();
        if version >= 4 {
            side.ask("with-id", version, &good(&member));
        }
        side.ask("again", version, &good(&member));
        side.ask("unknown-member", version, &good(&s("nobody")));
        side.ask("empty-group", version, &join(version, "", &none));
        side.ask("short-session", version, &good(&none).with_session_timeout_ms(1));
        side.ask("long-session", version, &good(&none).with_session_timeout_ms(i32::MAX));
        side.ask("other-type", version, &good(&none).with_protocol_type(s("connect")));
        side.ask("no-type", version, &good(&none).with_protocol_type(s("")));
        side.ask("no-protocols", version, &good(&none).with_protocols(vec![]));
        let mut other = good(&none);
        for protocol in &mut other.protocols {
            protocol.name = s("other");
        }
        side.ask("other-protocol", version, &other);
        let fresh = format!("jf-{version}");
        side.ask(
            "fresh-no-protocols",
            version,
            &join(version, &fresh, &none).with_protocols(vec![]),
        );
        side.ask("fresh-no-type", version, &join(version, &fresh, &none).with_protocol_type(s("")));
        side.ask("fresh-unknown-member", version, &join(version, &fresh, &s("nobody")));
    }
}

fn syncs(side: &mut Side) {
    side.scene("sync");
    for version in side.versions::<SyncGroupRequest>() {
        let group = format!("sy-{version}");
        coordinated(side, &group);
        let joining = side.newest::<JoinGroupRequest>();
        let first = side.quiet(joining, &join(joining, &group, &StrBytes::default()));
        let joined = side.quiet(joining, &join(joining, &group, &first.member_id));
        let (generation, member) = (joined.generation_id, joined.member_id);
        let ask = |group: &str, generation: i32, member: &StrBytes| {
            sync(version, group, generation, member, std::slice::from_ref(member))
        };
        side.ask("old-generation", version, &ask(&group, generation - 1, &member));
        side.ask("next-generation", version, &ask(&group, generation + 1, &member));
        side.ask("unknown-member", version, &ask(&group, generation, &s("nobody")));
        side.ask("unknown-group", version, &ask("nobodys", generation, &member));
        side.ask("empty-group", version, &ask("", generation, &member));
        if version >= 5 {
            let good = || ask(&group, generation, &member);
            side.ask("other-type", version, &good().with_protocol_type(Some(s("connect"))));
            side.ask("other-protocol", version, &good().with_protocol_name(Some(s("other"))));
        }
        side.ask("good", version, &ask(&group, generation, &member));
        side.ask("again", version, &sync(version, &group, generation, &member, &[]));
    }
}

fn beats(side: &mut Side) {
    side.scene("heartbeat");
    let (generation, member) = alone(side, "hb");
    for version in side.versions::<HeartbeatRequest>() {
        side.ask("good", version, &beat("hb", generation, &member));
        side.ask("old-generation", version, &beat("hb", generation - 1, &member));
        side.ask("next-generation", version, &beat("hb", generation + 1, &member));
        side.ask("unknown-member", version, &beat("hb", generation, &s("nobody")));
        side.ask("no-member", version, &beat("hb", generation, &s("")));
        side.ask("unknown-group", version, &beat("nobodys", generation, &member));
        side.ask("empty-group", version, &beat("", generation, &member));
        if version >= 3 {
            let fixed = beat("hb", generation, &member).with_group_instance_id(Some(s("fixed")));
            side.ask("unknown-instance", version, &fixed);
        }
    }
}

fn leaves(side: &mut Side) {
    side.scene("leave");
    for version in side.versions::<LeaveGroupRequest>() {
        let group = format!("le-{version}");
        let (_, member) = alone(side, &group);
        side.ask("unknown-member", version, &leave(version, &group, &s("nobody")));
        side.ask("unknown-group", version, &leave(version, "nobodys", &member));
        side.ask("empty-group", version, &leave(version, "", &member));
        if version >= 3 {
            side.ask("no-members", version, &leave(version, &group, &member).with_members(vec![]));
            let fixed = MemberIdentity::default().with_group_instance_id(Some(s("fixed")));
            side.ask(
                "unknown-instance",
                version,
                &leave(version, &group, &member).with_members(vec![fixed]),
            );
            let mut two = leave(version, &group, &member);
            two.members.push(MemberIdentity::default().with_member_id(s("nobody")));
            side.ask("two", version, &two);
        } else {
            side.ask("good", version, &leave(version, &group, &member));
        }
        side.ask("again", version, &leave(version, &group, &member));
    }
}

fn told(side: &mut Side) {
    side.scene("describe");
    alone(side, "dg");
    let (_, gone) = alone(side, "empty");
    let version = side.newest::<LeaveGroupRequest>();
    side.quiet(version, &leave(version, "empty", &gone));
    for version in side.versions::<DescribeGroupsRequest>() {
        let ask = |groups: &[&str]| {
            DescribeGroupsRequest::default()
                .with_groups(groups.iter().map(|group| g(group)).collect())
        };
        side.ask("stable", version, &ask(&["dg"]));
        side.ask("empty", version, &ask(&["empty"]));
        side.ask("unknown", version, &ask(&["nobodys"]));
        side.ask("no-name", version, &ask(&[""]));
        side.ask("twice", version, &ask(&["dg", "dg"]));
        side.ask("none", version, &ask(&[]));
        if version >= 3 {
            side.ask("operations", version, &ask(&["dg"]).with_include_authorized_operations(true));
        }
    }
    side.scene("list-groups");
    for version in side.versions::<ListGroupsRequest>() {
        let list = |words: &[&str]| -> Vec<StrBytes> { words.iter().map(|word| s(word)).collect() };
        side.ask("all", version, &ListGroupsRequest::default());
        if version >= 4 {
            for (case, states) in [
                ("stable", &["Stable"][..]),
                ("lower-case", &["stable"]),
                ("no-such-state", &["Asleep"]),
                ("two", &["Stable", "Dead"]),
            ] {
                side.ask(
                    case,
                    version,
                    &ListGroupsRequest::default().with_states_filter(list(states)),
                );
            }
        }
        if version >= 5 {
            for (case, types) in
                [("classic", "classic"), ("consumer", "consumer"), ("no-such-type", "odd")]
            {
                side.ask(
                    case,
                    version,
                    &ListGroupsRequest::default().with_types_filter(list(&[types])),
                );
            }
        }
    }
}
