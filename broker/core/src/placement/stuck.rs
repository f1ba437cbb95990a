//! What was tried in vain.

use super::board::Board;

/// Pairs of brokers between which nothing could be moved.
#[derive(Debug)]
pub(super) struct Stuck {
    pairs: Vec<bool>,
    width: usize,
    any: bool,
}

/// Acts on one pair of brokers after the other until there is none to act on, or no more moves may
/// be made. `next` gives a pair that has not failed; what `act` could not do is tried again once
/// something else has moved.
pub(super) fn exhaust(
    board: &mut Board<'_>,
    next: impl Fn(&Board<'_>, &Stuck) -> Option<(usize, usize)>,
    act: impl Fn(&mut Board<'_>, (usize, usize)) -> bool,
) {
    let mut stuck = Stuck::new(board);
    let mut moved = false;
    while !board.is_full() {
        match next(board, &stuck) {
            Some(pair) if act(board, pair) => moved = true,
            Some(pair) => stuck.insert(pair),
            // what was in the way then may have moved
            None if moved && !stuck.is_empty() => {
                stuck.clear();
                moved = false;
            }
            None => return,
        }
    }
}

impl Stuck {
    fn new(board: &Board<'_>) -> Self {
        let width = board.len();
        Self { pairs: vec![false; width * width], width, any: false }
    }

    fn insert(&mut self, (from, to): (usize, usize)) {
        if let Some(pair) = self.pairs.get_mut(from * self.width + to) {
            *pair = true;
        }
        self.any = true;
    }

    pub(super) fn contains(&self, (from, to): (usize, usize)) -> bool {
        self.pairs.get(from * self.width + to).copied().unwrap_or_default()
    }

    fn is_empty(&self) -> bool {
        !self.any
    }

    fn clear(&mut self) {
        self.pairs.fill(false);
        self.any = false;
    }
}
