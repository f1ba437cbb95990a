//! One run from its seed: faults, healing, judgement.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kastellan_core::machine::Millis;

use super::{
    counter::Counters,
    heal,
    invariant::{Check, Violation},
    mutant::Mutant,
    world::World,
};

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// A hash over everything that happened.
    pub hash: u64,
    /// What was reached.
    pub counters: Counters,
    /// What went wrong, if anything did, and the last steps before that.
    pub failure: Option<(Violation, Vec<String>)>,
}

/// Runs the world of `seed`, with a deliberate mistake or without. A panic of the code under test
/// is a failure like any other.
pub fn run(seed: u64, mutant: Option<Mutant>) -> Outcome {
    let mut world = World::new(seed, mutant);
    world.env.counters.runs = 1;
    let caught = catch_unwind(AssertUnwindSafe(|| live(&mut world)));
    let judged = caught.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let what = format!("the code under test panicked: {}", text.unwrap_or_default());
        Err(Violation { invariant: None, what })
    });
    let World { env, controller, .. } = world;
    let mut counters = env.counters;
    counters.add(&controller.counters);
    let failure = judged.err().map(|violation| (violation, env.trace.lines()));
    Outcome { seed, hash: env.trace.hash(), counters, failure }
}

fn live(world: &mut World) -> Check {
    let until = world.env.parameters.millis;
    world.run_until(Millis(until))?;
    heal::run(world)?;
    let counters = &world.env.counters;
    if counters.acknowledged > 0 && counters.all_comparisons() > 100
        || !world.env.excused.is_empty()
        || world.env.parameters.all < 100
    {
        return Ok(());
    }
    let what = format!("nothing was tested: {} acknowledgements", counters.acknowledged);
    Err(Violation { invariant: None, what })
}
