//! A placement while it is worked on, with everything that steps need kept up to date.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use super::{Broker, Partition, Picture, Reason, Score, State, Tally};
use crate::id::BrokerId;

/// Brokers and partitions by number: their place in `nodes` and `layouts`.
#[derive(Debug)]
pub(super) struct Board<'a> {
    partitions: &'a [Partition],
    nodes: Vec<Node>,
    layouts: Vec<Layout>,
    score: Score,
    mean: Tally,
    /// How many partitions are not where they were.
    changed: usize,
    most: usize,
    /// Whether something stays undone that the next plan may do.
    cut: Cell<bool>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: BrokerId,
    pub(super) state: State,
    rack: Option<usize>,
    pub(super) tally: Tally,
    /// How many bytes its replicas should take at most.
    limit: u64,
    /// How many bytes may come before any go; what has come counts against it.
    room: u64,
    arrived: u64,
    /// What it holds, by size.
    pub(super) held: BTreeSet<(u64, usize)>,
    /// What it is to lead.
    pub(super) led: BTreeSet<usize>,
    share: Score,
}

#[derive(Debug)]
struct Layout {
    start: Vec<usize>,
    now: Vec<usize>,
    /// How many of its first replicas others can copy from.
    sources: usize,
    why: Option<Reason>,
}

/// A partition and where its replicas shall be.
pub(super) type Step = (usize, Vec<usize>);

impl<'a> Board<'a> {
    pub(super) fn new(picture: &'a Picture, most: usize) -> Self {
        let mut racks = BTreeMap::new();
        let mut numbers = BTreeMap::new();
        let mut nodes = Vec::new();
        for broker in &picture.brokers {
            let rack = broker.rack.as_deref().map(|rack| {
                let next = racks.len();
                *racks.entry(rack).or_insert(next)
            });
            numbers.entry(broker.id).or_insert_with(|| {
                nodes.push(Node::new(broker.id, broker.state, rack));
                nodes.len() - 1
            });
        }
        let layout = |partition: &Partition| {
            let mut seen = BTreeSet::new();
            let replicas = partition.replicas.iter().filter(|id| seen.insert(**id));
            let start: Vec<_> = replicas
                .map(|id| {
                    *numbers.entry(*id).or_insert_with(|| {
                        nodes.push(Node::new(*id, State::Gone, None));
                        nodes.len() - 1
                    })
                })
                .collect();
            let whole = |node: &&usize| {
                let node = nodes.get(**node).expect("numbered just now");
                node.state != State::Gone && partition.in_sync.contains(&node.id)
            };
            let sources = start.iter().filter(whole).count();
            Layout { now: Vec::new(), start, sources, why: None }
        };
        let layouts: Vec<_> = picture.partitions.iter().map(layout).collect();
        // nothing is on the board yet, so that all is elsewhere until it is put where it was
        let changed = layouts.iter().filter(|layout| !layout.start.is_empty()).count();
        let mut board = Self {
            partitions: &picture.partitions,
            nodes,
            layouts,
            score: Score::default(),
            mean: Tally::default(),
            changed,
            most,
            cut: Cell::new(false),
        };
        board.fill(&picture.brokers);
        board
    }

    /// Puts every replica where it is, and learns from that what else is on the disks.
    fn fill(&mut self, brokers: &[Broker]) {
        for number in 0..self.layouts.len() {
            self.score.missing += self.partition(number).factor as u128;
            let start = self.layout(number).start.clone();
            self.put(number, start);
        }
        for broker in brokers {
            let Some(disk) = broker.disk else { continue };
            let Some(node) = self.nodes.iter_mut().find(|node| node.id == broker.id) else {
                continue;
            };
            let useful = disk.total / 100 * Score::FULL_PERCENT;
            let others = disk.total.saturating_sub(disk.free).saturating_sub(node.tally.bytes);
            node.limit = useful.saturating_sub(others);
            node.room = disk.free.saturating_sub(disk.total - useful);
        }
    }

    /// Takes the means anew, and the score by them.
    pub(super) fn settle(&mut self) -> Score {
        let mut sum = Tally::default();
        let mut count = 0;
        for node in self.nodes.iter().filter(|node| node.state == State::Active) {
            sum.bytes = sum.bytes.saturating_add(node.tally.bytes);
            sum.rate = sum.rate.saturating_add(node.tally.rate);
            count += 1;
        }
        let each = |sum: u64| sum.checked_div(count).unwrap_or_default();
        self.mean = Tally { bytes: each(sum.bytes), rate: each(sum.rate), ..Tally::default() };
        for number in 0..self.nodes.len() {
            self.rate(number);
        }
        self.score
    }

