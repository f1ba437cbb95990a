//! What the command line needs of a simulation, so that it need not know which one it runs.

use std::fmt::{Debug, Display};

use kastellan_sim::{Counters, Mutant, Outcome, fleet, replication, run};

/// What one seed came to.
pub(crate) struct Ran<C> {
    pub(crate) hash: u64,
    pub(crate) counters: C,
    /// What was violated, and the steps before that.
    pub(crate) failure: Option<(String, Vec<String>)>,
}

impl<C, I: Debug> From<Outcome<C, I>> for Ran<C> {
    fn from(outcome: Outcome<C, I>) -> Self {
        let failure = outcome.failure.map(|(violation, steps)| (violation.to_string(), steps));
        Self { hash: outcome.hash, counters: outcome.counters, failure }
    }
}

/// A kind of world.
pub(crate) trait Simulation {
    type Mutant: Copy + Debug + 'static;
    type Counters: Default + Display;

    /// The words on the command line that mean it.
    const WORDS: &'static str;
    const MUTANTS: &'static [Self::Mutant];

    fn run(seed: u64, mutant: Option<Self::Mutant>) -> Ran<Self::Counters>;
    fn add(all: &mut Self::Counters, one: &Self::Counters);
    /// Seeds so far, and what none of them has reached.
    fn judge(counters: &Self::Counters) -> (u64, Vec<String>);
}

/// One broker.
pub(crate) struct One;
/// Several nodes and a network.
pub(crate) struct Fleet;
/// Several brokers with replicated partitions.
pub(crate) struct Replication;

impl Simulation for One {
    type Mutant = Mutant;
    type Counters = Counters;

    const WORDS: &'static str = "";
    const MUTANTS: &'static [Mutant] = &Mutant::ALL;

    fn run(seed: u64, mutant: Option<Mutant>) -> Ran<Counters> {
        run(seed, mutant).into()
    }

    fn add(all: &mut Counters, one: &Counters) {
        all.add(one);
    }

    fn judge(counters: &Counters) -> (u64, Vec<String>) {
        (counters.runs, never(&counters.missed(), &counters.vacuous()))
    }
}

impl Simulation for Fleet {
    type Mutant = fleet::Mutant;
    type Counters = fleet::Counters;

    const WORDS: &'static str = "fleet ";
    const MUTANTS: &'static [fleet::Mutant] = &fleet::Mutant::ALL;

    fn run(seed: u64, mutant: Option<fleet::Mutant>) -> Ran<fleet::Counters> {
        fleet::run(seed, mutant).into()
    }

    fn add(all: &mut fleet::Counters, one: &fleet::Counters) {
        all.add(one);
    }

    fn judge(counters: &fleet::Counters) -> (u64, Vec<String>) {
        (counters.runs, never(&counters.missed(), &counters.vacuous()))
    }
}

impl Simulation for Replication {
    type Mutant = replication::Mutant;
    type Counters = replication::Counters;

    const WORDS: &'static str = "replication ";
    const MUTANTS: &'static [replication::Mutant] = &replication::Mutant::ALL;

    fn run(seed: u64, mutant: Option<replication::Mutant>) -> Ran<replication::Counters> {
        replication::run(seed, mutant).into()
    }

    fn add(all: &mut replication::Counters, one: &replication::Counters) {
        all.add(one);
    }

    fn judge(counters: &replication::Counters) -> (u64, Vec<String>) {
        (counters.runs, never(&counters.missed(), &counters.vacuous()))
    }
}

fn never(missed: &[impl Debug], vacuous: &[impl Debug]) -> Vec<String> {
    let missed = missed.iter().map(|rare| format!("{rare:?}"));
    missed.chain(vacuous.iter().map(|invariant| format!("{invariant:?}"))).collect()
}
