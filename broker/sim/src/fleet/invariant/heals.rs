//! Once nothing breaks any more, the fleet elects a leader and commits, in bounded time and with a
//! bounded number of elections.

use std::fmt::Debug;

use super::{Invariant, Violation};

pub(crate) fn failed(doing: &str, what: impl Debug) -> Violation {
    let what = format!("{doing} did not work: {what:?}");
    Violation { invariant: Some(Invariant::ServesAgainOnceHealed), what }
}
