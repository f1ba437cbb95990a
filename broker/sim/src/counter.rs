//! What a run has reached: comparisons made, and states that are rare and must not be missed.

use std::{collections::BTreeMap, fmt};

use crate::invariant::Invariant;

/// A state that a batch of seeds has to reach, or it has tested less than it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are what the summary prints")]
pub enum Rare {
    AppendRolledASegment,
    CleanRestart,
    CommitOfOffsetsLost,
    CommitOfOffsetsSurvivedACrash,
    CompactionBetweenOtherThings,
    CompactionRemovedRecords,
    CrashAfterCleanShutdown,
    CrashDuringCompaction,
    CrashDuringRecovery,
    CrashDuringRoll,
    CrashDuringShutdown,
    CrashDuringTruncation,
    CrashLostAcknowledgedInReplicatedMode,
    CrashLostBlockInTheMiddle,
    DeletionRefused,
    DeletionSurvivedACrash,
    DirectoryPoisoned,
    DiskFilledUp,
    DuplicateAnswered,
    EpochWithoutBatchesAskedFor,
    EverythingDeletedAtAStart,
    FsyncFailed,
    GroupDeleted,
    GroupGenerationFinished,
    KilledAndNothingLost,
    MetadataLostWhatWasNotCommitted,
    OffsetDeleted,
    OffsetDeletionRefused,
    PoisonedDirectoryServedAgain,
    PowerCut,
    ProducersReadFromSnapshot,
    ReadAfterAWait,
    RecordsDeletedInsideASegment,
    RetentionRemovedRecords,
    SegmentDeletedUnderAReader,
    SegmentsDroppedBehindAHole,
    SequenceGapRefused,
    StartInsideABatchRecovered,
    SyncToldLate,
    ThreeEpochsInOneLog,
    TombstoneCompactedAway,
    TopicRecreated,
    TornTailRecovered,
    TruncatedSeveralBatches,
    UnsyncedSurvivedACrash,
    WallClockWentBack,
    WriteFailed,
}

/// Counts of one run, or of many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    rare: BTreeMap<Rare, u64>,
    compared: BTreeMap<Invariant, u64>,
    operations: BTreeMap<&'static str, u64>,
    /// Batches acknowledged to producers.
    pub acknowledged: u64,
    /// Crashes, of the power or of the process.
    pub crashes: u64,
    /// Seeds.
    pub runs: u64,
}

impl Counters {
    pub(crate) fn note(&mut self, rare: Rare) {
        *self.rare.entry(rare).or_default() += 1;
    }

    pub(crate) fn note_if(&mut self, happened: bool, rare: Rare) {
        if happened {
            self.note(rare);
        }
    }

    pub(crate) fn compared(&mut self, invariant: Invariant) {
        *self.compared.entry(invariant).or_default() += 1;
    }

    pub(crate) fn operation(&mut self, name: &'static str) {
        *self.operations.entry(name).or_default() += 1;
    }

    /// How often a state was reached.
    pub fn reached(&self, rare: Rare) -> u64 {
        self.rare.get(&rare).copied().unwrap_or(0)
    }

    /// How often an invariant was compared with something.
    pub fn comparisons(&self, invariant: Invariant) -> u64 {
        self.compared.get(&invariant).copied().unwrap_or(0)
    }

    /// How many comparisons there were in all.
    pub fn all_comparisons(&self) -> u64 {
        self.compared.values().sum()
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.operations.values().sum()
    }

    /// Takes in the counts of another run.
    pub fn add(&mut self, other: &Self) {
        let add = |(into, count): (&mut u64, &u64)| *into += count;
        other.rare.iter().for_each(|(key, n)| add((self.rare.entry(*key).or_default(), n)));
        other.compared.iter().for_each(|(key, n)| add((self.compared.entry(*key).or_default(), n)));
        let operations = &mut self.operations;
        other.operations.iter().for_each(|(key, n)| add((operations.entry(key).or_default(), n)));
        self.acknowledged += other.acknowledged;
        self.crashes += other.crashes;
        self.runs += other.runs;
    }

