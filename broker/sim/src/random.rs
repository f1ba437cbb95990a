//! Randomness from a seed: one stream per consumer, so that a change in one does not move the
//! others.

/// Who draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// The parameters of the run.
    Parameters,
    /// Which operation comes next, and its arguments.
    Workload,
    /// What breaks, and when.
    Faults,
    /// What the clocks do.
    Time,
    /// Ids that a real broker draws at random.
    Ids,
    /// What a crash of the disk keeps.
    Disk,
    /// What the network does to messages.
    Network,
    /// What becomes of the controller and its decisions.
    Controller,
}

/// A generator (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of `seed` that belongs to one consumer.
    pub(crate) fn new(seed: u64, stream: Stream) -> Self {
        let mut mixed = Self(seed ^ (stream as u64 + 1).wrapping_mul(0xa076_1d64_78bd_642f));
        mixed.next();
        mixed
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 where there is none.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    /// A number in `from..to`; `from` where the range is empty.
    pub(crate) fn between(&mut self, from: i64, to: i64) -> i64 {
        let width = to.saturating_sub(from).max(1).unsigned_abs();
        from.saturating_add(i64::try_from(self.next() % width).unwrap_or(0))
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `of`; `None` where there is nothing to choose from.
    pub(crate) fn choose<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }

    /// One of `of`, copied; `otherwise` where there is nothing to choose from.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T], otherwise: T) -> T {
        self.choose(of).copied().unwrap_or(otherwise)
    }

    /// A uuid.
    pub(crate) fn uuid(&mut self) -> uuid::Uuid {
        uuid::Uuid::from_u64_pair(self.next(), self.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let draw = |stream| (0..4).map(|_| Random::new(7, stream).next()).collect::<Vec<_>>();
        assert_eq!(draw(Stream::Workload), draw(Stream::Workload));
        assert_ne!(draw(Stream::Workload), draw(Stream::Faults));
        let mut random = Random::new(7, Stream::Disk);
        assert!((0..1000).all(|_| (-5..5).contains(&random.between(-5, 5))));
        assert_eq!(random.below(0), 0);
    }
}
