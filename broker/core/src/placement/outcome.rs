//! What comes of planning.

use std::{collections::BTreeMap, sync::Arc};

use super::{Score, State, board::Board};
use crate::id::BrokerId;

/// What to do, in this order; what cannot be done, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The moves, the most urgent first; no partition twice.
    pub moves: Vec<Move>,
    /// What has to move and cannot.
    pub blocked: Vec<Blocked>,
    /// Whether another plan may go further once this one is carried out: it is as long as it may
    /// be, or disks have no room for more at once.
    pub more: bool,
    /// How it is.
    pub before: Score,
    /// How it will be; never worse.
    pub after: Score,
}

/// A partition gets other replicas, or another order of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its index.
    pub index: i32,
    /// Who holds it, the preferred leader first.
    pub from: Vec<BrokerId>,
    /// Who shall hold it.
    pub to: Vec<BrokerId>,
    /// How large a replica is.
    pub bytes: u64,
    /// Why, at the most urgent.
    pub reason: Reason,
}

/// Why a partition moves, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A broker that holds it is gone.
    Lost,
    /// It has more or fewer replicas than it should.
    Copies,
    /// A broker that holds it shall be empty.
    Drain,
    /// Two of its replicas share a rack.
    Rack,
    /// A disk is nearly full.
    Disk,
    /// Brokers hold unequally much.
    Balance,
    /// Brokers lead unequally much.
    Lead,
}

/// A partition that has to move and cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its index.
    pub index: i32,
    /// The brokers that keep it although they are gone or shall be empty.
    pub on: Vec<BrokerId>,
    /// What stands against it.
    pub cause: Cause,
}

/// What stands against a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No broker that stays has it in sync: there is nothing to copy from.
    NoSource,
    /// It needs more brokers than are active.
    TooFewBrokers {
        /// How many replicas it should have.
        factor: usize,
        /// How many brokers are active.
        active: usize,
    },
    /// No active broker has room for it.
    NoRoom,
    /// It is being moved already.
    Moving,
}

impl Move {
    /// Who gets it.
    pub fn added(&self) -> impl Iterator<Item = BrokerId> {
        self.to.iter().filter(|id| !self.from.contains(id)).copied()
    }

    /// Who gives it up.
    pub fn removed(&self) -> impl Iterator<Item = BrokerId> {
        self.from.iter().filter(|id| !self.to.contains(id)).copied()
    }

    /// How many bytes are copied.
    pub fn copied(&self) -> u64 {
        self.bytes.saturating_mul(self.added().count() as u64)
    }
}

/// The bytes that come to the broker to which most come.
pub fn arriving(moves: &[Move]) -> u64 {
    let mut by_broker = BTreeMap::<BrokerId, u64>::new();
    for step in moves {
        for id in step.added() {
            let bytes = by_broker.entry(id).or_default();
            *bytes = bytes.saturating_add(step.bytes);
        }
    }
    by_broker.into_values().max().unwrap_or_default()
}

/// The plan that leads from a board's start to where it is now.
pub(super) fn of(board: &Board<'_>, before: Score) -> Plan {
    let ids = |nodes: &[usize]| nodes.iter().map(|node| board.node(*node).id).collect();
    let mut moves = Vec::new();
    let mut blocked = Vec::new();
    let mut more = board.is_cut();
    for number in board.partitions() {
        let partition = board.partition(number);
        let (topic, index) = (Arc::clone(&partition.topic), partition.index);
        if let Some(reason) = board.why(number).filter(|_| board.now(number) != board.start(number))
        {
            let (from, to) = (ids(board.start(number)), ids(board.now(number)));
            let step =
                Move { topic: Arc::clone(&topic), index, from, to, bytes: partition.bytes, reason };
            moves.push(((reason, board.sources(number)), step));
        }
        if !is_undone(board, number) {
            continue;
        }
        match cause(board, number) {
            Some(cause) => {
                let shut = |node: &&usize| is_shut(board, **node);
                let on = board.now(number).iter().filter(shut).map(|it| board.node(*it).id);
                blocked.push(Blocked { topic, index, on: on.collect(), cause });
            }
            None => more = true,
        }
    }
    moves.sort_by(|(one, left), (other, right)| {
        let place = |step: &Move| (Arc::clone(&step.topic), step.index);
        one.cmp(other).then_with(|| place(left).cmp(&place(right)))
    });
    let moves = moves.into_iter().map(|(_, step)| step).collect();
    Plan { moves, blocked, more, before, after: board.score() }
}

/// Whether a partition has to move and does not.
fn is_undone(board: &Board<'_>, number: usize) -> bool {
    let (factor, now) = (board.partition(number).factor, board.now(number));
    factor > 0 && (now.len() != factor || now.iter().any(|node| is_shut(board, *node)))
}

fn is_shut(board: &Board<'_>, node: usize) -> bool {
    matches!(board.node(node).state, State::Draining | State::Gone)
}

/// What stands against a move that has to be; nothing where the plan has just ended before it.
fn cause(board: &Board<'_>, number: usize) -> Option<Cause> {
    let (partition, now) = (board.partition(number), board.now(number));
    let active = board.in_state(State::Active);
    let (held, free): (Vec<_>, Vec<_>) = active.partition(|node| now.contains(node));
    if partition.moving {
        Some(Cause::Moving)
    } else if board.sources(number) == 0 {
        Some(Cause::NoSource)
    } else if free.is_empty() {
        Some(Cause::TooFewBrokers { factor: partition.factor, active: held.len() })
    } else if free.iter().all(|node| !board.fits(number, *node, 0)) {
        Some(Cause::NoRoom)
    } else {
        None
    }
}
