//! What a run has reached: comparisons made, and states that are rare and must not be missed.

use std::{collections::BTreeMap, fmt};

use super::invariant::Invariant;

macro_rules! states {
    ($($name:ident),* $(,)?) => {
        /// A state that a batch of seeds has to reach, or it has tested less than it says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the names are what the summary prints")]
        pub enum Rare {
            $($name),*
        }

        impl Rare {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

states! {
    AnswerOfThePastIgnored,
    BrokerFencedWhileAlive,
    CommittedGivenUpByUncleanElection,
    ControllerPaused,
    ControllerReplaced,
    DecisionLost,
    DoubtfulLeaderBacked,
    DoubtfulLeaderSilent,
    DuplicateAnswered,
    ElectedFromElr,
    EpochFenced,
    EpochUnknown,
    FollowerDiverged,
    FollowerRestartedEmpty,
    FollowerServedAConsumer,
    FollowerWaitedForItsSync,
    GoneWhenDialled,
    IneligibleMemberRefused,
    IsrExpanded,
    IsrShrunk,
    LeaderDeposedAlive,
    LeftInOrder,
    LongPollInterrupted,
    LossyCrashOfAMember,
    NobodyLeads,
    NotEnoughReplicas,
    PowerCut,
    ProposalTimedOut,
    RecordsDeleted,
    RegisteredOnceMore,
    ReplicaAdded,
    ReplicaRemoved,
    SessionLost,
    StaleProposalRefused,
    TwoLeadersAtATime,
    UnavailableOffsetRefused,
}

/// Counts of one run, or of many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    rare: BTreeMap<Rare, u64>,
    compared: BTreeMap<Invariant, u64>,
    operations: BTreeMap<&'static str, u64>,
    /// Batches acknowledged to producers with `acks=all`.
    pub acknowledged: u64,
    /// Elections.
    pub elections: u64,
    /// Deaths of brokers.
    pub crashes: u64,
    /// Events.
    pub events: u64,
    /// Simulated milliseconds.
    pub millis: u64,
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

    pub(super) fn operation(&mut self, name: &'static str) {
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
        let operations = &mut self.operations;
        other.operations.iter().for_each(|(key, n)| add((operations.entry(key).or_default(), n)));
        self.acknowledged += other.acknowledged;
        self.elections += other.elections;
        self.crashes += other.crashes;
        self.events += other.events;
        self.millis += other.millis;
        self.runs += other.runs;
    }

    /// The rare states that were not reached.
    pub fn missed(&self) -> Vec<Rare> {
        Rare::ALL.iter().copied().filter(|rare| self.reached(*rare) == 0).collect()
    }

    /// The invariants that were never compared with anything.
    pub fn vacuous(&self) -> Vec<Invariant> {
        let never = |invariant: &Invariant| !self.compared.contains_key(invariant);
        Invariant::ALL.iter().copied().filter(never).collect()
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} seeds, {} events, {} s, {} elections, {} crashes, {} batches acknowledged, {} \
             comparisons",
            self.runs,
            self.events,
            self.millis / 1_000,
            self.elections,
            self.crashes,
            self.acknowledged,
            self.all_comparisons(),
        )?;
        let operations = self.operations.iter().map(|(name, count)| (format!("{name:?}"), *count));
        crate::counter::columns(f, "operations", &operations.collect::<Vec<_>>())?;
        let compared = self.compared.iter().map(|(of, count)| (format!("{of:?}"), *count));
        crate::counter::columns(f, "compared", &compared.collect::<Vec<_>>())?;
        let rare = Rare::ALL.iter().map(|rare| (format!("{rare:?}"), self.reached(*rare)));
        crate::counter::columns(f, "reached", &rare.collect::<Vec<_>>())
    }
}
