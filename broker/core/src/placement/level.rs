//! As many replicas on one broker as on the other.

use std::iter::Peekable;

use super::{
    Reason, State,
    board::Board,
    stuck::{self, Stuck},
};

/// Moves replicas from brokers with many to brokers with few, until none differs from another by
/// two, or nothing that may go is left.
pub(super) fn level(board: &mut Board<'_>) {
    stuck::exhaust(board, next_pair, |board, (from, to)| give(board, from, to));
}

fn next_pair(board: &Board<'_>, stuck: &Stuck) -> Option<(usize, usize)> {
    let load = |number: usize| (board.node(number).tally.replicas, number);
    let mut nodes: Vec<_> = board.in_state(State::Active).map(load).collect();
    nodes.sort_unstable();
    let pairs = nodes.iter().rev().flat_map(|(most, from)| {
        let few = nodes.iter().take_while(move |(least, _)| least + 2 <= *most);
        few.map(move |(_, to)| (*from, *to))
    });
    pairs.into_iter().find(|pair| !stuck.contains(*pair))
}

/// Moves one replica; one whose size brings the bytes of both together by as much as its share.
fn give(board: &mut Board<'_>, from: usize, to: usize) -> bool {
    let (most, least) = (&board.node(from).tally, &board.node(to).tally);
    let replicas = (most.replicas - least.replicas).max(1);
    let wanted = most.bytes.saturating_sub(least.bytes) / replicas;
    let held = &board.node(from).held;
    let sizes = Outward {
        above: held.range((wanted, 0)..).copied().peekable(),
        below: held.range(..(wanted, 0)).rev().copied().peekable(),
        wanted,
    };
    let mut numbers = sizes.map(|(_, number)| number);
    let found = numbers.find(|it| board.may_go(*it, from, to) && board.fits(*it, to, 0));
    let Some(number) = found else { return false };
    let step = board.swapped(number, from, to);
    board.attempt(vec![step], Reason::Balance)
}

/// Sizes in the order of how far they are from the wanted one.
struct Outward<A: Iterator<Item = (u64, usize)>, B: Iterator<Item = (u64, usize)>> {
    above: Peekable<A>,
    below: Peekable<B>,
    wanted: u64,
}

impl<A, B> Iterator for Outward<A, B>
where
    A: Iterator<Item = (u64, usize)>,
    B: Iterator<Item = (u64, usize)>,
{
    type Item = (u64, usize);

    fn next(&mut self) -> Option<Self::Item> {
        match (self.above.peek(), self.below.peek()) {
            (Some((above, _)), Some((below, _)))
                if above.abs_diff(self.wanted) > below.abs_diff(self.wanted) =>
            {
                self.below.next()
            }
            (Some(_), _) => self.above.next(),
            (None, _) => self.below.next(),
        }
    }
}
