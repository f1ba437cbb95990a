//! The cleaner gets round to a compacted topic; the groups' topic is one. It does it all at once,
//! or begins, and goes on between other things.

use kastellan_core::{
    id::TopicPartition,
    log::{Log as _, LogError},
};
use kastellan_log::{Bounds, Turn};

use crate::{
    broker::{Broker, Compacting},
    counter::Rare,
    invariant::{Check, Invariant, duplicates},
    mutant::Mutant,
    world::{Env, World},
};

pub(super) fn run(world: &mut World) -> Check {
    let World { broker: Some(broker), env, held, .. } = world else { return Ok(()) };
    let compacted = env.model.partitions.iter().filter(|(_, model)| model.config.compact);
    let compacted: Vec<_> = compacted.map(|(of, _)| of.clone()).collect();
    let Some(of) = env.workload.choose(&compacted).cloned() else { return Ok(()) };
    if !begin(broker, env, &of) {
        return Ok(());
    }
    held.retain(|held| held.of != of);
    if env.workload.chance(50) {
        return Ok(());
    }
    while broker.compacting.is_some() {
        turn(broker, env)?;
    }
    look(broker, env, &of)
}

/// A compaction that was begun goes on by one step.
pub(super) fn go_on(world: &mut World) -> Check {
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    if broker.compacting.is_some() {
        env.counters.note(Rare::CompactionBetweenOtherThings);
        turn(broker, env)?;
    }
    Ok(())
}

/// Begins one where there is something to gain; one that was under way is forgotten.
fn begin(broker: &mut Broker, env: &mut Env, of: &TopicPartition) -> bool {
    broker.compacting = None;
    let Some(served) = broker.partitions.get_mut(of) else { return false };
    let Some(model) = env.model.partitions.get_mut(of) else { return false };
    let upto = served.machine.high_watermark();
    let mut bounds = Bounds {
        now: env.now.wall,
        upto,
        producers: served.machine.producers().last_offsets(),
        key_bytes: env.workload.pick(&[200, 1 << 20], 1 << 20),
        load: 0.9,
        brake: None,
    };
    if env.mutant == Some(Mutant::CompactionForgetsProducers) {
        bounds.producers.clear();
    }
    let log = served.machine.log_mut();
    if !log.config().compact {
        return false;
    }
    let flushed = log.flush();
    let checkpoints = log.checkpoints();
    model.durable = model.durable.max(log.durable_end());
    if flushed.is_err() || broker.directory.write_checkpoints(&[checkpoints]).is_err() {
        return false;
    }
    model.durable_start = model.start;
    if env.mutant == Some(Mutant::CompactionForgetsTombstones) {
        let config = log.config().clone();
        log.set_config(kastellan_log::Config { delete_retention_ms: 0, ..config });
    }
    let begun = log.begin_compaction(bounds);
    let Ok(Some(compaction)) = begun else { return false };
    env.trace.note(format_args!("  {of} below {upto}"));
    model.compactions.push((upto, model.end, env.now.wall));
    model.compacted = model.compacted.max(compaction.end());
    let (of, before) = (of.clone(), log.size());
    broker.compacting = Some(Compacting { of, compaction, before });
    true
}

/// One step of the compaction under way: its own, or its log's.
fn turn(broker: &mut Broker, env: &mut Env) -> Check {
    let Some(Compacting { of, mut compaction, before }) = broker.compacting.take() else {
        return Ok(());
    };
    let failed = env.failures();
    let turn = compaction.work();
    env.trace.note(format_args!("  {of} {turn:?} {:?}", compaction.outcome()));
    if matches!(turn, Err(LogError::Unreadable(_))) {
        // a full disk: what it wrote can be written again, and nobody needs it
        env.failures_before += env.failures() - failed;
        return Ok(());
    }
    let Some(served) = broker.partitions.get_mut(&of) else { return Ok(()) };
    if turn == Ok(Turn::Log) {
        let taken = served.machine.log_mut().take_up(&mut compaction);
        if taken.is_ok() {
            broker.compacting = Some(Compacting { of, compaction, before });
        }
        return Ok(());
    }
    let gained = served.machine.log().size() < before && compaction.outcome().complete;
    env.counters.note_if(gained, Rare::CompactionRemovedRecords);
    Ok(())
}

/// Reads everything and compares it.
fn look(broker: &Broker, env: &mut Env, of: &TopicPartition) -> Check {
    let Some(served) = broker.partitions.get(of) else { return Ok(()) };
    let log = served.machine.log();
    let (from, until) = (log.start(), log.end());
    let mut bytes = Vec::new();
    let read = log.for_each_batch(from, |_, batch| {
        bytes.extend_from_slice(batch);
        std::ops::ControlFlow::<()>::Continue(())
    });
    if read.is_err() {
        return Ok(());
    }
    crate::invariant::served::check(
        env,
        of,
        &bytes,
        crate::invariant::served::Range { from, until },
    )?;
    let newest = served.machine.producers().last_offsets();
    let unsure = env.model.partitions.get(of).map_or(0, |model| model.unsure);
    duplicates::remembered(of, &bytes, from.max(unsure), &newest)?;
    env.counters.compared(Invariant::RetriesAreNotDuplicated);
    let there = crate::model::partition::offsets_of(&bytes, &mut env.scratch);
    if let Some(model) = env.model.partitions.get(of) {
        let forgotten = model
            .records
            .range(from..)
            .any(|(offset, record)| record.value.is_none() && !there.contains(offset));
        env.counters.note_if(forgotten, Rare::TombstoneCompactedAway);
    }
    Ok(())
}
