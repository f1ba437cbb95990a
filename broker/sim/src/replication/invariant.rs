//! What must hold whatever happens: one file each.

pub(super) mod acknowledged;
pub(super) mod complete;
pub(super) mod consistent;
pub(super) mod duplicates;
pub(super) mod equal;
pub(super) mod forward;
pub(super) mod heals;
pub(super) mod recent;
pub(super) mod silent;

pub(super) use crate::invariant::ensure;

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
    /// [`silent`]
    TheDeposedAreSilent,
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
        Self::TheDeposedAreSilent,
    ];
}

/// An invariant that does not hold.
pub type Violation = crate::invariant::Violation<Invariant>;

/// What a check comes to.
pub(super) type Check = crate::invariant::Check<Invariant>;
