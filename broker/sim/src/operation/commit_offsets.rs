//! Somebody commits an offset: a member of the generation, or a consumer on its own.

use kastellan_core::group::{CommitOffsets, GroupId, Input, MemberId, OffsetToCommit};

use super::member;
use crate::{
    invariant::Check,
    model::groups::{Asked, Known},
    world::World,
};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let settled: Vec<_> =
        env.model.groups.members.iter().filter(|it| it.settled).cloned().collect();
    let (group, member, generation) = match env.workload.choose(&settled) {
        Some(member) if env.workload.chance(70) => {
            (member.group.clone(), member.id.clone(), member.generation)
        }
        _ => (GroupId::from("alone"), MemberId::default(), -1),
    };
    let offset = env.workload.between(0, 1_000_000);
    let key = (group.clone(), of.topic.clone(), of.partition);
    let ticket = env.model.groups.ticket();
    env.model.groups.asked.insert(ticket, Asked::Commit(key.clone()));
    let known: &mut Known = env.model.groups.offsets.entry(key).or_default();
    known.attempts.push((ticket, offset));
    let topic_id = broker.metadata.machine.image().topic(&of.topic).map(|topic| topic.id);
    let offset = OffsetToCommit {
        topic: of.topic.clone(),
        topic_id: topic_id.unwrap_or_default(),
        partition: of.partition,
        offset,
        leader_epoch: -1,
        metadata: String::new(),
    };
    let commit = CommitOffsets {
        ticket,
        group,
        generation,
        member,
        instance: None,
        retention_ms: -1,
        tells_missing_group: true,
        offsets: vec![offset],
    };
    broker.coordinate(env, Input::CommitOffsets(Box::new(commit)))?;
    member::hear(world)
}
