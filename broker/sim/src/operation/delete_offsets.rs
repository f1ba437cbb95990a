//! An offset that a group committed is deleted; one that a member may read on from stays.

use kastellan_core::group::{DeleteOffsets, GroupId, Input};

use super::member;
use crate::{invariant::Check, model::groups::Asked, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let groups = &env.model.groups;
    // often what a member may read on from
    let has_member = |group: &GroupId| groups.members.iter().any(|it| it.group == *group);
    let read: Vec<_> = groups.offsets.keys().filter(|(group, ..)| has_member(group)).collect();
    let key = match env.workload.choose(&read) {
        Some(key) if env.workload.chance(70) => (*key).clone(),
        _ => {
            let group = env.workload.pick(&["alone", "readers", "writers"], "alone");
            (GroupId::from(group), of.topic, of.partition)
        }
    };
    let (group, topic, partition) = key.clone();
    let ticket = env.model.groups.ticket();
    env.model.groups.asked.insert(ticket, Asked::DeleteOffset(key.clone()));
    if let Some(known) = env.model.groups.offsets.get_mut(&key) {
        known.attempts.push((ticket, -1));
    }
    let topics = vec![(topic, vec![partition])];
    broker.coordinate(env, Input::DeleteOffsets(DeleteOffsets { ticket, group, topics }))?;
    member::hear(world)
}
