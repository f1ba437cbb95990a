//! One run from its seed: faults, healing, judgement.

use kastellan_core::machine::Millis;

use super::{
    counter::{Counters, Rare},
    env::Env,
    heal,
    invariant::{Check, Invariant, Violation},
    mutant::Mutant,
    operation::Operation,
    world::World,
};
use crate::{
    random::{Random, Stream},
    run::survive,
};

/// What a run came to.
pub type Outcome = crate::run::Outcome<Counters, Invariant>;

/// Runs the fleet of `seed`, with a deliberate mistake or without. A panic of the code under test
/// is a failure like any other.
pub fn run(seed: u64, mutant: Option<Mutant>) -> Outcome {
    let mut disks = Random::new(seed, Stream::Disk);
    let mut world = World::new(Env::new(seed, mutant), &mut disks);
    let judged = survive(|| live(&mut world));
    let World { mut env, nodes, .. } = world;
    env.counters.runs = 1;
    env.counters.steps = env.steps;
    env.counters.node_millis = env.now.0 * nodes.len() as u64;
    let failure = judged.err().map(|violation| (violation, env.trace.lines()));
    Outcome { seed, hash: env.trace.hash(), counters: env.counters, failure }
}

fn live(world: &mut World) -> Check {
    let weights = world.env.parameters.weights.clone();
    let total: usize = weights.iter().map(|(_, weight)| weight).sum();
    let (end, latest) = (world.env.parameters.duration, world.env.parameters.duration * 4);
    // a voter alone has little to compare: it lives on until it has been tested
    while world.env.now.0 < end || !is_tested(&world.env.counters) && world.env.now.0 < latest {
        let wait = 1 + world.env.workload.below(world.env.parameters.pace) as u64;
        world.run_until(Millis(world.env.now.0 + wait))?;
        let mut at = world.env.workload.below(total);
        let chosen = weights.iter().find(|(_, weight)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        let operation = chosen.map_or(Operation::Propose, |(operation, _)| *operation);
        world.env.counters.operation(format!("{operation:?}"));
        world.env.trace.note(format_args!("{:>6} {operation:?}", world.env.now.0));
        operation.run(world)?;
    }
    heal::run(world)?;
    judge(world)
}

/// A run that compared nothing is a failure of ours.
fn judge(world: &mut World) -> Check {
    let traffic = world.env.net.traffic();
    let counters = &mut world.env.counters;
    counters.note_if(traffic.doubled > 0, Rare::MessageDoubled);
    counters.note_if(traffic.overtaken > 0, Rare::MessageOvertaken);
    if is_tested(counters) {
        return Ok(());
    }
    let what = format!(
        "nothing was tested: {} acknowledgements, {} comparisons",
        counters.acknowledged,
        counters.all_comparisons()
    );
    Err(Violation { invariant: None, what })
}

fn is_tested(counters: &Counters) -> bool {
    counters.acknowledged > 0 && counters.all_comparisons() > 100
}