    pub(super) fn score(&self) -> Score {
        self.score
    }

    pub(super) fn mean(&self) -> &Tally {
        &self.mean
    }

    pub(super) fn partition(&self, number: usize) -> &'a Partition {
        self.partitions.get(number).expect("a number of this board")
    }

    pub(super) fn partitions(&self) -> std::ops::Range<usize> {
        0..self.partitions.len()
    }

    pub(super) fn node(&self, number: usize) -> &Node {
        self.nodes.get(number).expect("a number of this board")
    }

    fn layout(&self, number: usize) -> &Layout {
        self.layouts.get(number).expect("a number of this board")
    }

    fn layout_mut(&mut self, number: usize) -> &mut Layout {
        self.layouts.get_mut(number).expect("a number of this board")
    }

    /// How many brokers there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The brokers in a state, by number.
    pub(super) fn in_state(&self, state: State) -> impl Iterator<Item = usize> {
        let all = self.nodes.iter().enumerate();
        all.filter(move |(_, node)| node.state == state).map(|(number, _)| number)
    }

    /// Where a partition's replicas are now.
    pub(super) fn now(&self, number: usize) -> &[usize] {
        &self.layout(number).now
    }

    /// Where they were at first.
    pub(super) fn start(&self, number: usize) -> &[usize] {
        &self.layout(number).start
    }

    /// How many of the first replicas others can copy from.
    pub(super) fn sources(&self, number: usize) -> usize {
        self.layout(number).sources
    }

    /// Whether a partition is left alone: it moves already, or cannot be copied.
    pub(super) fn is_fixed(&self, number: usize) -> bool {
        self.partition(number).moving || self.sources(number) == 0
    }

    /// Why a partition's replicas are not where they were; the most urgent reason.
    pub(super) fn why(&self, number: usize) -> Option<Reason> {
        self.layout(number).why
    }

    /// Whether something stays undone for want of room, or because a plan is only so long.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.get()
    }

    /// Whether the plan is as long as it may be.
    pub(super) fn is_full(&self) -> bool {
        let full = self.changed >= self.most;
        if full {
            self.cut.set(true);
        }
        full
    }

    /// How many bytes a broker has more than its disks should hold.
    pub(super) fn over(&self, node: usize) -> u64 {
        let node = self.node(node);
        node.tally.bytes.saturating_sub(node.limit)
    }

    /// Whether a broker has room for a replica of a partition, beside what leaves it.
    pub(super) fn fits(&self, number: usize, node: usize, leaves: u64) -> bool {
        let bytes = self.partition(number).bytes;
        let to = self.node(node);
        if to.tally.bytes.saturating_add(bytes) > to.limit.saturating_add(leaves) {
            return false;
        }
        let arrives =
            self.start(number).contains(&node) || to.arrived.saturating_add(bytes) <= to.room;
        if !arrives {
            self.cut.set(true);
        }
        arrives
    }

    /// How many replicas of a partition are in the rack of `node`, `node` and `but` left aside.
    pub(super) fn neighbours(&self, number: usize, node: usize, but: Option<usize>) -> usize {
        let Some(rack) = self.node(node).rack else { return 0 };
        let others = self.now(number).iter().filter(|it| **it != node && Some(**it) != but);
        others.filter(|it| self.node(**it).rack == Some(rack)).count()
    }

    /// Whether a replica may go from one broker to another without sharing more of a rack.
    pub(super) fn may_go(&self, number: usize, from: usize, to: usize) -> bool {
        !self.is_fixed(number)
            && !self.now(number).contains(&to)
            && self.neighbours(number, to, Some(from)) <= self.neighbours(number, from, None)
    }

    /// A partition with a replica on `to` instead of `from`.
    pub(super) fn swapped(&self, number: usize, from: usize, to: usize) -> Step {
        let change = |it: &usize| if *it == from { to } else { *it };
        (number, self.now(number).iter().map(change).collect())
    }

    /// Takes the steps if they are for the better, all together, and within what a plan may be.
    pub(super) fn attempt(&mut self, steps: Vec<Step>, why: Reason) -> bool {
        let before = self.score;
        let mut undo = Vec::with_capacity(steps.len());
        let mut numbers = Vec::with_capacity(steps.len());
        for (number, now) in steps {
            numbers.push(number);
            undo.push((number, self.put(number, now)));
        }
        let safe = numbers.iter().all(|number| self.is_safe(*number));
        if self.score < before && self.changed <= self.most && safe {
            for number in numbers {
                let layout = self.layout_mut(number);
                layout.why = Some(layout.why.map_or(why, |known| known.min(why)));
            }
            return true;
        }
        if self.score < before {
            self.cut.set(true);
        }
        for (number, now) in undo.into_iter().rev() {
            self.put(number, now);
        }
        false
    }

    /// Whether a replica stays that is in sync, or one comes that has to be before another goes.
    fn is_safe(&self, number: usize) -> bool {
        let Layout { start, now, .. } = self.layout(number);
        let in_sync = |id| self.partition(number).in_sync.contains(&id);
        now.iter().any(|node| !start.contains(node) || in_sync(self.node(*node).id))
    }

    /// Puts the replicas of a partition elsewhere; where they were before.
    fn put(&mut self, number: usize, now: Vec<usize>) -> Vec<usize> {
        let partition = self.partition(number);
        let before = std::mem::take(&mut self.layout_mut(number).now);
        for (slot, node) in before.iter().enumerate() {
            if now.get(slot) != Some(node) {
                self.take(number, *node, slot == 0);
            }
        }
        for (slot, node) in now.iter().enumerate() {
            if before.get(slot) != Some(node) {
                self.give(number, *node, slot == 0);
            }
        }
        let factor = partition.factor;
        self.score.missing -= before.len().abs_diff(factor) as u128;
        self.score.missing += now.len().abs_diff(factor) as u128;
        self.score.clashes -= self.clashes(&before);
        self.score.clashes += self.clashes(&now);
        let layout = self.layout_mut(number);
        let was = before != layout.start;
        let is = now != layout.start;
        layout.now = now;
        self.changed = self.changed + usize::from(is) - usize::from(was);
        before
    }

    fn clashes(&self, replicas: &[usize]) -> u128 {
        let racks = replicas.iter().map(|node| self.node(*node).rack);
        let pairs = racks.enumerate().map(|(at, rack)| {
            let later = replicas.iter().skip(at + 1);
            later.filter(|node| rack.is_some() && self.node(**node).rack == rack).count()
        });
        pairs.sum::<usize>() as u128
    }

    fn take(&mut self, number: usize, node: usize, leads: bool) {
        let partition = self.partition(number);
        let new = !self.start(number).contains(&node);
        let from = self.nodes.get_mut(node).expect("a number of this board");
        from.tally.replicas -= 1;
        from.tally.bytes -= partition.bytes;
        from.tally.rate -= partition.rate(leads);
        from.held.remove(&(partition.bytes, number));
        if leads {
            from.tally.leaders -= 1;
            from.led.remove(&number);
        }
        if new {
            from.arrived -= partition.bytes;
            self.score.moved -= u128::from(partition.bytes);
        }
        self.rate(node);
    }

    fn give(&mut self, number: usize, node: usize, leads: bool) {
        let partition = self.partition(number);
        let new = !self.start(number).contains(&node);
        let to = self.nodes.get_mut(node).expect("a number of this board");
        to.tally.replicas += 1;
        to.tally.bytes += partition.bytes;
        to.tally.rate += partition.rate(leads);
        to.held.insert((partition.bytes, number));
        if leads {
            to.tally.leaders += 1;
            to.led.insert(number);
        }
        if new {
            to.arrived += partition.bytes;
            self.score.moved += u128::from(partition.bytes);
        }
        self.rate(node);
    }

    /// Takes a broker's share of the score anew.
    fn rate(&mut self, node: usize) {
        let node = self.nodes.get_mut(node).expect("a number of this board");
        let share = Score::of(node.state, &node.tally, node.limit, &self.mean);
        self.score.subtract(&node.share);
        self.score.add(&share);
        node.share = share;
    }
}

impl Node {
    fn new(id: BrokerId, state: State, rack: Option<usize>) -> Self {
        Self {
            id,
            state,
            rack,
            tally: Tally::default(),
            limit: u64::MAX,
            room: u64::MAX,
            arrived: 0,
            held: BTreeSet::new(),
            led: BTreeSet::new(),
            share: Score::default(),
        }
    }
}
