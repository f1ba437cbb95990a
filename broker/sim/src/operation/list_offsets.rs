//! A client asks for offsets: by time, the newest, the ends.

use kastellan_core::partition::{Isolation, Listed, Place};

use crate::{
    invariant::{Check, Invariant, time_lookup},
    model::Partition,
    mutant::Mutant,
    world::World,
};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let Some(served) = broker.partitions.get(&of) else { return Ok(()) };
    let model = env.model.partitions.get(&of);
    // what compaction removed cannot be found, and what it kept is checked by reading
    let whole = |model: &&Partition| !model.has_gaps() && model.half_truncated.is_none();
    let Some(model) = model.filter(whole) else { return Ok(()) };
    let timestamp = env.now.wall + env.workload.between(-200_000, 2_000);
    let place = if env.workload.chance(25) { Place::MaxTimestamp } else { Place::At(timestamp) };
    let Ok(listed) = served.machine.list(place, -1, Isolation::ReadUncommitted) else {
        return Ok(());
    };
    let log = served.machine.log();
    let (found, below) = match listed {
        Listed::Search { timestamp, below } => {
            (log.offset_for_time(timestamp, &mut env.scratch), below)
        }
        Listed::SearchMax { below } => (log.offset_of_max_timestamp(&mut env.scratch), below),
        Listed::Offset(..) | Listed::None => return Ok(()),
    };
    let Ok(found) = found else { return Ok(()) };
    let found = found.map(|found| found.offset).filter(|offset| *offset < below);
    let wrong = env.mutant == Some(Mutant::TimeLookupOffByOne);
    let found = if wrong { found.map(|offset| offset + 1) } else { found };
    env.trace.note(format_args!("  {of} {place:?} {found:?}"));
    env.counters.compared(Invariant::TimeLookupFindsTheFirst);
    match place {
        Place::At(timestamp) => time_lookup::at(&of, model, timestamp, found),
        // what is not committed may hide the newest record that is: a known limit of the search
        _ if model.high_watermark < served.end() => Ok(()),
        _ => time_lookup::newest(&of, model, found),
    }
}
