//! A reader goes on that had stopped half-way; its segment may be deleted by now.

use kastellan_core::log::Log as _;
use kastellan_log::Resolved;

use crate::{
    counter::Rare,
    invariant::{Check, Invariant, ensure, served},
    world::{Reading, World},
};

pub(super) fn run(world: &mut World) -> Check {
    if world.held.is_empty() {
        return Ok(());
    }
    let at = world.env.workload.below(world.held.len());
    let held = world.held.swap_remove(at);
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let Some(partition) = broker.partitions.get(&held.of) else { return Ok(()) };
    let deleted = partition.machine.log().start() > held.start;
    env.counters.note_if(deleted, Rare::SegmentDeletedUnderAReader);
    env.counters.note(Rare::ReadAfterAWait);
    match held.what {
        Reading::Slice(slice) => {
            let read = slice.to_vec().ok();
            ensure(read == held.expected, Invariant::ReadsReturnWhatWasAppended, || {
                format!("{}: the bytes of a range changed while a reader had it", held.of)
            })
        }
        Reading::Located(located, range) => match located.resolve() {
            Ok(Resolved::Slice(slice)) => {
                let bytes = slice.to_vec().unwrap_or_default();
                served::check(env, &held.of, &bytes, range).map(drop)
            }
            Ok(Resolved::Further(next)) => {
                ensure(next > range.from, Invariant::ReadsReturnWhatWasAppended, || {
                    format!("{}: a reader at {} is sent back to {next}", held.of, range.from)
                })
            }
            Err(error) => ensure(false, Invariant::ReadsReturnWhatWasAppended, || {
                format!("{}: a reader's file cannot be read: {error}", held.of)
            }),
        },
    }
}
