//! How good a placement is.

use super::{State, Tally};

/// How far a placement is from what it should be: less is better, and what comes first outweighs
/// all that follows. Squares make one broker that is far off worse than two that are a little.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score {
    /// Replicas on brokers that are gone or shall be, and once more where those are to lead.
    pub stranded: u128,
    /// Replicas too few or too many.
    pub missing: u128,
    /// Pairs of replicas of one partition in one rack.
    pub clashes: u128,
    /// Bytes on disks beyond what they should hold.
    pub overfull: u128,
    /// The squares of how many replicas active brokers hold.
    pub replicas: u128,
    /// The squares of how many of these lead.
    pub leaders: u128,
    /// The squares of how many bytes active brokers are off beyond the tolerance.
    pub bytes: u128,
    /// The same of the rates.
    pub rates: u128,
    /// Bytes that are copied to get there.
    pub moved: u128,
}

impl Score {
    /// Bytes and rates of a broker may differ from the mean by one part in so many: all are within
    /// 5 % then.
    pub const TOLERANCE: u64 = 40;
    /// A disk should be filled no further than so many percent.
    pub const FULL_PERCENT: u64 = 85;
    /// A difference of so few bytes is not worth a move.
    const FEW_BYTES: u64 = 16 << 20;
    /// Nor is one of so few bytes a second.
    const SLOW: u64 = 64 << 10;

    /// What one broker adds to it.
    pub(super) fn of(state: State, tally: &Tally, limit: u64, mean: &Tally) -> Self {
        let mut score = Self::default();
        match state {
            State::Active => {
                score.replicas = square(tally.replicas);
                score.leaders = square(tally.leaders);
                score.bytes = beyond(tally.bytes, mean.bytes, Self::FEW_BYTES);
                score.rates = beyond(tally.rate, mean.rate, Self::SLOW);
            }
            State::Cordoned => (),
            State::Draining | State::Gone => {
                score.stranded = u128::from(tally.replicas + tally.leaders);
                return score;
            }
        }
        score.overfull = u128::from(tally.bytes.saturating_sub(limit));
        score
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.each(other, |mine, other| *mine += other);
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        self.each(other, |mine, other| *mine -= other);
    }

    fn each(&mut self, other: &Self, change: fn(&mut u128, u128)) {
        change(&mut self.stranded, other.stranded);
        change(&mut self.missing, other.missing);
        change(&mut self.clashes, other.clashes);
        change(&mut self.overfull, other.overfull);
        change(&mut self.replicas, other.replicas);
        change(&mut self.leaders, other.leaders);
        change(&mut self.bytes, other.bytes);
        change(&mut self.rates, other.rates);
        change(&mut self.moved, other.moved);
    }
}

/// How far `load` is off `mean` beyond the tolerance, squared.
fn beyond(load: u64, mean: u64, few: u64) -> u128 {
    square(load.abs_diff(mean).saturating_sub((mean / Score::TOLERANCE).max(few)))
}

fn square(of: u64) -> u128 {
    u128::from(of).saturating_mul(u128::from(of))
}
