//! An admin deletes records before an offset, which may lie in the middle of a batch, or asks for
//! what cannot be.

use kastellan_core::{
    config::Cleanup,
    id::{Offset, TopicPartition},
    log::Log as _,
    partition::{From, Isolation, Listed, Place},
};
use kastellan_protocol::ErrorCode;

use super::retain::{moved, remove};
use crate::{
    broker::{Broker, Served},
    counter::Rare,
    invariant::{Check, Invariant, deletion},
    mutant::Mutant,
    world::{Env, World},
};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let Some(model) = env.model.partitions.get(&of) else { return Ok(()) };
    if model.half_truncated.is_some() {
        return Ok(());
    }
    let cleanup = Cleanup { delete: model.config.delete, compact: model.config.compact };
    let boundary = model.boundary(model.high_watermark);
    let Some(served) = broker.partitions.get_mut(&of) else { return Ok(()) };
    let (start, until) = (served.machine.log().start(), served.machine.high_watermark());
    let before = match env.workload.below(12) {
        0 | 1 => -1,
        2 => until + env.workload.between(1, 4),
        3 => (start - env.workload.between(1, 4)).max(0),
        4 => env.workload.pick(&[-2, Offset::MIN, Offset::MAX], -2),
        5 => boundary.max(start).min(until),
        _ => env.workload.between(start, until + 1),
    };
    let deleted = delete(env, served, before, cleanup);
    env.trace.note(format_args!("  {of} before {before} {deleted:?}"));
    let failed = broker.directory.poisoned().is_some();
    let model = env.model.partitions.get(&of);
    let asked = deletion::Asked { before, high_watermark: until };
    model.map_or(Ok(()), |model| deletion::answered(&of, model, asked, deleted, failed))?;
    env.counters.compared(Invariant::DeletedStaysDeleted);
    env.counters.note_if(deleted == Err(ErrorCode::PolicyViolation), Rare::DeletionRefused);
    moved(broker, env, &of)?;
    let Ok(moved_to) = deleted else { return Ok(()) };
    env.counters.note_if(moved_to > start, Rare::RecordsDeletedInsideASegment);
    acknowledge(broker, env, &of);
    look(broker, &of, moved_to)?;
    if env.workload.chance(50) { remove(broker, env, &of) } else { Ok(()) }
}

fn delete(
    env: &Env,
    served: &mut Served,
    before: Offset,
    cleanup: Cleanup,
) -> Result<Offset, ErrorCode> {
    let log_end = served.machine.log().end();
    let beyond = before > served.machine.high_watermark();
    if env.is(Mutant::DeletePastHighWatermark) && beyond {
        drop(served.machine.log_mut().advance_start(before.min(log_end)));
        return Ok(served.machine.log().start());
    }
    let too_far = env.is(Mutant::DeleteOneTooMany) && before >= 0;
    let before = if too_far { before.saturating_add(1).min(log_end) } else { before };
    let heedless = env.is(Mutant::DeleteWhatIsCompacted);
    let cleanup = if heedless { Cleanup { delete: true, ..cleanup } } else { cleanup };
    served.machine.delete_records(before, cleanup)
}

/// Writes the new start down and answers, as the shell does: from then on it is a promise.
fn acknowledge(broker: &Broker, env: &mut Env, of: &TopicPartition) {
    let Some(served) = broker.partitions.get(of) else { return };
    let mut checkpoints = served.machine.log().checkpoints();
    if env.is(Mutant::ForgetLogStart) {
        checkpoints.start = 0;
    }
    let hasty = env.is(Mutant::AnswerDeletionUnwritten);
    if !hasty && broker.directory.write_checkpoints(&[checkpoints]).is_err() {
        return;
    }
    if let Some(model) = env.model.partitions.get_mut(of) {
        model.deleted = model.start;
        if !hasty {
            model.durable_start = model.start;
        }
    }
}

/// What a reader sees of it at once.
fn look(broker: &Broker, of: &TopicPartition, start: Offset) -> Check {
    let Some(served) = broker.partitions.get(of) else { return Ok(()) };
    let from = |offset| From {
        offset,
        current_leader_epoch: -1,
        last_fetched_epoch: -1,
        max_bytes: 1,
        at_least_one: true,
    };
    let below = served.machine.bounds(from(start - 1)).map(|_| ());
    let at = served.machine.bounds(from(start)).map(|_| ());
    let earliest = served.machine.list(Place::Earliest, -1, Isolation::ReadUncommitted);
    let earliest = match earliest {
        Ok(Listed::Offset(offset, _)) => Some(offset),
        _ => None,
    };
    deletion::seen(of, start, deletion::Seen { below, at, earliest })
}
