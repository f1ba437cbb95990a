//! How long things take, in buckets that are the same everywhere.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// The buckets' upper bounds in microseconds: from what one append takes to the longest poll that
/// clients ask for, each about twice the one before.
pub(crate) const BOUNDS: [u64; 18] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
];

/// One thread's part of a histogram.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    /// Of each bucket alone; what is longer than all bounds is in `count` only.
    buckets: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

/// Parts added up.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Histogram {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    micros: u64,
}

impl Latency {
    /// Something took so long.
    pub(super) fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Relaxed);
        }
        self.count.fetch_add(1, Relaxed);
        self.micros.fetch_add(micros, Relaxed);
    }
}

impl Histogram {
    /// Adds what one thread has seen.
    pub(super) fn add(&mut self, part: &Latency) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&part.buckets) {
            *sum += bucket.load(Relaxed);
        }
        self.count += part.count.load(Relaxed);
        self.micros += part.micros.load(Relaxed);
    }

    /// (upper bound in microseconds, how many took no longer), as Prometheus counts.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut sum = 0;
        BOUNDS.iter().zip(&self.buckets).map(move |(bound, bucket)| {
            sum += bucket;
            (*bound, sum)
        })
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// What all of them took together.
    pub(crate) fn sum(&self) -> Duration {
        Duration::from_micros(self.micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_its_bucket_and_all_above() {
        let part = Latency::default();
        for micros in [50, 51, 30_000_000, 30_000_001] {
            part.observe(Duration::from_micros(micros));
        }
        let mut sum = Histogram::default();
        sum.add(&part);
        sum.add(&part);
        let cumulative: Vec<_> = sum.cumulative().collect();
        assert_eq!(cumulative[..2], [(50, 2), (100, 4)]);
        assert_eq!(cumulative[17], (30_000_000, 6));
        assert_eq!((sum.count(), sum.sum()), (8, Duration::from_micros(120_000_204)));
    }
}
