//! A log is cut, as one is that led and now follows: what is behind the cut must never come back.

use kastellan_core::{log::Log as _, producer::Producers};

use crate::{
    broker::{Waiter, replica},
    counter::Rare,
    invariant::Check,
    producer::Producer,
    world::World,
};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    let World { broker: Some(broker), env, producers, held, .. } = world else { return Ok(()) };
    let Some(model) = env.model.partitions.get_mut(&of) else { return Ok(()) };
    if broker.directory.poisoned().is_some() {
        return Ok(());
    }
    // nothing is compacted that may be truncated
    let from = model.start.max(model.compacted);
    let to = env.workload.between(from, model.end.max(from) + 1);
    let Some(mut served) = broker.partitions.remove(&of) else { return Ok(()) };
    held.retain(|held| held.of != of);
    for (_, waiter) in served.waiting.drain(..) {
        let Waiter::Produce(sender, _) = waiter else { continue };
        let lane = producers.get_mut(sender.producer).and_then(|it| it.lanes.get_mut(&of));
        if let Some(lane) = lane {
            lane.settle(sender.sequence, crate::producer::Fate::Unknown);
        }
    }
    let (epoch, durability) = (served.machine.epoch(), served.machine.durability());
    let mut log = served.machine.into_log();
    let cut = log.truncate(to);
    let boundary = model.boundary(to);
    env.trace.note(format_args!("  {of} to {to} {cut:?}"));
    // what was promised of the tail is withdrawn by whoever truncates; a batch that is cut into
    // goes as a whole, that of the start too
    let tail = model.batches.values_mut().filter(|batch| batch.header.next_offset() > to);
    tail.for_each(|batch| batch.acknowledged = false);
    model.high_watermark = model.high_watermark.min(boundary);
    if cut.is_ok() {
        let gone = model.batches.range(boundary..).count();
        env.counters.note_if(gone > 1, Rare::TruncatedSeveralBatches);
        let end = log.end();
        if model.compactions.iter().any(|(_, then, _)| *then > end) {
            model.unsure = end;
        }
        model.cut(end);
    } else {
        model.half_truncated = Some(to);
        model.durable = model.durable.min(boundary);
    }
    let mut known = Producers::new(env.parameters.remembered);
    let rebuilt = log.for_each_header(log.start(), |header| {
        known.record(header, header.max_timestamp);
    });
    drop(rebuilt);
    producers.iter_mut().for_each(Producer::start_over);
    // a new leader takes what it finds for synced: see to it that it is
    if log.flush().is_ok() {
        model.durable = model.end;
    }
    served.machine = replica(log, known, durability);
    served.lead(env.now.monotonic, epoch + 1);
    if cut.is_ok() {
        model.high_watermark = served.machine.high_watermark();
    }
    broker.partitions.insert(of, served);
    Ok(())
}
