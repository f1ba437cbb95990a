//! What differs from seed to seed: how many nodes, how bad the network is, what breaks how often.

use std::time::Duration;

use kastellan_core::quorum::Timeouts;
use kastellan_log::Config;

use super::{mutant::Mutant, net::NetFaults, operation::Operation};
use crate::random::{Random, Stream};

/// The parameters of one run.
#[derive(Debug, Clone)]
pub(super) struct Parameters {
    pub(super) voters: i32,
    pub(super) observers: i32,
    /// Whether the voters may change.
    pub(super) dynamic: bool,
    pub(super) net: NetFaults,
    /// How long the first phase takes, in milliseconds.
    pub(super) duration: u64,
    /// The longest time between two operations, in milliseconds.
    pub(super) pace: usize,
    pub(super) weights: Vec<(Operation, usize)>,
    /// How long a sync takes at most, in milliseconds.
    pub(super) sync: usize,
    /// The same of a slow disk.
    pub(super) slow_sync: usize,
    /// How long a node is down at most, in milliseconds.
    pub(super) down: usize,
    pub(super) timeouts: Timeouts,
    pub(super) segment_bytes: u64,
    /// The unit in which the disk keeps or loses bytes.
    pub(super) block: usize,
    /// The most bytes of records in one answer, but for its first batch.
    pub(super) fetch: usize,
    /// The most bytes of a snapshot in one answer.
    pub(super) part: usize,
}

impl Parameters {
    pub(super) fn new(seed: u64, mutant: Option<Mutant>) -> Self {
        let random = &mut Random::new(seed, Stream::Parameters);
        let about_voters = mutant.is_some_and(Mutant::is_about_voters);
        let weights = Operation::ALL.iter().map(|operation| {
            let (usual, needed) = operation.weight();
            let wanted = about_voters && operation.is_about_voters();
            let weight = match random.below(10) {
                0..=2 if !needed && !wanted => 0,
                3 => usual * 4,
                _ => usual,
            };
            (*operation, if wanted { weight.max(usual) * 4 } else { weight })
        });
        let weights = weights.collect();
        let millis = Duration::from_millis;
        let election = random.pick(&[150, 300, 1_000], 300);
        let net = NetFaults {
            drop: random.pick(&[0, 0, 2, 10], 0),
            duplicate: random.pick(&[0, 0, 5, 20], 0),
            delay: (1, random.pick(&[2, 10, 40], 10)),
            slow: random.pick(&[0, 0, 2, 10], 0),
        };
        Self {
            voters: random.pick(&[1, 2, 3, 3, 3, 4, 5, 5], 3),
            observers: random.pick(&[0, 1, 1, 2], 1),
            dynamic: random.chance(60) || about_voters,
            net,
            duration: 8_000 + random.below(25_000) as u64,
            pace: random.pick(&[20, 80, 300], 80),
            weights,
            sync: random.pick(&[1, 5, 20], 5),
            slow_sync: random.pick(&[100, 400, 1_500], 400),
            down: random.pick(&[50, 500, 4_000], 500),
            timeouts: Timeouts {
                election: millis(election),
                fetch: millis(election * 2),
                request: millis(election * 2),
                retry: millis(20),
                wait: millis(election / 2),
            },
            segment_bytes: random.pick(&[500, 2_000, 100_000], 2_000),
            block: random.pick(&[512, 4_096], 4_096),
            fetch: random.pick(&[1, 300, 1 << 20], 300),
            part: random.pick(&[64, 500, 1 << 20], 500),
        }
    }

    pub(super) fn log(&self) -> Config {
        Config {
            segment_bytes: self.segment_bytes,
            delete: false,
            file_delete_delay_ms: 0,
            ..Config::default()
        }
    }
}
