//! Moves of partitions: whether any may begin, and which ones do now.
//!
//! A move takes nothing away before everything that it adds is in sync, so that no partition has
//! fewer replicas in sync by it than before. While something else is behind none begins: copying
//! would keep that from catching up.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::id::BrokerId;
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

/// Whether a replica that does not move is not in sync although its broker is up: it catches up, or
/// cannot keep up. Brokers that `go` may be behind.
pub(super) fn lags(placed: &Placed, go: &BTreeSet<i32>) -> bool {
    let matters = |id: &BrokerId| !go.contains(&id.0) && !placed.down.contains(&id.0);
    placed
        .picture
        .partitions
        .iter()
        .filter(|it| !it.moving)
        .any(|it| it.replicas.iter().any(|id| matters(id) && !it.in_sync.contains(id)))
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

/// Whether a move is not to be made any more: the partition is neither where the plan found it nor
/// where it shall be.
pub(super) fn is_off(placed: &BTreeMap<(&str, i32), &Partition>, step: &Move) -> bool {
    let there = placed.get(&(step.topic.as_ref(), step.index));
    !there.is_some_and(|it| it.replicas == step.to || (!it.moving && it.replicas == step.from))
}

/// The bytes of a move that are copied by now.
pub(super) fn copied(
    placed: &Placed,
    found: &BTreeMap<(&str, i32), &Partition>,
    step: &Move,
) -> u64 {
    let Some(it) = found.get(&(step.topic.as_ref(), step.index)) else { return 0 };
    if is_done(found, step) {
        return step.copied();
    }
    if !it.moving || it.replicas != step.to {
        return 0;
    }
    let place = (step.topic.as_ref().to_owned(), step.index);
    let on = |id: BrokerId| placed.moving.get(&place)?.added.get(&id.0).copied();
    let copied = |id: BrokerId| {
        let whole = it.in_sync.contains(&id);
        if whole { step.bytes } else { on(id).unwrap_or_default().min(step.bytes) }
    };
    step.added().map(copied).sum()
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
