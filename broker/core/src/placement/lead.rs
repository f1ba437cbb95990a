//! As many leaders on one broker as on the other: who comes first among a partition's replicas is
//! changed, which copies nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    Reason, State,
    board::{Board, Step},
};

/// Hands leaders on, over several brokers where need be, until no broker that has two more than
/// another can reach it.
pub(super) fn level(board: &mut Board<'_>) {
    let mut stuck = BTreeSet::new();
    let mut moved = false;
    while !board.is_full() {
        let load = |number: usize| (board.node(number).tally.leaders, number);
        let free = board.in_state(State::Active).filter(|number| !stuck.contains(number));
        match free.map(load).max() {
            Some((_, from)) => {
                let steps = path(board, from);
                if steps.is_some_and(|steps| board.attempt(steps, Reason::Lead)) {
                    moved = true;
                } else {
                    stuck.insert(from);
                }
            }
            None if moved => {
                stuck.clear();
                moved = false;
            }
            None => return,
        }
    }
}

/// The shortest way from a broker over partitions that others could lead to one with fewer leaders.
fn path(board: &Board<'_>, from: usize) -> Option<Vec<Step>> {
    let most = board.node(from).tally.leaders;
    let few = |node: usize| board.node(node).tally.leaders + 2 <= most;
    if !board.in_state(State::Active).any(few) {
        return None;
    }
    let mut reached = BTreeMap::from([(from, None)]);
    let mut queue = VecDeque::from([from]);
    while let Some(node) = queue.pop_front() {
        for number in board.node(node).led.iter().filter(|it| !board.is_fixed(**it)) {
            for next in board.now(*number).iter().skip(1) {
                if board.node(*next).state != State::Active || reached.contains_key(next) {
                    continue;
                }
                reached.insert(*next, Some((node, *number)));
                if few(*next) {
                    return Some(walk_back(board, &reached, *next));
                }
                queue.push_back(*next);
            }
        }
    }
    None
}

type Reached = BTreeMap<usize, Option<(usize, usize)>>;

fn walk_back(board: &Board<'_>, reached: &Reached, to: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = to;
    while let Some(Some((before, number))) = reached.get(&at) {
        let mut now = board.now(*number).to_vec();
        if let Some(slot) = now.iter().position(|node| *node == at) {
            now.swap(0, slot);
        }
        steps.push((*number, now));
        at = *before;
    }
    steps
}
