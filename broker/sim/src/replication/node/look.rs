//! A replica is held against the history, after everything that happens to it.

use std::ops::ControlFlow;

use kastellan_core::log::Log as _;

use super::{Env, Node};
use crate::replication::{
    history::summary,
    invariant::{Check, Invariant, consistent, duplicates, forward},
};

impl Node {
    /// Takes in what has been committed here, and checks it against what was elsewhere.
    pub(in super::super) fn look(&mut self, env: &mut Env) -> Check {
        let id = self.id;
        let Some(up) = &mut self.up else { return Ok(()) };
        for (index, held) in &mut up.replicas {
            let reached = held.machine.high_watermark();
            let excused = env.excused.contains(index);
            if !excused {
                forward::check(id, *index, held.seen, reached)?;
                env.counters.compared(Invariant::HighWatermarksMoveForward);
            }
            held.seen = reached;
            let from = held.checked.max(held.machine.log().start());
            if reached <= from {
                continue;
            }
            held.checked = reached;
            if excused {
                continue;
            }
            let history = env.history.entry(*index).or_default();
            let mut verdict = Ok(());
            let leads = held.machine.is_leader();
            let read = held.machine.log().for_each_batch(from, |header, bytes| {
                if header.base_offset >= reached {
                    return ControlFlow::Break(());
                }
                let batch = summary(header, bytes);
                verdict =
                    consistent::check((id, *index), history, (header.base_offset, batch), leads);
                if verdict.is_ok() && !history.committed.contains_key(&header.base_offset) {
                    verdict = duplicates::check(*index, history, header);
                    history.committed.insert(header.base_offset, batch);
                }
                if verdict.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            let _broke = read.expect("the disk works");
            verdict?;
            env.counters.compared(Invariant::CommittedNeverChanges);
            env.counters.compared(Invariant::RetriesAreNotDuplicated);
        }
        Ok(())
    }
}
