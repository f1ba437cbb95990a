//! Deliberate mistakes, switched on at run time: a simulator that does not find them is worth
//! nothing. Each is made in the simulator's own disk or driver, never in what is tested.

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// Disk: syncing a directory does nothing.
    ForgetDirectorySync,
    /// Disk: syncing a segment does nothing.
    ForgetFileSync,
    /// Disk: a failed sync is reported as a success.
    SwallowSyncError,
    /// Disk: a failed write is reported as a success.
    SwallowWriteError,
    /// Disk: while a log is opened, every batch seems to have the right CRC.
    SkipRecoveryCrc,
    /// Data: in fsync mode an append is acknowledged before it is synced.
    AcknowledgeBeforeSync,
    /// Data: readers see what is behind the high watermark.
    ServePastHighWatermark,
    /// Data: what recovery cut off is served all the same.
    ServePastValidPrefix,
    /// Data: repeated batches are not recognised.
    SkipDedupe,
    /// Data: after a restart nobody remembers the producers.
    DropProducerState,
    /// Data: after a restart the producers are as of the snapshot, without what follows it.
    StaleProducerSnapshot,
    /// Data: a refused append is acknowledged.
    IgnorePoison,
    /// Data: recovery points run ahead of what is synced.
    CheckpointAhead,
    /// Data: the start offset is not remembered.
    ForgetLogStart,
    /// Data: a crash looks like a clean shutdown.
    AlwaysClean,
    /// Data: a topic's directory is not told whose it is, and deleting a topic leaves it.
    ForgetTopicDeletion,
    /// Data: time lookups point one record too far.
    TimeLookupOffByOne,
    /// Groups: a commit is answered and never appended.
    ReplyBeforeAppend,
    /// Groups: tombstones are applied and never appended.
    ForgetTombstone,
    /// Groups: a replay stops one record early.
    ReplayTooLittle,
    /// Metadata: answers do not wait for the sync.
    MetadataBeforeSync,
    /// Metadata: settings are applied and never appended.
    MetadataForgetConfig,
    /// Retention takes one segment too many.
    RetentionTooEager,
    /// Compaction keeps no tombstone for those who have not read it yet.
    CompactionForgetsTombstones,
    /// Compaction does not know whose last batches it has to keep.
    CompactionForgetsProducers,
    /// Disk: what compaction wrote is not synced.
    ForgetCompactedSync,
    /// Disk: the names that compaction gives are not synced.
    ForgetCompactedNames,
    /// Disk: what compaction has written and not named is not seen by the next start.
    HideCompacted,
    /// Disk: what compaction replaces keeps its name.
    KeepReplaced,
    /// Disk: what a compaction that was given up has written stays.
    KeepGivenUp,
    /// Deletion: goes beyond the high watermark where it is asked to.
    DeletePastHighWatermark,
    /// Deletion: takes one record too many.
    DeleteOneTooMany,
    /// Deletion: heeds no policy.
    DeleteWhatIsCompacted,
    /// Deletion: is answered before the new start is written down.
    AnswerDeletionUnwritten,
    /// Epochs: all of them end with the log.
    EpochsEndWithTheLog,
    /// Epochs: one that nobody has led in is known.
    FutureEpochsAreKnown,
    /// Disk: the epochs of a log stay as they were written down first.
    StaleEpochCheckpoint,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 37] = [
        Self::ForgetDirectorySync,
        Self::ForgetFileSync,
        Self::SwallowSyncError,
        Self::SwallowWriteError,
        Self::SkipRecoveryCrc,
        Self::AcknowledgeBeforeSync,
        Self::ServePastHighWatermark,
        Self::ServePastValidPrefix,
        Self::SkipDedupe,
        Self::DropProducerState,
        Self::StaleProducerSnapshot,
        Self::IgnorePoison,
        Self::CheckpointAhead,
        Self::ForgetLogStart,
        Self::AlwaysClean,
        Self::ForgetTopicDeletion,
        Self::TimeLookupOffByOne,
        Self::ReplyBeforeAppend,
        Self::ForgetTombstone,
        Self::ReplayTooLittle,
        Self::MetadataBeforeSync,
        Self::MetadataForgetConfig,
        Self::RetentionTooEager,
        Self::CompactionForgetsTombstones,
        Self::CompactionForgetsProducers,
        Self::ForgetCompactedSync,
        Self::ForgetCompactedNames,
        Self::HideCompacted,
        Self::KeepReplaced,
        Self::KeepGivenUp,
        Self::DeletePastHighWatermark,
        Self::DeleteOneTooMany,
        Self::DeleteWhatIsCompacted,
        Self::AnswerDeletionUnwritten,
        Self::EpochsEndWithTheLog,
        Self::FutureEpochsAreKnown,
        Self::StaleEpochCheckpoint,
    ];

    /// Whether it can only be found in what is compacted.
    pub(crate) fn is_about_compaction(self) -> bool {
        matches!(
            self,
            Self::CompactionForgetsTombstones
                | Self::CompactionForgetsProducers
                | Self::ForgetCompactedSync
                | Self::ForgetCompactedNames
                | Self::HideCompacted
                | Self::KeepReplaced
                | Self::KeepGivenUp
        )
    }
}
