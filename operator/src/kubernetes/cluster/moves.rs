//! Moves of partitions: whether any may begin, and which ones do now.
//!
//! A move takes nothing away before everything that it adds is in sync, so that no partition has
//! fewer replicas in sync by it than before. While something else is behind none begins: copying
//! would keep that from catching up.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::placement::{Move, Partition, Picture, State};

use crate::admin::Placed;

/// What stands against beginning any move, in words. Brokers that `go` may be behind.
pub(super) fn obstacle(placed: &Placed, go: &BTreeSet<i32>) -> Option<String> {
    let behind = |it: &&Partition| {
        let mut stay = it.replicas.iter().filter(|id| !go.contains(&id.0));
        !it.moving && stay.any(|id| !it.in_sync.contains(id))
    };
    let mut all = placed.picture.partitions.iter().filter(behind);
    let first = all.next()?;
    let name = format!("{}-{}", first.topic, first.index);
    Some(match all.count() {
        0 => format!("waiting for all replicas of {name} to be in sync"),
        more => format!("waiting for all replicas of {name} and {more} others to be in sync"),
    })
}

/// How many partitions move.
pub(super) fn under_way(placed: &Placed) -> usize {
    placed.picture.partitions.iter().filter(|it| it.moving).count()
}

/// Those of `moves` that begin now, so that no more than `most` partitions move at once. What is
/// not any more where the plan found it stays where it is.
pub(super) fn next(placed: &Placed, moves: &[Move], most: usize) -> Vec<Move> {
    let found = places(placed);
    let may = |step: &&Move| {
        let there = found.get(&(step.topic.as_ref(), step.index));
        there.is_some_and(|it| !it.moving && it.replicas == step.from)
    };
    let room = most.saturating_sub(under_way(placed));
    moves.iter().filter(may).take(room).cloned().collect()
}

/// Whether a move has come to its end.
pub(super) fn is_done(placed: &BTreeMap<(&str, i32), &Partition>, step: &Move) -> bool {
    let there = placed.get(&(step.topic.as_ref(), step.index));
    there.is_some_and(|it| !it.moving && it.replicas == step.to)
}

/// All partitions, by topic and index.
pub(super) fn places(placed: &Placed) -> BTreeMap<(&str, i32), &Partition> {
    let partitions = placed.picture.partitions.iter();
    partitions.map(|it| ((it.topic.as_ref(), it.index), it)).collect()
}

/// What moves are planned from, where some brokers go and others get nothing new.
pub(super) fn picture(placed: &Placed, go: &BTreeSet<i32>, cordoned: &[i32]) -> Picture {
    let mut picture = placed.picture.clone();
    for broker in &mut picture.brokers {
        if go.contains(&broker.id.0) {
            broker.state = State::Draining;
        } else if cordoned.contains(&broker.id.0) {
            broker.state = State::Cordoned;
        }
    }
    picture
}
