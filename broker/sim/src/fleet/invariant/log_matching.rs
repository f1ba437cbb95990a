//! Two logs that have a batch of the same epoch at the same offset are the same up to there (Raft:
//! log matching).

use std::collections::BTreeMap;

use kastellan_core::{
    id::{BrokerId, Offset},
    log::Log as _,
};

use super::{Check, Invariant, ensure};
use crate::fleet::{env::Env, life::Life, model::Committed};

type Batches = BTreeMap<Offset, Committed>;

pub(crate) fn check<'a>(env: &mut Env, lives: impl Iterator<Item = (BrokerId, &'a Life)>) -> Check {
    let all: Vec<(BrokerId, Batches)> = lives.map(|(node, life)| (node, batches(life))).collect();
    for (at, (one, left)) in all.iter().enumerate() {
        for (other, right) in all.iter().skip(at + 1) {
            env.counters.compared(Invariant::LogsMatch);
            let mut agree = false;
            for (base, batch) in left.iter().rev() {
                let Some(twin) = right.get(base) else { continue };
                agree |= twin.epoch == batch.epoch;
                ensure(!agree || twin == batch, Invariant::LogsMatch, || {
                    format!("{one:?} has {batch:?} at {base}, {other:?} has {twin:?}")
                })?;
            }
        }
    }
    Ok(())
}

fn batches(life: &Life) -> Batches {
    let mut found = Batches::new();
    let read = life.log.for_each_header(life.log.start(), |header| {
        found.insert(header.base_offset, Committed::of(header));
    });
    // a disk that fails has nothing to compare
    drop(read);
    found
}
