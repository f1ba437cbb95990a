//! What must hold whatever happens: one file each, with where it comes from.

pub(crate) mod acknowledged;
pub(crate) mod clean;
pub(crate) mod committed_offsets;
pub(crate) mod compaction;
pub(crate) mod content;
pub(crate) mod deletion;
pub(crate) mod dense;
pub(crate) mod duplicates;
pub(crate) mod epochs;
pub(crate) mod forward;
pub(crate) mod fsync;
pub(crate) mod heals;
pub(crate) mod metadata;
pub(crate) mod poison;
pub(crate) mod retention;
pub(crate) mod served;
pub(crate) mod time_lookup;
pub(crate) mod valid;

use std::fmt;

/// One invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// [`acknowledged`]
    AcknowledgedIsNotLost,
    /// [`clean`]
    RecoveryTrustsOnlyACleanShutdown,
    /// [`committed_offsets`]
    CommittedOffsetsSurvive,
    /// [`compaction`]
    CompactionKeepsTheLast,
    /// [`content`]
    ReadsReturnWhatWasAppended,
    /// [`deletion`]
    DeletedStaysDeleted,
    /// [`dense`]
    OffsetsAreDense,
    /// [`duplicates`]
    RetriesAreNotDuplicated,
    /// [`epochs`]
    EpochsEndWhereTheyDid,
    /// [`forward`]
    EndsMoveForward,
    /// [`fsync`]
    FsyncSurvivesEveryCrash,
    /// [`heals`]
    ServesAgainOnceHealed,
    /// [`metadata`]
    MetadataReplaysToTheSameImage,
    /// [`poison`]
    PoisonIsFinal,
    /// [`retention`]
    RetentionTakesOnlyTheOld,
    /// [`time_lookup`]
    TimeLookupFindsTheFirst,
    /// [`valid`]
    NothingInvalidIsServed,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::AcknowledgedIsNotLost,
        Self::RecoveryTrustsOnlyACleanShutdown,
        Self::CommittedOffsetsSurvive,
        Self::CompactionKeepsTheLast,
        Self::ReadsReturnWhatWasAppended,
        Self::DeletedStaysDeleted,
        Self::OffsetsAreDense,
        Self::RetriesAreNotDuplicated,
        Self::EpochsEndWhereTheyDid,
        Self::EndsMoveForward,
        Self::FsyncSurvivesEveryCrash,
        Self::ServesAgainOnceHealed,
        Self::MetadataReplaysToTheSameImage,
        Self::PoisonIsFinal,
        Self::RetentionTakesOnlyTheOld,
        Self::TimeLookupFindsTheFirst,
        Self::NothingInvalidIsServed,
    ];
}

/// An invariant that does not hold, of whichever world's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation<I = Invariant> {
    /// Which one; `None` when the code under test panicked, or nothing was compared.
    pub invariant: Option<I>,
    /// What was seen.
    pub what: String,
}

impl<I: fmt::Debug> fmt::Display for Violation<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.invariant {
            Some(invariant) => write!(f, "{invariant:?}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// What a check comes to.
pub(crate) type Check<I = Invariant> = Result<(), Violation<I>>;

/// Fails unless `holds`; `what` is only put into words then.
pub(crate) fn ensure<I>(holds: bool, invariant: I, what: impl FnOnce() -> String) -> Check<I> {
    if holds { Ok(()) } else { Err(Violation { invariant: Some(invariant), what: what() }) }
}
