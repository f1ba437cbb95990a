//! A consumer reads: at once, or in two steps with other things in between.

use kastellan_core::{
    id::{Offset, TopicPartition},
    log::Log as _,
    partition::From,
};
use kastellan_log::disk::MemoryDisk;

use crate::{
    broker::{Broker, Served},
    invariant::{Check, Violation, served, served::Range},
    model::Partition as Model,
    mutant::Mutant,
    world::{Env, Held, Reading, World},
};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    let World { broker: Some(broker), env, held, .. } = world else { return Ok(()) };
    let Some(served) = broker.partitions.get(&of) else { return Ok(()) };
    if env.model.partitions.get(&of).is_some_and(|model| model.half_truncated.is_some()) {
        return Ok(());
    }
    let (start, until) = (served.machine.log().start(), served.machine.high_watermark());
    let offset = env.workload.between(start, until + 1);
    let max_bytes = env.workload.pick(&[1, 100, 2_000, 1 << 20], 1 << 20);
    match env.workload.below(4) {
        0 => hold(env, held, served, &of, (offset, max_bytes)),
        _ => read(broker, env, &of, offset, max_bytes).map(drop),
    }
}

/// Reads from `offset`; returns where to go on.
pub(crate) fn read(
    broker: &Broker,
    env: &mut Env,
    of: &TopicPartition,
    offset: Offset,
    max_bytes: usize,
) -> Result<Offset, Violation> {
    let Some(partition) = broker.partitions.get(of) else { return Ok(offset) };
    // the file ends anywhere, and who asks is told that it cannot be read
    if env.model.partitions.get(of).is_some_and(|model| model.half_truncated.is_some()) {
        return Ok(offset);
    }
    let until = partition.machine.high_watermark();
    let log = partition.machine.log();
    let fetched = if env.is(Mutant::ServePastHighWatermark) {
        log.read(offset, log.end(), max_bytes, true).map(Some).ok()
    } else {
        let from = From {
            offset,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            max_bytes,
            at_least_one: true,
        };
        partition.machine.fetch(from).ok().map(|fetched| fetched.slice)
    };
    let read = fetched.map(|slice| slice.map(|slice| slice.to_vec()).transpose());
    let Some(Ok(bytes)) = read else {
        served::not_empty(of, usize::from(offset >= until), offset, until)?;
        return Ok(offset);
    };
    let mut bytes = bytes.unwrap_or_default();
    if env.is(Mutant::ServePastValidPrefix) {
        bytes = with_what_follows(env.disk.memory(), partition, bytes);
    }
    if offset < until {
        let all_gone = env.model.partitions.get(of).is_some_and(Model::has_gaps);
        served::not_empty(of, bytes.len().max(usize::from(all_gone)), offset, until)?;
    }
    served::check(env, of, &bytes, Range { from: offset, until })
}

/// A mistake: sends what stands in the file behind the last valid batch, too.
fn with_what_follows(disk: &MemoryDisk, partition: &Served, mut bytes: Vec<u8>) -> Vec<u8> {
    use kastellan_log::disk::Disk as _;
    let dir = partition.machine.log().dir();
    let entries = disk.list(dir).unwrap_or_default();
    let newest = entries
        .iter()
        .rev()
        .find(|entry| dir.join(&entry.name).extension().is_some_and(|it| it == "log"));
    let contents = newest.and_then(|entry| disk.contents(&dir.join(&entry.name)));
    let contents = contents.unwrap_or_default();
    if !bytes.is_empty()
        && let Some(at) = contents.windows(bytes.len()).position(|window| window == bytes)
    {
        bytes = contents.get(at..).unwrap_or_default().to_vec();
    }
    bytes
}

/// Begins to read and goes on later.
fn hold(
    env: &mut Env,
    held: &mut Vec<Held>,
    served: &Served,
    of: &TopicPartition,
    (offset, max_bytes): (Offset, usize),
) -> Check {
    let until = served.machine.high_watermark();
    let log = served.machine.log();
    let start = log.start();
    let Ok(Some(located)) = log.locate(offset, until, max_bytes, true) else { return Ok(()) };
    let range = Range { from: offset, until };
    let located = Reading::Located(Box::new(located), range);
    held.push(Held { of: of.clone(), what: located, expected: None, start });
    if env.workload.chance(50)
        && let Ok(slice) = log.read(offset, until, max_bytes, true)
    {
        let expected = slice.to_vec().ok();
        held.push(Held { of: of.clone(), what: Reading::Slice(slice), expected, start });
    }
    if held.len() > 20 {
        held.remove(0);
    }
    Ok(())
}
