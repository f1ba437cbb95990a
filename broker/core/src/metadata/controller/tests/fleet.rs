//! Random histories of a fleet: processes start, stop, die and fall silent, leaders propose ISRs,
//! topics come, move and go, controllers follow each other. After every step the invariants hold,
//! every answer is the one that a naive model expects, and a replay of the log gives the image.
#![expect(
    clippy::wildcard_enum_match_arm,
    clippy::unnecessary_wraps,
    reason = "a mistake changes one thing among many, and all operations have one shape"
)]

mod history;
mod invariants;
mod model;
mod mutant;
mod operation;
mod processes;
mod requests;

use std::collections::BTreeMap;

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use self::{
    history::Fleet,
    mutant::Mutant,
    operation::{Operation, operation},
};

/// What went wrong, in words.
type Checked<T = ()> = Result<T, String>;

/// Fails the history unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err(format!($($words)+));
        }
    };
}
use ensure;

/// How often something rare was seen.
type Seen = BTreeMap<&'static str, usize>;

fn run(operations: &[Operation], mutant: Option<Mutant>) -> Checked<Seen> {
    let mut fleet = Fleet::new(mutant);
    fleet.begin()?;
    for operation in operations {
        fleet.carry_out(operation).map_err(|why| format!("{operation:?}: {why}"))?;
    }
    fleet.heal().map_err(|why| format!("after healing: {why}"))?;
    Ok(fleet.seen)
}

/// The same histories at every run.
fn histories(seed: u8) -> impl Iterator<Item = Vec<Operation>> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = prop::collection::vec(operation(), 20..90);
    std::iter::repeat_with(move || strategy.new_tree(&mut runner).unwrap().current())
}

proptest! {
    #[test]
    fn no_history_breaks_an_invariant(operations in prop::collection::vec(operation(), 1..90)) {
        run(&operations, None).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn histories_reach_what_is_rare() {
    let mut seen = Seen::new();
    for operations in histories(1).take(250) {
        for (what, times) in run(&operations, None).unwrap() {
            *seen.entry(what).or_default() += times;
        }
    }
    for what in history::RARE {
        assert!(seen.contains_key(what), "{what} was never seen: {seen:#?}");
    }
}

#[test]
fn every_deliberate_mistake_is_found() {
    for mutant in Mutant::ALL {
        let found = histories(2).take(400).any(|history| run(&history, Some(mutant)).is_err());
        assert!(found, "{mutant:?} survives");
    }
}
