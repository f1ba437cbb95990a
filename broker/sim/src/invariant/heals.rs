//! Once nothing breaks any more, everything works again: a directory that was poisoned after its
//! next start.
//!
//! The second phase of every run: liveness, as the simulations of others have it
//! (`reliability.md` 1.2, 1.7).

use std::fmt;

use super::{Invariant, Violation};

/// Something that should have worked did not.
pub(crate) fn failed(doing: &str, why: impl fmt::Debug) -> Violation {
    let what = format!("nothing is broken any more, and {doing} fails: {why:?}");
    Violation { invariant: Some(Invariant::ServesAgainOnceHealed), what }
}