    /// The rare states that were not reached.
    pub fn missed(&self) -> Vec<Rare> {
        Rare::ALL.into_iter().filter(|rare| self.reached(*rare) == 0).collect()
    }

    /// The invariants that were never compared with anything.
    pub fn vacuous(&self) -> Vec<Invariant> {
        let never = |invariant: &Invariant| self.comparisons(*invariant) == 0;
        Invariant::ALL.into_iter().filter(never).collect()
    }
}

impl Rare {
    /// All of them.
    pub const ALL: [Self; 47] = [
        Self::AppendRolledASegment,
        Self::CleanRestart,
        Self::CommitOfOffsetsLost,
        Self::CommitOfOffsetsSurvivedACrash,
        Self::CompactionBetweenOtherThings,
        Self::CompactionRemovedRecords,
        Self::CrashAfterCleanShutdown,
        Self::CrashDuringCompaction,
        Self::CrashDuringRecovery,
        Self::CrashDuringRoll,
        Self::CrashDuringShutdown,
        Self::CrashDuringTruncation,
        Self::CrashLostAcknowledgedInReplicatedMode,
        Self::CrashLostBlockInTheMiddle,
        Self::DeletionRefused,
        Self::DeletionSurvivedACrash,
        Self::DirectoryPoisoned,
        Self::DiskFilledUp,
        Self::DuplicateAnswered,
        Self::EpochWithoutBatchesAskedFor,
        Self::EverythingDeletedAtAStart,
        Self::FsyncFailed,
        Self::GroupDeleted,
        Self::GroupGenerationFinished,
        Self::KilledAndNothingLost,
        Self::MetadataLostWhatWasNotCommitted,
        Self::OffsetDeleted,
        Self::OffsetDeletionRefused,
        Self::PoisonedDirectoryServedAgain,
        Self::PowerCut,
        Self::ProducersReadFromSnapshot,
        Self::ReadAfterAWait,
        Self::RecordsDeletedInsideASegment,
        Self::RetentionRemovedRecords,
        Self::SegmentDeletedUnderAReader,
        Self::SegmentsDroppedBehindAHole,
        Self::SequenceGapRefused,
        Self::StartInsideABatchRecovered,
        Self::SyncToldLate,
        Self::ThreeEpochsInOneLog,
        Self::TombstoneCompactedAway,
        Self::TopicRecreated,
        Self::TornTailRecovered,
        Self::TruncatedSeveralBatches,
        Self::UnsyncedSurvivedACrash,
        Self::WallClockWentBack,
        Self::WriteFailed,
    ];
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} seeds, {} operations, {} crashes, {} batches acknowledged, {} comparisons",
            self.runs,
            self.operations(),
            self.crashes,
            self.acknowledged,
            self.all_comparisons(),
        )?;
        let operations = self.operations.iter().map(|(name, count)| (format!("{name:?}"), *count));
        columns(f, "operations", &operations.collect::<Vec<_>>())?;
        let compared = self.compared.iter().map(|(of, count)| (format!("{of:?}"), *count));
        columns(f, "compared", &compared.collect::<Vec<_>>())?;
        let rare = Rare::ALL.iter().map(|rare| (format!("{rare:?}"), self.reached(*rare)));
        columns(f, "reached", &rare.collect::<Vec<_>>())
    }
}

/// Prints counts, two in a row, below their title.
pub(crate) fn columns(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    cells: &[(String, u64)],
) -> fmt::Result {
    writeln!(f, "{title}:")?;
    for row in cells.chunks(2) {
        for (name, count) in row {
            write!(f, "  {:<40}{count:>9}", name.trim_matches('"'))?;
        }
        writeln!(f)?;
    }
    Ok(())
}
