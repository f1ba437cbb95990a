//! The cleaner gets round to a compacted topic; the groups' topic is one.

use kastellan_log::Bounds;

use crate::{
    broker::offsets_partition,
    counter::Rare,
    invariant::Check,
    mutant::Mutant,
    world::{Env, World},
};

pub(super) fn run(world: &mut World) -> Check {
    let of = match world.any_partition() {
        Some(of) if world.env.workload.chance(60) => of,
        _ => offsets_partition(),
    };
    let World { broker: Some(broker), env, held, .. } = world else { return Ok(()) };
    let Some(served) = broker.partitions.get_mut(&of) else { return Ok(()) };
    let Some(model) = env.model.partitions.get_mut(&of) else { return Ok(()) };
    if !model.config.compact {
        return Ok(());
    }
    let upto = served.machine.high_watermark();
    let bounds = Bounds {
        now: env.now.wall,
        upto,
        producers: served.machine.producers().last_offsets(),
        key_bytes: env.workload.pick(&[200, 1 << 20], 1 << 20),
        load: 0.9,
        brake: None,
    };
    let before = served.machine.log().size();
    let compacted = served.machine.log_mut().compact(bounds.clone());
    env.trace.note(format_args!("  {of} below {upto} {compacted:?}"));
    if compacted == Ok(false) {
        return Ok(());
    }
    model.compactions.push((upto, model.end, env.now.wall));
    let durable = served.machine.log().durable_end();
    model.durable = model.durable.max(durable);
    if env.mutant == Some(Mutant::CompactionForgetsTombstones) {
        let later = Bounds { now: i64::MAX / 2, ..bounds };
        let config = served.machine.log().config().clone();
        let config = kastellan_log::Config { min_cleanable_dirty_ratio: 0.0, ..config };
        served.machine.log_mut().set_config(config);
        drop(served.machine.log_mut().compact(later));
    }
    env.counters.note_if(served.machine.log().size() < before, Rare::CompactionRemovedRecords);
    held.retain(|held| held.of != of);
    if compacted.is_ok() { look(env, served, &of) } else { Ok(()) }
}

/// Reads everything and compares it.
fn look(
    env: &mut Env,
    served: &crate::broker::Served,
    of: &kastellan_core::id::TopicPartition,
) -> Check {
    use kastellan_core::log::Log as _;
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
