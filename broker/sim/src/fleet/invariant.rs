//! What must hold whatever happens in a fleet: one file each, with where it comes from.

pub(super) mod acknowledged;
pub(super) mod committed;
pub(super) mod forward;
pub(super) mod heals;
pub(super) mod known_voters;
pub(super) mod leader_complete;
pub(super) mod log_matching;
pub(super) mod majority;
pub(super) mod one_change;
pub(super) mod one_leader;
pub(super) mod one_vote;
pub(super) mod right_leader;
pub(super) mod snapshots;
pub(super) mod stable_leader;
pub(super) mod timers;

pub(super) use crate::invariant::ensure;

/// One invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// [`acknowledged`]
    AcknowledgedIsCommitted,
    /// [`committed`]
    CommittedNeverChanges,
    /// [`forward`]
    EndsMoveForward,
    /// [`heals`]
    ServesAgainOnceHealed,
    /// [`known_voters`]
    VotersAreKnown,
    /// [`leader_complete`]
    LeadersHaveAllThatIsCommitted,
    /// [`log_matching`]
    LogsMatch,
    /// [`majority`]
    AMajorityHasSyncedWhatIsCommitted,
    /// [`one_change`]
    VotersChangeOneAtATime,
    /// [`one_leader`]
    OneLeaderPerEpoch,
    /// [`one_vote`]
    OneVotePerEpoch,
    /// [`right_leader`]
    FollowersFollowWhoWasElected,
    /// [`snapshots`]
    SnapshotsHoldWhatIsCommitted,
    /// [`stable_leader`]
    NobodyDisturbsALeader,
    /// [`timers`]
    TimersMoveForward,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::AcknowledgedIsCommitted,
        Self::CommittedNeverChanges,
        Self::EndsMoveForward,
        Self::ServesAgainOnceHealed,
        Self::VotersAreKnown,
        Self::LeadersHaveAllThatIsCommitted,
        Self::LogsMatch,
        Self::AMajorityHasSyncedWhatIsCommitted,
        Self::VotersChangeOneAtATime,
        Self::OneLeaderPerEpoch,
        Self::OneVotePerEpoch,
        Self::FollowersFollowWhoWasElected,
        Self::SnapshotsHoldWhatIsCommitted,
        Self::NobodyDisturbsALeader,
        Self::TimersMoveForward,
    ];
}

/// An invariant that does not hold.
pub type Violation = crate::invariant::Violation<Invariant>;

/// What a check comes to.
pub(super) type Check = crate::invariant::Check<Invariant>;
