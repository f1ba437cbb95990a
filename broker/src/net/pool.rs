//! The memory that requests of all connections may take together.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
};

/// A bounded account of bytes. Connections draw from it before they grow their buffers, and stop
/// reading while it is empty: back-pressure instead of failure.
///
/// One connection at a time may overdraw it, so that a pool which is full of half-received frames
/// still moves: that one ends its frame, or is dropped by the deadline for an incomplete frame.
#[derive(Debug)]
pub(crate) struct Pool {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    total: usize,
    used: usize,
    /// Whether somebody holds the right to overdraw.
    overdrawn: bool,
    waiting: Vec<Waker>,
}

/// What one connection holds of a [`Pool`].
#[derive(Debug, Default)]
pub(super) struct Held {
    drawn: usize,
    /// Bytes on top of `drawn`, owed to nobody.
    overdraft: usize,
}

impl Held {
    /// Whether some of it is more than the pool had.
    pub(super) fn overdraws(&self) -> bool {
        self.overdraft > 0
    }
}

impl Pool {
    /// A pool of `bytes`.
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            state: Mutex::new(State {
                total: bytes,
                used: 0,
                overdrawn: false,
                waiting: Vec::new(),
            }),
        }
    }

    /// Makes it larger or smaller; what is drawn already stays so.
    pub(crate) fn resize(&self, bytes: usize) {
        let mut state = self.lock();
        state.total = bytes;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Its bytes, those that are taken, and how many wait.
    pub(crate) fn usage(&self) -> [usize; 3] {
        let state = self.lock();
        [state.total, state.used, state.waiting.len()]
    }

    /// Raises what is held to `bytes`. False: nothing was drawn, and `waker` is called when it is
    /// worth another try.
    pub(super) fn draw(&self, held: &mut Held, bytes: usize, waker: &Waker) -> bool {
        let more = bytes.saturating_sub(held.drawn + held.overdraft);
        if more == 0 {
            return true;
        }
        let mut state = self.lock();
        let free = state.total.saturating_sub(state.used);
        if held.overdraft > 0 || (more > free && !state.overdrawn) {
            state.overdrawn = true;
            held.overdraft += more;
            return true;
        }
        if more <= free {
            state.used += more;
            held.drawn += more;
            return true;
        }
        if !state.waiting.iter().any(|other| other.will_wake(waker)) {
            state.waiting.push(waker.clone());
        }
        false
    }

    /// Raises what is held to `bytes` whether there is so much or not: they are taken already.
    pub(super) fn charge(&self, held: &mut Held, bytes: usize) {
        let more = bytes.saturating_sub(held.drawn + held.overdraft);
        self.lock().used += more;
        held.drawn += more;
    }

    /// Gives everything back and wakes those who wait.
    pub(super) fn give_back(&self, held: &mut Held) {
        let Held { drawn, overdraft } = std::mem::take(held);
        if drawn + overdraft == 0 {
            return;
        }
        let mut state = self.lock();
        state.used -= drawn;
        state.overdrawn &= overdraft == 0;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_may_overdraw_and_the_next_waits_until_bytes_come_back() {
        let pool = Pool::new(100);
        let (mut a, mut b, mut c) = (Held::default(), Held::default(), Held::default());
        assert!(pool.draw(&mut a, 80, Waker::noop()));
        assert!(pool.draw(&mut b, 50, Waker::noop()), "the overdraft");
        assert!(!pool.draw(&mut c, 50, Waker::noop()));
        assert!(pool.draw(&mut c, 20, Waker::noop()), "what fits is still given");

        pool.give_back(&mut b);
        assert!(pool.draw(&mut c, 100, Waker::noop()), "the overdraft is free again");
        for held in [&mut a, &mut c] {
            pool.give_back(held);
        }
        assert_eq!(pool.lock().used, 0);
    }

    #[test]
    fn a_pool_that_shrinks_gives_nothing_more_until_enough_has_come_back() {
        let pool = Pool::new(100);
        let (mut a, mut b, mut c) = (Held::default(), Held::default(), Held::default());
        assert!(pool.draw(&mut a, 90, Waker::noop()));
        pool.resize(50);
        assert!(pool.draw(&mut b, 1, Waker::noop()), "the overdraft");
        assert!(!pool.draw(&mut c, 1, Waker::noop()));
        pool.give_back(&mut a);
        assert!(pool.draw(&mut c, 50, Waker::noop()));
        pool.resize(200);
        assert!(pool.draw(&mut a, 150, Waker::noop()));
    }
}
