//! Who may lead without care, a running member of the ISR or an eligible one (KIP-966), has
//! everything that is committed, byte for byte; on its disk where that was promised.

use std::ops::ControlFlow;

use kastellan_core::{
    id::{BrokerId, Offset},
    log::Log as _,
    partition::Durability,
};

use super::{Check, Invariant, ensure};
use crate::replication::{
    history::{Partition, summary},
    node::Held,
};

pub(in super::super) fn check(id: BrokerId, index: i32, history: &Partition, held: &Held) -> Check {
    let (end, log) = (history.end(), held.machine.log());
    let promised = held.machine.durability() == Durability::Fsync;
    let has = if promised { log.durable_end() } else { log.end() };
    ensure(has >= end, Invariant::MembersHaveWhatIsCommitted, || {
        format!("partition {index}: broker {} has up to {has}, committed is up to {end}", id.0)
    })
}

/// The same for every byte from `from` on.
pub(in super::super) fn check_bytes(
    id: BrokerId,
    index: i32,
    history: &Partition,
    held: &Held,
    from: Offset,
) -> Check {
    let mut verdict = Ok(());
    let from = from.max(held.machine.log().start());
    let read = held.machine.log().for_each_batch(from, |header, bytes| {
        let base = header.base_offset;
        let Some(known) = history.committed.get(&base) else { return ControlFlow::Break(()) };
        verdict = ensure(
            known.hash == summary(header, bytes).hash,
            Invariant::MembersHaveWhatIsCommitted,
            || format!("partition {index}: broker {} has something else at {base}", id.0),
        );
        if verdict.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let _broke = read.expect("the disk works");
    verdict
}
