//! How far a group is, in Kafka's words.

use std::fmt;

/// A classic group's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nobody is in; offsets may be.
    Empty,
    /// The barrier is up: members are waited for.
    PreparingRebalance,
    /// The generation stands, its leader has not shared out the work yet.
    CompletingRebalance,
    /// Everybody may fetch an assignment.
    Stable,
    /// There is no such group.
    Dead,
}

impl State {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
