//! An offset that a group committed is deleted; one that a member may read on from stays.

use kastellan_core::group::{DeleteOffsets, GroupId, Input};

use super::member;
use crate::{invariant::Check, model::groups::Asked, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let group = GroupId::from(env.workload.pick(&["alone", "readers", "writers"], "alone"));
    let ticket = env.model.groups.ticket();
    let key = (group.clone(), of.topic.clone(), of.partition);
    env.model.groups.asked.insert(ticket, Asked::DeleteOffset(key.clone()));
    if let Some(known) = env.model.groups.offsets.get_mut(&key) {
        known.attempts.push((ticket, -1));
    }
    let topics = vec![(of.topic.clone(), vec![of.partition])];
    broker.coordinate(env, Input::DeleteOffsets(DeleteOffsets { ticket, group, topics }))?;
    member::hear(world)
}
