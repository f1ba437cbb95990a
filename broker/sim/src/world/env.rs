//! What every part of a world needs: parameters, randomness, clocks, the model, the history.

use std::time::Duration;

use kastellan_core::machine::{Millis, Now};
use kastellan_protocol::batch::Scratch;

use crate::{
    counter::Counters,
    disk::SimDisk,
    model::Model,
    mutant::Mutant,
    parameters::Parameters,
    random::{Random, Stream},
    trace::Trace,
};

/// 2023-11-14, in milliseconds since 1970: where the wall clock begins.
const BEGINNING: i64 = 1_700_000_000_000;

/// The surroundings of a broker.
#[derive(Debug)]
pub(crate) struct Env {
    pub(crate) parameters: Parameters,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) workload: Random,
    pub(crate) faults: Random,
    pub(crate) time: Random,
    pub(crate) ids: Random,
    pub(crate) disk: SimDisk,
    pub(crate) now: Now,
    pub(crate) model: Model,
    pub(crate) counters: Counters,
    pub(crate) trace: Trace,
    pub(crate) scratch: Scratch,
    /// Failures of the disk before the broker's present life.
    pub(crate) failures_before: u64,
}

impl Env {
    pub(crate) fn new(seed: u64, mutant: Option<Mutant>) -> Self {
        let stream = |stream| Random::new(seed, stream);
        let mut parameters = Parameters::new(seed);
        if mutant.is_some_and(Mutant::is_about_compaction) {
            parameters.compact = 100;
            // few keys, so that much of what was appended goes
            parameters.keys = parameters.keys.min(4);
            // tombstones are to stay: one that goes with the first compaction is a mistake
            parameters.delete_retention_ms = 86_400_000;
            // and often, with ends and beginnings in between
            for (operation, weight) in &mut parameters.weights {
                *weight *= if operation.is_about_compaction() { 4 } else { 1 };
            }
        }
        let env = Self {
            parameters,
            mutant,
            workload: stream(Stream::Workload),
            faults: stream(Stream::Faults),
            time: stream(Stream::Time),
            ids: stream(Stream::Ids),
            disk: SimDisk::new(stream(Stream::Disk).next(), mutant),
            now: Now { monotonic: Millis::ZERO, wall: BEGINNING },
            model: Model::default(),
            counters: Counters::default(),
            trace: Trace::default(),
            scratch: Scratch::new(1 << 20),
            failures_before: 0,
        };
        env.disk.memory().set_time(BEGINNING);
        env
    }

    /// Whether this mistake is being made.
    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// How often the disk failed in the broker's present life.
    pub(crate) fn failures(&self) -> u64 {
        let (syncs, writes) = self.disk.failures();
        (syncs + writes).saturating_sub(self.failures_before)
    }

    /// Lets time pass; the wall clock may do something else than the monotonic one.
    pub(crate) fn pass(&mut self, ms: u64, wall: i64) {
        let monotonic = self.now.monotonic.after(Duration::from_millis(ms));
        self.now = Now { monotonic, wall: self.now.wall.saturating_add(wall).max(1) };
        self.disk.memory().set_time(self.now.wall);
    }
}
