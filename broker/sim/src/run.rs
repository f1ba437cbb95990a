//! One run from its seed: faults, healing, judgement.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{
    counter::{Counters, Rare},
    heal,
    invariant::{Check, Invariant, Violation},
    model::Ending,
    mutant::Mutant,
    operation::Operation,
    world::{Env, World},
};

/// What a run came to, in whichever world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<C = Counters, I = Invariant> {
    /// The seed.
    pub seed: u64,
    /// A hash over everything that happened.
    pub hash: u64,
    /// What was reached.
    pub counters: C,
    /// What went wrong, if anything did, and the last steps before that.
    pub failure: Option<(Violation<I>, Vec<String>)>,
}

/// Runs the world of `seed`, with a deliberate mistake or without. A panic of the code under test
/// is a failure like any other.
pub fn run(seed: u64, mutant: Option<Mutant>) -> Outcome {
    let mut world = World::new(Env::new(seed, mutant));
    world.env.counters.runs = 1;
    let judged = survive(|| live(&mut world));
    let World { env, .. } = world;
    let failure = judged.err().map(|violation| (violation, env.trace.lines()));
    Outcome { seed, hash: env.trace.hash(), counters: env.counters, failure }
}

/// Lives a life; a panic in it is a failure.
pub(crate) fn survive<I>(life: impl FnOnce() -> Check<I>) -> Check<I> {
    catch_unwind(AssertUnwindSafe(life)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let what = format!("the code under test panicked: {}", text.unwrap_or_default());
        Err(Violation { invariant: None, what })
    })
}

fn live(world: &mut World) -> Check {
    world.start_first()?;
    let weights = world.env.parameters.weights.clone();
    let total: usize = weights.iter().map(|(_, weight)| weight).sum();
    for step in 0..world.env.parameters.steps {
        world.step = step;
        let mut at = world.env.workload.below(total);
        let chosen = weights.iter().find(|(_, weight)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        let operation = chosen.map_or(Operation::Produce, |(operation, _)| *operation);
        take(world, operation)?;
    }
    heal::run(world)?;
    judge(&world.env.counters)
}

/// One step, and what follows from it.
fn take(world: &mut World, operation: Operation) -> Check {
    world.env.counters.operation(operation.name());
    world.env.trace.note(format_args!("{} {}", world.step, operation.name()));
    let before = world.env.disk.failures();
    let segments = segments(world);
    operation.run(world)?;
    let after = world.env.disk.failures();
    let full = world.env.disk.memory().faults().capacity.is_some();
    if world.power_is_cut() {
        let rolled = operation == Operation::Produce && segments_differ(world, segments);
        world.env.counters.note_if(rolled, Rare::CrashDuringRoll);
        world.env.trace.note(format_args!("  the power is cut"));
        world.crash(Ending::PowerCut)?;
    } else {
        let counters = &mut world.env.counters;
        counters.note_if(after.0 > before.0, Rare::FsyncFailed);
        counters.note_if(after.1 > before.1, Rare::WriteFailed);
        counters.note_if(after.1 > before.1 && full, Rare::DiskFilledUp);
        counters.note_if(after != before, Rare::DirectoryPoisoned);
    }
    world.look()?;
    note_state(world);
    Ok(())
}

/// A line in the history about where everything stands.
fn note_state(world: &mut World) {
    let Some(broker) = &world.broker else { return };
    for (of, served) in &broker.partitions {
        let ends = served.ends();
        let state = [ends.start, ends.high_watermark, ends.end];
        world.env.trace.bytes(of.topic.as_bytes());
        for number in state {
            world.env.trace.bytes(&number.to_le_bytes());
        }
    }
    let image = broker.metadata.machine.image();
    world.env.trace.bytes(&image.offset().to_le_bytes());
    world.env.trace.bytes(&world.env.disk.memory().operations().to_le_bytes());
}

fn segments(world: &World) -> usize {
    let Some(broker) = &world.broker else { return 0 };
    broker.partitions.values().map(|served| served.machine.log().segment_count()).sum()
}

fn segments_differ(world: &World, before: usize) -> bool {
    world.broker.is_some() && segments(world) != before
}

/// A run that compared nothing is a failure of ours.
fn judge(counters: &Counters) -> Check {
    if counters.acknowledged > 0 && counters.all_comparisons() > 100 {
        return Ok(());
    }
    let what = format!(
        "nothing was tested: {} acknowledgements, {} comparisons",
        counters.acknowledged,
        counters.all_comparisons()
    );
    Err(Violation { invariant: None, what })
}
