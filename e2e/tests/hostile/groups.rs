//! Members of groups that are too many, too late, or somebody else; offsets with too much to say.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    DescribeGroupsRequest, FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest,
    OffsetCommitRequest,
};
use kastellan_e2e::process::pause;
use kastellan_e2e::wire::{Wire, frame, text};

use super::stage::{Stage, TOPIC};
use super::table::{Is, Row};

/// The newest version that lets a member in at once.
const AT_ONCE: i16 = 3;
/// The newest that lets a static member in at once, and knows it.
const STATIC: i16 = 5;

pub(crate) const ROWS: &[Row] = &[
    Row::new("one member more than a group may have", Is::Code(81), one_too_many),
    Row::new("a generation that is over", Is::Code(22), |stage| {
        let mut wire = coordinator(stage, "over")?;
        let (member, generation) = join(&mut wire, "over", None)?;

        beat(&mut wire, "over", generation + 7, &member, None)
    }),
    Row::new("a member that nobody knows", Is::Code(25), |stage| {
        let mut wire = coordinator(stage, "strange")?;
        let (_, generation) = join(&mut wire, "strange", None)?;
        beat(&mut wire, "strange", generation, "nobody", None)
    }),
    Row::new("a static member's name, from another", Is::Code(82), |stage| {
        let mut wire = coordinator(stage, "static")?;
        let (_, generation) = join(&mut wire, "static", Some("first"))?;
        beat(&mut wire, "static", generation, "another", Some("first"))
    }),
    Row::new("a protocol that no other member has", Is::Code(23), |stage| {
        let mut wire = coordinator(stage, "mixed")?;
        join(&mut wire, "mixed", None)?;
        let request = joining("mixed", None).with_protocol_type(text("other"));
        Ok(Is::Code(coordinator(stage, "mixed")?.call(AT_ONCE, &request)?.error_code))
    }),
    Row::new("an offset with 5,000 bytes of metadata", Is::Code(12), |stage| {
        commit(stage, "wordy", 0, &"x".repeat(5_000))
    }),
    Row::new("an offset of a partition that is not there", Is::Code(3), |stage| {
        commit(stage, "lost", 99, "")
    }),
    Row::new("a group without a name", Is::Code(24), |stage| {
        let mut wire = stage.wire()?;
        Ok(Is::Code(wire.call(AT_ONCE, &joining("", None))?.error_code))
    }),
    Row::new("a session of a day", Is::Code(26), |stage| {
        let mut wire = coordinator(stage, "long")?;
        let request = joining("long", None).with_session_timeout_ms(86_400_000);
        Ok(Is::Code(wire.call(AT_ONCE, &request)?.error_code))
    }),
];

fn group(name: &str) -> GroupId {
    text(name).into()
}

/// A connection, once the group's coordinator serves.
fn coordinator(stage: &Stage, name: &str) -> Result<Wire> {
    let mut wire = stage.wire()?;
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let found = wire.call(3, &FindCoordinatorRequest::default().with_key(text(name)))?;
        let described = DescribeGroupsRequest::default().with_groups(vec![group(name)]);
        let described = wire.call(0, &described)?;
        let serves = described.groups.iter().all(|group| group.error_code == 0);
        if found.error_code == 0 && serves {
            return Ok(wire);
        }
        ensure!(Instant::now() < deadline, "no coordinator: {found:?}");
        pause();
    }
}

fn joining(name: &str, instance: Option<&str>) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text("range"))
        .with_metadata(Bytes::from_static(&[0, 0]));
    JoinGroupRequest::default()
        .with_group_id(group(name))
        .with_session_timeout_ms(30_000)
        .with_rebalance_timeout_ms(30_000)
        .with_group_instance_id(instance.map(text))
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol])
}

/// The member's id and generation.
fn join(wire: &mut Wire, name: &str, instance: Option<&str>) -> Result<(String, i32)> {
    let version = if instance.is_some() { STATIC } else { AT_ONCE };
    let answer = wire.call(version, &joining(name, instance))?;
    ensure!(answer.error_code == 0, "{answer:?}");
    Ok((answer.member_id.to_string(), answer.generation_id))
}

fn beat(
    wire: &mut Wire,
    name: &str,
    generation: i32,
    member: &str,
    instance: Option<&str>,
) -> Result<Is> {
    let request = HeartbeatRequest::default()
        .with_group_id(group(name))
        .with_generation_id(generation)
        .with_member_id(text(member))
        .with_group_instance_id(instance.map(text));
    Ok(Is::Code(wire.call(3, &request)?.error_code))
}

/// Who has joined again while the second waited counts; who has not could have been replaced.
fn one_too_many(stage: &mut Stage) -> Result<Is> {
    let mut first = coordinator(stage, "full")?;
    let (member, _) = join(&mut first, "full", None)?;
    let mut second = stage.wire()?;
    // is not answered before the first comes again
    second.send(&frame(AT_ONCE, 1, &joining("full", None))?)?;
    let described = DescribeGroupsRequest::default().with_groups(vec![group("full")]);
    let deadline = Instant::now() + Duration::from_secs(30);
    while first.call(0, &described)?.groups.first().context("the group")?.members.len() < 2 {
        ensure!(Instant::now() < deadline, "the second member is not seen");
        pause();
    }
    let again = first.call(AT_ONCE, &joining("full", None).with_member_id(text(&member)))?;
    ensure!(again.error_code == 0, "{again:?}");
    Ok(Is::Code(stage.wire()?.call(AT_ONCE, &joining("full", None))?.error_code))
}

fn commit(stage: &mut Stage, name: &str, index: i32, metadata: &str) -> Result<Is> {
    let mut wire = coordinator(stage, name)?;
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(index)
        .with_committed_metadata(Some(text(metadata)));
    let topic = OffsetCommitRequestTopic::default()
        .with_name(text(TOPIC).into())
        .with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(group(name))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    let answer = wire.call(7, &request)?;
    let partition = answer.topics.first().and_then(|topic| topic.partitions.first());
    Ok(Is::Code(partition.context("an answer for the partition")?.error_code))
}
