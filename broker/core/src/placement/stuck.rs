//! What was tried in vain.

use super::board::Board;

/// Pairs of brokers between which nothing could be moved.
#[derive(Debug)]
pub(super) struct Stuck {
    pairs: Vec<bool>,
    width: usize,
    any: bool,
}

impl Stuck {
    pub(super) fn new(board: &Board<'_>) -> Self {
        let width = board.len();
        Self { pairs: vec![false; width * width], width, any: false }
    }

    pub(super) fn insert(&mut self, (from, to): (usize, usize)) {
        if let Some(pair) = self.pairs.get_mut(from * self.width + to) {
            *pair = true;
        }
        self.any = true;
    }

    pub(super) fn contains(&self, (from, to): (usize, usize)) -> bool {
        self.pairs.get(from * self.width + to).copied().unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.any
    }

    pub(super) fn clear(&mut self) {
        self.pairs.fill(false);
        self.any = false;
    }
}
