//! What a seed's world is like: drawn anew for each, so that seeds differ in kind.

use std::time::Duration;

use kastellan_core::partition::Durability;

use super::fault::Fault;
use crate::{
    fleet::net::NetFaults,
    random::{Random, Stream},
};

/// The parameters of one run.
#[derive(Debug, Clone)]
pub(super) struct Parameters {
    pub(super) brokers: i32,
    pub(super) partitions: i32,
    pub(super) replicas: usize,
    pub(super) min_in_sync: i32,
    pub(super) durability: Durability,
    pub(super) producers: i32,
    pub(super) consumers: i32,
    /// Milliseconds of faults.
    pub(super) millis: u64,
    pub(super) net: NetFaults,
    /// Faults with their weights.
    pub(super) weights: Vec<(Fault, usize)>,
    /// Milliseconds between two of them at most.
    pub(super) fault_every: usize,
    pub(super) segment_bytes: u64,
    pub(super) block: usize,
    /// Percent of produce requests that ask for `acks=all`.
    pub(super) all: usize,
    /// Bytes that a leader answers with at most, per partition.
    pub(super) fetch_bytes: usize,
    /// Milliseconds that a sync takes at most.
    pub(super) sync_millis: u64,
    /// Whether crashes may lose what was not synced.
    pub(super) power_cuts: bool,
    /// broker.session.timeout.ms.
    pub(super) session: Duration,
    /// broker.heartbeat.interval.ms.
    pub(super) heartbeat: Duration,
    /// Milliseconds that it takes at most until a decision is committed.
    pub(super) commit_millis: usize,
    /// replica.lag.time.max.ms.
    pub(super) lag: u64,
}

impl Parameters {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, Stream::Parameters);
        let random = &mut random;
        let replicas = random.pick(&[2, 3, 3, 3], 3);
        let brokers = i32::try_from(replicas + random.below(3)).unwrap_or(3);
        let least = i32::try_from(replicas - 1).unwrap_or(1);
        let min_in_sync = random.pick(&[1, least, least], 1);
        let durability = random.pick(
            &[Durability::Replicated, Durability::Replicated, Durability::Fsync],
            Durability::Fsync,
        );
        let weights = Fault::ALL.iter().map(|fault| {
            let weight = random.pick(&[0, 1, 1, 2, 5], 1);
            (*fault, weight)
        });
        let weights = weights.collect();
        let net = NetFaults {
            drop: random.pick(&[0, 0, 1, 5], 0),
            duplicate: random.pick(&[0, 2, 10], 0),
            delay: random.pick(&[(1, 3), (1, 30), (5, 90)], (1, 3)),
            slow: random.pick(&[0, 1, 8], 0),
        };
        let session = random.pick(&[480, 720, 900], 720);
        Self {
            brokers,
            partitions: random.pick(&[1, 1, 2, 3], 1),
            replicas,
            min_in_sync,
            durability,
            producers: random.pick(&[2, 4], 2),
            consumers: 2,
            millis: random.pick(&[6_000, 12_000, 20_000], 6_000),
            net,
            weights,
            fault_every: random.pick(&[200, 600, 1_500], 600),
            segment_bytes: random.pick(&[300, 1_000, 10_000], 1_000),
            block: random.pick(&[512, 4_096], 4_096),
            all: random.pick(&[100, 100, 70], 100),
            fetch_bytes: random.pick(&[200, 1_000, 100_000], 1_000),
            sync_millis: random.pick(&[2, 20, 150], 2),
            // one lossy crash at a time is what min.insync.replicas of 2 can bear
            power_cuts: durability == Durability::Fsync || min_in_sync > 1,
            lag: random.pick(&[300, 1_000, 4_000], 1_000),
            session: Duration::from_millis(session),
            heartbeat: Duration::from_millis(session / random.pick(&[4, 6], 6)),
            commit_millis: random.pick(&[1, 10, 60], 10),
        }
    }
}
