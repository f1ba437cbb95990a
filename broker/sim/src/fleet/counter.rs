//! What a run has reached: comparisons made, and states that are rare and must not be missed.

use std::{collections::BTreeMap, fmt};

use super::invariant::Invariant;

/// A state that a batch of seeds has to reach, or it has tested less than it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are what the summary prints")]
pub enum Rare {
    CandidateRefused,
    ChangeOfVotersRefused,
    ChangeOfVotersTruncated,
    CommittedOverAnOlderEpoch,
    CrashBetweenEffects,
    DiskFailed,
    EncouragementRefused,
    FetchFromAnotherEpoch,
    LeaderFoundGone,
    LeaderGaveUp,
    LeaderHandedOver,
    LeaderLostWhatWasNotSynced,
    LeaderRemoved,
    LogTruncated,
    MajorityWasDown,
    MessageDoubled,
    MessageOvertaken,
    NodePaused,
    ObserverFollowed,
    OneWayCut,
    RestartedInTheEpochOfItsVote,
    SnapshotFetchedInParts,
    SnapshotInstalled,
    SnapshotTaken,
    SnapshotVanished,
    TwoCandidatesInAnEpoch,
    TwoLeadersAtATime,
    VoteRefusedForTheLog,
    VoteRefusedForAnother,
    VoterAdded,
    VoterRemoved,
    VoterUpdated,
}

impl Rare {
    /// All of them.
    pub const ALL: [Self; 32] = [
        Self::CandidateRefused,
        Self::ChangeOfVotersRefused,
        Self::ChangeOfVotersTruncated,
        Self::CommittedOverAnOlderEpoch,
        Self::CrashBetweenEffects,
        Self::DiskFailed,
        Self::EncouragementRefused,
        Self::FetchFromAnotherEpoch,
        Self::LeaderFoundGone,
        Self::LeaderGaveUp,
        Self::LeaderHandedOver,
        Self::LeaderLostWhatWasNotSynced,
        Self::LeaderRemoved,
        Self::LogTruncated,
        Self::MajorityWasDown,
        Self::MessageDoubled,
        Self::MessageOvertaken,
        Self::NodePaused,
        Self::ObserverFollowed,
        Self::OneWayCut,
        Self::RestartedInTheEpochOfItsVote,
        Self::SnapshotFetchedInParts,
        Self::SnapshotInstalled,
        Self::SnapshotTaken,
        Self::SnapshotVanished,
        Self::TwoCandidatesInAnEpoch,
        Self::TwoLeadersAtATime,
        Self::VoteRefusedForTheLog,
        Self::VoteRefusedForAnother,
        Self::VoterAdded,
        Self::VoterRemoved,
        Self::VoterUpdated,
    ];
}

/// Counts of one run, or of many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    rare: BTreeMap<Rare, u64>,
    compared: BTreeMap<Invariant, u64>,
    operations: BTreeMap<String, u64>,
    /// Proposals that were answered as committed.
    pub acknowledged: u64,
    /// Elections won.
    pub elections: u64,
    /// Deaths of nodes.
    pub crashes: u64,
    /// Steps of machines.
    pub steps: u64,
    /// Simulated time, in milliseconds, summed over nodes.
    pub node_millis: u64,
    /// Seeds.
    pub runs: u64,
}

impl Counters {
    pub(super) fn note(&mut self, rare: Rare) {
        *self.rare.entry(rare).or_default() += 1;
    }

    pub(super) fn note_if(&mut self, happened: bool, rare: Rare) {
        if happened {
            self.note(rare);
        }
    }

    pub(super) fn compared(&mut self, invariant: Invariant) {
        *self.compared.entry(invariant).or_default() += 1;
    }

    pub(super) fn operation(&mut self, name: String) {
        *self.operations.entry(name).or_default() += 1;
    }

    /// How often a state was reached.
    pub fn reached(&self, rare: Rare) -> u64 {
        self.rare.get(&rare).copied().unwrap_or(0)
    }

    /// How many comparisons there were in all.
    pub fn all_comparisons(&self) -> u64 {
        self.compared.values().sum()
    }

    /// Takes in the counts of another run.
    pub fn add(&mut self, other: &Self) {
        let add = |(into, count): (&mut u64, &u64)| *into += count;
        other.rare.iter().for_each(|(key, n)| add((self.rare.entry(*key).or_default(), n)));
        other.compared.iter().for_each(|(key, n)| add((self.compared.entry(*key).or_default(), n)));
        for (name, n) in &other.operations {
            add((self.operations.entry(name.clone()).or_default(), n));
        }
        self.acknowledged += other.acknowledged;
        self.elections += other.elections;
        self.crashes += other.crashes;
        self.steps += other.steps;
        self.node_millis += other.node_millis;
        self.runs += other.runs;
    }

    /// The rare states that were not reached.
    pub fn missed(&self) -> Vec<Rare> {
        Rare::ALL.into_iter().filter(|rare| self.reached(*rare) == 0).collect()
    }

    /// The invariants that were never compared with anything.
    pub fn vacuous(&self) -> Vec<Invariant> {
        let never = |invariant: &Invariant| !self.compared.contains_key(invariant);
        Invariant::ALL.into_iter().filter(never).collect()
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} seeds, {} node seconds, {} steps, {} elections, {} crashes, {} acknowledged, {} \
             comparisons",
            self.runs,
            self.node_millis / 1_000,
            self.steps,
            self.elections,
            self.crashes,
            self.acknowledged,
            self.all_comparisons(),
        )?;
        let operations = self.operations.iter().map(|(name, count)| (name.clone(), *count));
        crate::counter::columns(f, "operations", &operations.collect::<Vec<_>>())?;
        let compared = self.compared.iter().map(|(of, count)| (format!("{of:?}"), *count));
        crate::counter::columns(f, "compared", &compared.collect::<Vec<_>>())?;
        let rare = Rare::ALL.iter().map(|rare| (format!("{rare:?}"), self.reached(*rare)));
        crate::counter::columns(f, "reached", &rare.collect::<Vec<_>>())
    }
}
