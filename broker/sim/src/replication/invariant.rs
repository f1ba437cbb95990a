//! What must hold whatever happens: one file each.

pub(super) mod acknowledged;
pub(super) mod complete;
pub(super) mod consistent;
pub(super) mod duplicates;
pub(super) mod equal;
pub(super) mod forward;
pub(super) mod heals;
pub(super) mod recent;

use std::fmt;

/// One invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// [`acknowledged`]
    AcknowledgedIsNotLost,
    /// [`complete`]
    MembersHaveWhatIsCommitted,
    /// [`consistent`]
    CommittedNeverChanges,
    /// [`duplicates`]
    RetriesAreNotDuplicated,
    /// [`equal`]
    ReplicasAreEqualOnceHealed,
    /// [`forward`]
    HighWatermarksMoveForward,
    /// [`heals`]
    ServesAgainOnceHealed,
    /// [`recent`]
    TheNewestOffsetIsRecent,
}

impl Invariant {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::AcknowledgedIsNotLost,
        Self::MembersHaveWhatIsCommitted,
        Self::CommittedNeverChanges,
        Self::RetriesAreNotDuplicated,
        Self::ReplicasAreEqualOnceHealed,
        Self::HighWatermarksMoveForward,
        Self::ServesAgainOnceHealed,
        Self::TheNewestOffsetIsRecent,
    ];
}

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which one; `None` when the code under test panicked, or nothing was compared.
    pub invariant: Option<Invariant>,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.invariant {
            Some(invariant) => write!(f, "{invariant:?}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// What a check comes to.
pub(super) type Check = Result<(), Violation>;

/// Fails unless `holds`; `what` is only put into words then.
pub(super) fn ensure(holds: bool, invariant: Invariant, what: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Violation { invariant: Some(invariant), what: what() }) }
}
