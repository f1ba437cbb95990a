//! Deliberate mistakes of a fleet, made in the simulation's drivers and never in what is tested.

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// A voter gives its vote twice in an epoch.
    VoteTwice,
    /// A voter does not care whether the candidate has all that it has.
    IgnoreCandidatesLog,
    /// Whoever asks before a candidacy is encouraged, even while a leader is at work.
    AlwaysEncourage,
    /// A vote is written down and not synced.
    ForgetVoteSync,
    /// What was written down about votes is not read at a start.
    ForgetState,
    /// A leader counts its own records before they are synced.
    LeaderCountsUnsynced,
    /// A follower says that it has records that are not synced.
    FollowerCountsUnsynced,
    /// What a majority has is committed, of whichever epoch it is.
    CommitOlderEpoch,
    /// A leader takes fetches of other epochs for those of its own.
    AcceptStaleFetch,
    /// Whoever says that it leads is believed, in whichever epoch.
    SkipEpochCheck,
    /// A leader does not look where the other log left its own.
    IgnoreDivergence,
    /// A client is answered when its record is appended.
    AnswerBeforeCommit,
    /// A follower takes all that it has for committed.
    HighWatermarkAhead,
    /// Two voters come or go at once.
    ChangeTwoVoters,
    /// A leader changes the voters while the last change is not committed.
    OverlappingChanges,
    /// A snapshot does not tell who votes.
    SnapshotWithoutVoters,
    /// A snapshot holds what is not committed.
    SnapshotOfUncommitted,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::VoteTwice,
        Self::IgnoreCandidatesLog,
        Self::AlwaysEncourage,
        Self::ForgetVoteSync,
        Self::ForgetState,
        Self::LeaderCountsUnsynced,
        Self::FollowerCountsUnsynced,
        Self::CommitOlderEpoch,
        Self::AcceptStaleFetch,
        Self::SkipEpochCheck,
        Self::IgnoreDivergence,
        Self::AnswerBeforeCommit,
        Self::HighWatermarkAhead,
        Self::ChangeTwoVoters,
        Self::OverlappingChanges,
        Self::SnapshotWithoutVoters,
        Self::SnapshotOfUncommitted,
    ];

    /// Whether it shows only where voters change.
    pub(super) fn is_about_voters(self) -> bool {
        matches!(
            self,
            Self::ChangeTwoVoters | Self::OverlappingChanges | Self::SnapshotWithoutVoters
        )
    }
}
