//! A group is deleted, with everything that it committed.

use kastellan_core::group::{DeleteGroup, GroupId, Input};

use super::member;
use crate::{invariant::Check, model::groups::Asked, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let group = GroupId::from(env.workload.pick(&["alone", "readers", "writers"], "alone"));
    let ticket = env.model.groups.ticket();
    env.model.groups.asked.insert(ticket, Asked::Delete(group.clone()));
    let offsets = env.model.groups.offsets.iter_mut();
    offsets
        .filter(|((of, ..), _)| *of == group)
        .for_each(|(_, known)| known.attempts.push((ticket, -1)));
    broker.coordinate(env, Input::DeleteGroup(DeleteGroup { ticket, group }))?;
    member::hear(world)
}
