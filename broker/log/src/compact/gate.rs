//! What keeps a compaction away from a directory whose log has become another one.
//!
//! A compaction goes on without the log, and what it does by name it does in the log's directory.
//! Once that is truncated, closed, deleted or moved away, the same name may stand for something
//! else: a late `.swap` would bring back what is gone. So each act by name passes the gate, and
//! whoever changes the log shuts it first.

use std::sync::{Arc, Mutex, PoisonError};

/// Open until shut, and never again after that.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    shut: Mutex<bool>,
}

impl Gate {
    /// Does `act` while the gate cannot be shut; `None` when it is.
    pub(crate) fn pass<R>(&self, act: impl FnOnce() -> R) -> Option<R> {
        let shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        if *shut { None } else { Some(act()) }
    }

    /// Shuts it; waits for an act that is passing.
    pub(crate) fn shut(&self) {
        *self.shut.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Whether it was shut.
    pub(crate) fn is_shut(&self) -> bool {
        self.pass(|| ()).is_none()
    }
}

/// The log's end of the gate: shut when the log is gone.
#[derive(Debug, Default)]
pub(crate) struct Keeper(pub(crate) Arc<Gate>);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.shut();
    }
}
