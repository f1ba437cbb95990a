//! Somebody asks where an epoch ended, and reads on from there.

use kastellan_core::{log::Log as _, partition::From};

use crate::{
    counter::Rare,
    invariant::{Check, Invariant, epochs},
    model::Partition,
    mutant::Mutant,
    world::World,
};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let Some(served) = broker.partitions.get(&of) else { return Ok(()) };
    // where compaction took an epoch's first batches, recovery finds it to begin later
    let whole = |model: &&Partition| !model.has_gaps() && model.half_truncated.is_none();
    let machine = &served.machine;
    let (current, end) = (machine.epoch(), machine.log().end());
    let model = env.model.partitions.get(&of).filter(whole).filter(|model| model.end == end);
    let Some(model) = model else { return Ok(()) };
    let asked = env.workload.between(-1, i64::from(current) + 3);
    let asked = i32::try_from(asked).unwrap_or(-1);
    let mut answer = machine.end_of_epoch(asked);
    if env.mutant == Some(Mutant::EpochsEndWithTheLog) {
        answer = answer.map(|(epoch, _)| (epoch, end));
    }
    if env.mutant == Some(Mutant::FutureEpochsAreKnown) {
        answer = answer.or((asked >= 0).then_some((asked, end)));
    }
    env.trace.note(format_args!("  {of} {asked} of {current} {answer:?}"));
    epochs::ended(&of, model, epochs::Asked { current, asked }, answer)?;
    let known = epochs::epochs(model);
    env.counters.compared(Invariant::EpochsEndWhereTheyDid);
    env.counters.note_if(known.len() > 2, Rare::ThreeEpochsInOneLog);
    let skipped = asked >= 0 && asked < current && !known.contains(&asked);
    env.counters.note_if(skipped, Rare::EpochWithoutBatchesAskedFor);
    let Some((epoch, ended)) = answer else { return Ok(()) };
    let read = |offset, last_fetched_epoch| {
        machine.bounds(From {
            offset,
            current_leader_epoch: current,
            last_fetched_epoch,
            max_bytes: 1,
            at_least_one: true,
        })
    };
    // who read up to there goes on, who read further has to go back
    let there = read(ended, epoch).map(|fetched| fetched.diverging);
    let behind = read(ended + 1, epoch).map(|fetched| fetched.diverging);
    epochs::diverging(&of, (epoch, ended), there, behind)
}
