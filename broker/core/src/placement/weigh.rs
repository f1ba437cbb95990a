//! Bytes and rates of brokers near their mean, with the replicas and leaders as even as they are:
//! what is moved one way is made up for by something smaller that is moved the other way.

use std::cmp::Reverse;

use super::{
    Reason, Score, State, Tally,
    board::Board,
    stuck::{self, Stuck},
};

/// What is made even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    Bytes,
    Rate,
}

/// How many replicas on either side of the size that fits best are looked at.
const NEAR: usize = 4;
/// How many of the best pairs are tried.
const TRIED: usize = 8;
/// How many of the brokers that are furthest off are looked at: where none of them can be helped,
/// the others are left as they are.
const WORST: usize = 16;
/// With how many others a broker exchanges: those that differ most from it.
const PARTNERS: usize = 16;

/// Exchanges replicas until all brokers are within the tolerance, or nothing helps.
pub(super) fn level(board: &mut Board<'_>, load: Load) {
    stuck::exhaust(
        board,
        |board, stuck| next_pair(board, load, stuck),
        |board, (from, to)| exchange(board, load, from, to),
    );
}

impl Load {
    fn of(self, tally: &Tally) -> u64 {
        match self {
            Self::Bytes => tally.bytes,
            Self::Rate => tally.rate,
        }
    }

    /// The part of a broker's score that this is about.
    fn off(self, tally: &Tally, mean: &Tally) -> u128 {
        let score = Score::of(State::Active, tally, u64::MAX, mean);
        match self {
            Self::Bytes => score.bytes,
            Self::Rate => score.rates,
        }
    }
}

/// The two brokers that differ most of which one is off, and have not been tried in vain.
fn next_pair(board: &Board<'_>, load: Load, stuck: &Stuck) -> Option<(usize, usize)> {
    let value = |number: usize| load.of(&board.node(number).tally);
    let mut nodes: Vec<_> = board.in_state(State::Active).map(|it| (value(it), it)).collect();
    nodes.sort_unstable();
    let is_off = |number: usize| load.off(&board.node(number).tally, board.mean()) > 0;
    let mut off: Vec<_> = nodes.iter().filter(|(_, number)| is_off(*number)).collect();
    let mean = load.of(board.mean());
    off.sort_by_key(|(value, number)| (Reverse(value.abs_diff(mean)), *number));
    let pairs = off.into_iter().take(WORST).flat_map(|(value, number)| {
        let (over, mut partners) = (*value > mean, nodes.clone());
        if !over {
            partners.reverse();
        }
        let pair = move |(_, other)| if over { (*number, other) } else { (other, *number) };
        partners.into_iter().take(PARTNERS).map(pair)
    });
    let mut apart = pairs.filter(|(from, to)| value(*from) > value(*to) + 1);
    apart.find(|pair| !stuck.contains(*pair))
}

/// A replica that may go to the other broker.
#[derive(Debug, Clone, Copy)]
struct Offer {
    value: u64,
    bytes: u64,
    leads: bool,
    number: usize,
}

/// What may go from one broker to another, the least first.
fn offers(board: &Board<'_>, load: Load, from: usize, to: usize) -> Vec<Offer> {
    let node = board.node(from);
    let offer = |(bytes, number): &(u64, usize)| {
        let leads = node.led.contains(number);
        let value = match load {
            Load::Bytes => *bytes,
            Load::Rate => board.partition(*number).rate(leads),
        };
        Offer { value, bytes: *bytes, leads, number: *number }
    };
    let held = node.held.iter().filter(|(_, number)| board.may_go(*number, from, to));
    let mut offers: Vec<_> = held.map(offer).collect();
    offers.sort_unstable_by_key(|offer| (offer.value, offer.number));
    offers
}

/// Moves a replica from a broker that has more to one that has less, and a smaller one back, or
/// none where there is one replica more, too. Of all that are near half the difference, the one
/// that leaves both nearest to the tolerance, and then the one that copies least.
fn exchange(board: &mut Board<'_>, load: Load, from: usize, to: usize) -> bool {
    let pair = Pair { board, load, from: &board.node(from).tally, to: &board.node(to).tally };
    let half = (load.of(pair.from) - load.of(pair.to)) / 2;
    let back = offers(board, load, to, from);
    let mut found = Vec::new();
    for offer in offers(board, load, from, to) {
        let wanted = offer.value.saturating_sub(half);
        let at = back.partition_point(|other| other.value < wanted);
        let near = back.iter().skip(at.saturating_sub(NEAR)).take(2 * NEAR).copied().map(Some);
        let tried = near.chain([None]).filter_map(|other| {
            let other_number = other.map(|other| other.number);
            Some((pair.judge(offer, other)?, offer.number, other_number))
        });
        found.extend(tried);
    }
    found.sort_unstable();
    found.truncate(TRIED);
    found.into_iter().any(|(_, number, other)| {
        let room = |number, node, leaves| board.fits(number, node, leaves);
        let bytes = board.partition(number).bytes;
        let leaves = other.map_or(0, |other| board.partition(other).bytes);
        if !room(number, to, leaves) || other.is_some_and(|other| !room(other, from, bytes)) {
            return false;
        }
        let mut steps = vec![board.swapped(number, from, to)];
        steps.extend(other.map(|other| board.swapped(other, to, from)));
        board.attempt(steps, Reason::Balance)
    })
}

/// Two brokers of which the first has more.
struct Pair<'a> {
    board: &'a Board<'a>,
    load: Load,
    from: &'a Tally,
    to: &'a Tally,
}

impl Pair<'_> {
    /// How far both would be off, and what would be copied; `None` where it is not for the better.
    fn judge(&self, there: Offer, back: Option<Offer>) -> Option<(u128, u64)> {
        let (value, bytes, leads) =
            back.map_or((0, 0, false), |back| (back.value, back.bytes, back.leads));
        let even = match (there.leads, leads) {
            (true, false) => self.from.leaders > self.to.leaders,
            (false, true) => self.from.leaders < self.to.leaders,
            _ => true,
        };
        let one = back.is_some() || self.from.replicas > self.to.replicas;
        if !even || !one || there.value <= value {
            return None;
        }
        let mean = self.board.mean();
        let moved =
            |load: Load, from: &Tally, to: &Tally| load.off(from, mean) + load.off(to, mean);
        let mut from = *self.from;
        let mut to = *self.to;
        from.bytes = from.bytes - there.bytes + bytes;
        to.bytes = to.bytes + there.bytes - bytes;
        if self.load == Load::Rate {
            from.rate = from.rate - there.value + value;
            to.rate = to.rate + there.value - value;
            let before = moved(Load::Bytes, self.from, self.to);
            if moved(Load::Bytes, &from, &to) > before {
                return None;
            }
        }
        let after = moved(self.load, &from, &to);
        (after < moved(self.load, self.from, self.to)).then_some((after, there.bytes + bytes))
    }
}
