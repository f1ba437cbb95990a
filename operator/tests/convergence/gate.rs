//! Counts the writes of the operator, and ends it at one of them.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

/// Where the operator ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Nowhere.
    Never,
    /// Before the write of this number takes effect; the first is 1.
    Before(usize),
    /// After it has taken effect, before the answer.
    After(usize),
}

/// All writes, to the API server and to the brokers, go through here.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Debug)]
struct State {
    end: End,
    ended: bool,
    writes: Vec<String>,
    /// How often something else had its turn, now and at each write.
    turn: usize,
    turns: Vec<usize>,
}

impl Gate {
    pub(crate) fn new(end: End) -> Self {
        let state = State { end, ended: false, writes: Vec::new(), turn: 0, turns: Vec::new() };
        Self(Arc::new(Inner { state: Mutex::new(state), ended: Notify::new() }))
    }

    /// Performs a write, unless the operator ends here.
    pub(crate) async fn write<T>(&self, what: String, effect: impl FnOnce() -> T) -> T {
        let number = {
            let mut state = self.0.state.lock().unwrap();
            state.writes.push(what);
            let turn = state.turn;
            state.turns.push(turn);
            state.writes.len()
        };
        self.end_at(End::Before(number)).await;
        let result = effect();
        self.end_at(End::After(number)).await;
        result
    }

    async fn end_at(&self, here: End) {
        let ends = {
            let mut state = self.0.state.lock().unwrap();
            state.ended |= state.end == here;
            state.ended
        };
        if ends {
            self.0.ended.notify_one();
            // whoever has ended hears no answer
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the operator has ended here.
    pub(crate) async fn ended(&self) {
        self.0.ended.notified().await;
    }

    /// Another operator begins, and comes to its end nowhere.
    pub(crate) fn begin_anew(&self) {
        let mut state = self.0.state.lock().unwrap();
        (state.end, state.ended) = (End::Never, false);
    }

    /// Something else had its turn.
    pub(crate) fn passes(&self) {
        self.0.state.lock().unwrap().turn += 1;
    }

    /// In which turn each write was.
    pub(crate) fn turns(&self) -> Vec<usize> {
        self.0.state.lock().unwrap().turns.clone()
    }

    /// What was written, in words.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.0.state.lock().unwrap().writes.clone()
    }
}
