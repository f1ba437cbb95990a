//! What has to move: off brokers that go, to as many copies as asked for, out of shared racks, off
//! full disks.

use std::cmp::Reverse;

use super::{Reason, State, board::Board};

/// Mends each partition that needs it, those first that are closest to being lost.
pub(super) fn repair(board: &mut Board<'_>) {
    let mut urgent: Vec<_> = board
        .partitions()
        .filter(|number| !board.is_fixed(*number))
        .filter_map(|number| Some((need(board, number)?, board.sources(number), number)))
        .collect();
    urgent.sort_unstable();
    for (reason, _, number) in urgent {
        if board.is_full() {
            return;
        }
        shrink(board, number);
        replace(board, number);
        extend(board, number);
        if reason == Reason::Rack {
            spread(board, number);
        }
    }
}

/// Why a partition cannot stay as it is.
fn need(board: &Board<'_>, number: usize) -> Option<Reason> {
    let (partition, now) = (board.partition(number), board.now(number));
    let within = |state| now.iter().any(|node| board.node(*node).state == state);
    if partition.factor == 0 {
        None
    } else if within(State::Gone) {
        Some(Reason::Lost)
    } else if now.len() != partition.factor {
        Some(Reason::Copies)
    } else if within(State::Draining) {
        Some(Reason::Drain)
    } else {
        let crowded = |node: &usize| board.neighbours(number, *node, None) > 0;
        now.iter().any(crowded).then_some(Reason::Rack)
    }
}

fn is_source(board: &Board<'_>, number: usize, node: usize) -> bool {
    let node = board.node(node);
    node.state != State::Gone && board.partition(number).in_sync.contains(&node.id)
}

fn is_stranded(board: &Board<'_>, node: usize) -> bool {
    matches!(board.node(node).state, State::Draining | State::Gone)
}

/// Lets replicas go that are too many: the worst placed first, never the last that is in sync.
fn shrink(board: &mut Board<'_>, number: usize) {
    while board.now(number).len() > board.partition(number).factor {
        let now = board.now(number);
        let without = |slot: usize| {
            let rest = now.iter().enumerate().filter(move |(other, _)| *other != slot);
            rest.map(|(_, node)| *node).collect::<Vec<_>>()
        };
        let keeps = |slot: &usize| without(*slot).iter().any(|it| is_source(board, number, *it));
        let worst = (0..now.len()).filter(keeps).max_by_key(|slot| {
            let node = now.get(*slot).copied().expect("a slot of the partition");
            let neighbours = board.neighbours(number, node, None);
            (is_stranded(board, node), neighbours, board.node(node).tally.replicas, *slot)
        });
        let Some(rest) = worst.map(without) else { return };
        if !board.attempt(vec![(number, rest)], Reason::Copies) {
            return;
        }
    }
}

/// Puts another broker in the place of each that is gone or shall be. Where there is none, such a
/// broker at least does not lead.
fn replace(board: &mut Board<'_>, number: usize) {
    for slot in 0..board.now(number).len() {
        let Some(&node) = board.now(number).get(slot) else { return };
        if !is_stranded(board, node) {
            continue;
        }
        let gone = board.node(node).state == State::Gone;
        let why = if gone { Reason::Lost } else { Reason::Drain };
        let target = best(board, number, Some(node), slot == 0);
        let step = target.map(|to| board.swapped(number, node, to));
        if !step.is_some_and(|step| board.attempt(vec![step], why)) && slot == 0 {
            let mut now = board.now(number).to_vec();
            now.sort_by_key(|node| is_stranded(board, *node));
            board.attempt(vec![(number, now)], why);
        }
    }
}

/// Adds replicas that are missing.
fn extend(board: &mut Board<'_>, number: usize) {
    while board.now(number).len() < board.partition(number).factor {
        let leads = board.now(number).is_empty();
        let Some(to) = best(board, number, None, leads) else { return };
        let mut now = board.now(number).to_vec();
        now.push(to);
        if !board.attempt(vec![(number, now)], Reason::Copies) {
            return;
        }
    }
}

/// Moves replicas out of racks that they share.
fn spread(board: &mut Board<'_>, number: usize) {
    for slot in (0..board.now(number).len()).rev() {
        let Some(&node) = board.now(number).get(slot) else { return };
        if board.neighbours(number, node, None) == 0 {
            continue;
        }
        let Some(to) = best(board, number, Some(node), slot == 0) else { continue };
        let step = board.swapped(number, node, to);
        board.attempt(vec![step], Reason::Rack);
    }
}

/// Where a replica goes best, in the place of `from`.
fn best(board: &Board<'_>, number: usize, from: Option<usize>, leads: bool) -> Option<usize> {
    let free = |to: &usize| !board.now(number).contains(to) && board.fits(number, *to, 0);
    board.in_state(State::Active).filter(free).min_by_key(|to| {
        let node = board.node(*to);
        let leaders = if leads { node.tally.leaders } else { 0 };
        let load = (node.tally.replicas, leaders, node.tally.bytes, node.tally.rate);
        (board.neighbours(number, *to, from), load, node.id)
    })
}

/// Moves large partitions off disks that hold more than they should.
pub(super) fn relieve(board: &mut Board<'_>) {
    let states = [State::Active, State::Cordoned];
    let nodes = states.into_iter().flat_map(|state| board.in_state(state));
    let mut full: Vec<_> = nodes
        .filter(|node| board.over(*node) > 0)
        .map(|node| (Reverse(board.over(node)), board.node(node).id, node))
        .collect();
    full.sort_unstable();
    for (_, _, from) in full {
        let held: Vec<_> = board.node(from).held.iter().rev().map(|(_, number)| *number).collect();
        for number in held {
            if board.over(from) == 0 || board.is_full() {
                break;
            }
            let leads = board.node(from).led.contains(&number);
            let Some(to) = best(board, number, Some(from), leads) else { continue };
            if board.may_go(number, from, to) {
                let step = board.swapped(number, from, to);
                board.attempt(vec![step], Reason::Disk);
            }
        }
    }
}
