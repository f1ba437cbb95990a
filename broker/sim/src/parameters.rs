//! What differs from seed to seed (swarm testing): sizes, mixtures of operations, what breaks.

use kastellan_core::partition::Durability;
use kastellan_log::Config;
use kastellan_protocol::compression::Codec;

use crate::{
    operation::Operation,
    random::{Random, Stream},
};

/// The parameters of one run.
#[derive(Debug, Clone)]
pub(crate) struct Parameters {
    /// Operations in the phase with faults.
    pub(crate) steps: usize,
    /// How likely each operation is; some are left out altogether.
    pub(crate) weights: Vec<(Operation, usize)>,
    pub(crate) segment_bytes: u64,
    pub(crate) segment_ms: i64,
    pub(crate) index_interval_bytes: u64,
    pub(crate) file_delete_delay_ms: i64,
    pub(crate) delete_retention_ms: i64,
    pub(crate) producers: usize,
    pub(crate) max_records: usize,
    pub(crate) max_value: usize,
    pub(crate) keys: usize,
    pub(crate) codecs: Vec<Codec>,
    /// Percent of topics whose acknowledgements wait for the disk.
    pub(crate) fsync: usize,
    /// Percent of topics that are compacted.
    pub(crate) compact: usize,
    pub(crate) retention_ms: i64,
    pub(crate) retention_bytes: i64,
    /// What the groups' topic promises.
    pub(crate) offsets_durability: Durability,
    /// The unit in which the disk keeps or loses bytes.
    pub(crate) block: usize,
    /// Percent of restarts that are cut off themselves.
    pub(crate) cut_recovery: usize,
    /// Percent of crashes that are a `kill -9`, not a power cut.
    pub(crate) kill: usize,
    /// Percent of syncs that a partition hears of later.
    pub(crate) tell_late: usize,
    /// Producers that a partition remembers.
    pub(crate) remembered: usize,
}

impl Parameters {
    pub(crate) fn new(seed: u64) -> Self {
        let random = &mut Random::new(seed, Stream::Parameters);
        let weights = Operation::ALL.iter().map(|operation| {
            let (usual, needed) = operation.weight();
            let weight = match random.below(10) {
                0 | 1 if !needed => 0,
                2 => usual * 4,
                _ => usual,
            };
            (*operation, weight)
        });
        let weights = weights.collect();
        let codecs = Codec::ALL.into_iter().filter(|_| random.chance(40)).collect();
        Self {
            steps: 120 + random.below(280),
            weights,
            segment_bytes: random.pick(&[700, 2_000, 6_000, 20_000, 100_000], 2_000),
            segment_ms: random.pick(&[1_000, 60_000, i64::MAX], i64::MAX),
            index_interval_bytes: random.pick(&[0, 100, 1_000, 4_096], 4_096),
            file_delete_delay_ms: random.pick(&[0, 1_000, 60_000], 0),
            delete_retention_ms: random.pick(&[0, 5_000, 86_400_000], 0),
            producers: 1 + random.below(4),
            max_records: random.pick(&[1, 3, 12], 3),
            max_value: random.pick(&[20, 200, 3_000, 9_000], 200),
            keys: random.pick(&[1, 4, 20], 4),
            codecs,
            fsync: random.pick(&[0, 50, 100], 50),
            compact: random.pick(&[0, 20, 60], 20),
            retention_ms: random.pick(&[-1, 2_000, 100_000], -1),
            retention_bytes: random.pick(&[-1, 3_000, 20_000], -1),
            offsets_durability: random
                .pick(&[Durability::Fsync, Durability::Replicated], Durability::Fsync),
            block: random.pick(&[512, 4_096], 4_096),
            cut_recovery: random.pick(&[0, 20, 60], 20),
            kill: random.pick(&[0, 30, 80], 30),
            tell_late: random.pick(&[0, 30], 0),
            remembered: 100,
        }
    }

    /// A log's settings, but for those that its topic says.
    pub(crate) fn log(&self) -> Config {
        Config {
            segment_bytes: self.segment_bytes,
            segment_ms: self.segment_ms,
            index_interval_bytes: self.index_interval_bytes,
            file_delete_delay_ms: self.file_delete_delay_ms,
            delete_retention_ms: self.delete_retention_ms,
            min_cleanable_dirty_ratio: 0.1,
            ..Config::default()
        }
    }
}
