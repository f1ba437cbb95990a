//! One run from its seed: faults, healing, judgement.

use kastellan_core::machine::Millis;

use super::{
    counter::Counters,
    heal,
    invariant::{Check, Invariant, Violation},
    mutant::Mutant,
    world::World,
};
use crate::run::survive;

/// What a run came to.
pub type Outcome = crate::run::Outcome<Counters, Invariant>;

/// Runs the world of `seed`, with a deliberate mistake or without. A panic of the code under test
/// is a failure like any other.
pub fn run(seed: u64, mutant: Option<Mutant>) -> Outcome {
    let mut world = World::new(seed, mutant);
    world.env.counters.runs = 1;
    let judged = survive(|| live(&mut world));
    let World { env, .. } = world;
    let counters = env.counters;
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
