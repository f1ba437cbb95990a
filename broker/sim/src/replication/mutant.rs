//! Deliberate mistakes, made in the drivers here, never in what
//! is tested.

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// A leader acknowledges what it alone has.
    AcknowledgeBeforeReplication,
    /// The high watermark is the end of the leader's log.
    HighWatermarkFromTheLeaderAlone,
    /// A new follower truncates to its high watermark, not to where the histories part (KIP-101).
    TruncateToTheHighWatermark,
    /// Nobody checks leader epochs.
    SkipTheEpochCheck,
    /// Followers do not say which epoch their last record has.
    SkipTheDivergence,
    /// Every follower that fetches is proposed for the ISR.
    ExpandTooEarly,
    /// A proposal that has no answer yet does not hold the high watermark.
    ForgetTheMaximalIsr,
    /// The leader goes on without who is behind, and asks nobody.
    ShrinkWithoutAsking,
    /// The controller takes proposals that rest on what is no longer so.
    AcceptStalePartitionEpochs,
    /// A broker that lost its page cache says that it was shut down cleanly.
    HideUncleanShutdowns,
    /// The leader commits what fewer have than min.insync.replicas (KIP-966).
    CommitBelowMinIsr,
    /// The controller makes anybody the leader.
    ElectAnybody,
    /// A restarted broker leads what it led before, whatever has happened since.
    LeadByAnOldImage,
    /// Followers ask for more before they have synced what they have.
    FetchOnBeforeTheSync,
    /// Consumers see what is not committed.
    ServeUncommitted,
    /// A new leader does not know what the producers have sent.
    ForgetProducers,
    /// After a restart everything in the log counts as committed.
    HighWatermarkFromTheLog,
    /// Who waits for an acknowledgement is told that all is well when the leader is deposed.
    AcknowledgeWhenDeposed,
    /// A leader speaks as one whether it has heard from the controller or not.
    ForgetTheLease,
    /// A lease counts from when the controller's answer came, not from when it was asked for.
    ExtendTheLeaseFromTheAnswer,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::AcknowledgeBeforeReplication,
        Self::HighWatermarkFromTheLeaderAlone,
        Self::TruncateToTheHighWatermark,
        Self::SkipTheEpochCheck,
        Self::SkipTheDivergence,
        Self::ExpandTooEarly,
        Self::ForgetTheMaximalIsr,
        Self::ShrinkWithoutAsking,
        Self::AcceptStalePartitionEpochs,
        Self::HideUncleanShutdowns,
        Self::CommitBelowMinIsr,
        Self::ElectAnybody,
        Self::LeadByAnOldImage,
        Self::FetchOnBeforeTheSync,
        Self::ServeUncommitted,
        Self::ForgetProducers,
        Self::HighWatermarkFromTheLog,
        Self::AcknowledgeWhenDeposed,
        Self::ForgetTheLease,
        Self::ExtendTheLeaseFromTheAnswer,
    ];
}
