//! Cuts of the network, and their end.

use crate::fleet::{counter::Rare, world::World};

pub(super) fn one_way(world: &mut World) {
    let (from, to) = (world.any(), world.any());
    world.env.counters.note_if(from != to, Rare::OneWayCut);
    world.env.net.cut(from, to);
    world.env.note(from, format_args!("is not heard by {to:?}"));
}

pub(super) fn isolate(world: &mut World) {
    let id = match world.leader() {
        Some((leader, _)) if world.env.faults.chance(50) => leader,
        _ => world.any(),
    };
    let all = world.ids();
    world.env.net.isolate(id, &all);
    world.env.note(id, format_args!("is alone"));
}

pub(super) fn split(world: &mut World) {
    let all = world.ids();
    let side: Vec<bool> = all.iter().map(|_| world.env.faults.chance(50)).collect();
    for (one, left) in all.iter().zip(&side) {
        for (other, right) in all.iter().zip(&side) {
            if left != right {
                world.env.net.cut_both(*one, *other);
            }
        }
    }
}

pub(super) fn heal(world: &mut World) {
    world.env.net.heal();
}
