//! Retention: old segments go, in the three steps that the log asks for.

use kastellan_core::{id::TopicPartition, log::Log as _};

use crate::{
    broker::Broker,
    counter::Rare,
    invariant::{Check, Invariant, retention},
    mutant::Mutant,
    world::{Env, World},
};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let wall = env.now.wall;
    if env.model.partitions.get(&of).is_some_and(|model| model.half_truncated.is_some()) {
        return Ok(());
    }
    let Some(served) = broker.partitions.get_mut(&of) else { return Ok(()) };
    let until = served.machine.high_watermark();
    let log = served.machine.log_mut();
    if log.expire(wall, until).is_err() {
        return moved(broker, env, &of);
    }
    if env.is(Mutant::RetentionTooEager) {
        drop(log.advance_start((log.start() + 3).min(until)));
    }
    let start = log.start();
    env.trace.note(format_args!("  {of} starts at {start}"));
    if let Some(model) = env.model.partitions.get_mut(&of) {
        model.high_watermark = model.high_watermark.max(until);
        retention::check(&of, model, start, wall)?;
        env.counters.note_if(start > model.start, Rare::RetentionRemovedRecords);
        env.counters.compared(Invariant::RetentionTakesOnlyTheOld);
        model.start = start;
    }
    remove(broker, env, &of)
}

/// Writes the start offset down and removes what lies before it.
pub(super) fn remove(broker: &mut Broker, env: &mut Env, of: &TopicPartition) -> Check {
    let Some(served) = broker.partitions.get_mut(of) else { return Ok(()) };
    let mut checkpoints = served.machine.log().checkpoints();
    if env.is(Mutant::ForgetLogStart) {
        checkpoints.start = 0;
    }
    if broker.directory.write_checkpoints(&[checkpoints]).is_ok() {
        if let Some(model) = env.model.partitions.get_mut(of) {
            model.durable_start = model.start;
        }
        drop(served.machine.log_mut().remove_expired(env.now.wall));
    }
    Ok(())
}

/// Takes over a start that moved although something failed.
pub(super) fn moved(broker: &Broker, env: &mut Env, of: &TopicPartition) -> Check {
    let start = broker.partitions.get(of).map(|served| served.machine.log().start());
    if let Some((model, start)) = env.model.partitions.get_mut(of).zip(start) {
        model.start = start;
    }
    Ok(())
}
