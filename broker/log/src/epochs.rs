//! Which leader epoch began at which offset (KIP-101), derivable from the batches' headers.

use kastellan_core::id::{LeaderEpoch, Offset};

/// Epochs with the offset of their first batch, ascending in both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Epochs(Vec<(LeaderEpoch, Offset)>);

impl Epochs {
    /// From a checkpoint; entries that do not ascend make it worthless.
    pub(crate) fn from_entries(entries: Vec<(LeaderEpoch, Offset)>) -> Option<Self> {
        let ascends = |pair: &[(LeaderEpoch, Offset)]| match pair {
            [a, b] => a.0 < b.0 && a.1 <= b.1,
            _ => true,
        };
        entries.windows(2).all(ascends).then_some(Self(entries))
    }

    pub(crate) fn entries(&self) -> &[(LeaderEpoch, Offset)] {
        &self.0
    }

    pub(crate) fn latest(&self) -> LeaderEpoch {
        self.0.last().map_or(-1, |(epoch, _)| *epoch)
    }

    /// Whether the epoch of the batch at `offset` is known, wherever that lies.
    pub(crate) fn reaches_back_to(&self, offset: Offset) -> bool {
        self.0.first().is_some_and(|(_, first)| *first <= offset)
    }

    /// Notes a batch; true when its epoch is new. An epoch that has nothing before it any more is
    /// forgotten.
    pub(crate) fn note(&mut self, epoch: LeaderEpoch, offset: Offset) -> bool {
        let new = epoch >= 0 && epoch > self.latest();
        if new {
            self.truncate_end(offset);
            self.0.push((epoch, offset));
        }
        new
    }

    /// Drops epochs that began at or behind `end`; true when there were any.
    pub(crate) fn truncate_end(&mut self, end: Offset) -> bool {
        let before = self.0.len();
        self.0.retain(|(_, start)| *start < end);
        before != self.0.len()
    }

    /// Forgets what lies before `start`: the epoch that goes on there begins there.
    pub(crate) fn truncate_start(&mut self, start: Offset) -> bool {
        let covering = self.0.partition_point(|(_, first)| *first <= start);
        let Some(covering) = covering.checked_sub(1) else { return false };
        let changed = covering > 0 || self.0.first().is_some_and(|(_, first)| *first < start);
        self.0.drain(..covering);
        if let Some((_, first)) = self.0.first_mut() {
            *first = (*first).max(start);
        }
        changed
    }

    /// The epoch at or below `epoch`, or itself, and where it ended; see `Log::end_of_epoch`.
    pub(crate) fn end_of(&self, epoch: LeaderEpoch, end: Offset) -> (LeaderEpoch, Offset) {
        let next = self.0.partition_point(|(noted, _)| *noted <= epoch);
        let found = next.checked_sub(1).and_then(|at| self.0.get(at));
        let found = found.map_or(epoch, |(found, _)| *found);
        (found, self.0.get(next).map_or(end, |(_, start)| *start))
    }

    /// The epoch of the batch at `offset`, or -1.
    pub(crate) fn at(&self, offset: Offset) -> LeaderEpoch {
        let next = self.0.partition_point(|(_, start)| *start <= offset);
        next.checked_sub(1).and_then(|at| self.0.get(at)).map_or(-1, |(epoch, _)| *epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Epochs {
        let mut epochs = Epochs::default();
        for (epoch, offset) in [(0, 0), (0, 5), (2, 10), (1, 12), (5, 20)] {
            epochs.note(epoch, offset);
        }
        epochs
    }

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let epochs = sample();
        assert_eq!(epochs.entries(), [(0, 0), (2, 10), (5, 20)]);
        assert_eq!(epochs.end_of(0, 30), (0, 10));
        assert_eq!(epochs.end_of(1, 30), (0, 10));
        assert_eq!(epochs.end_of(2, 30), (2, 20));
        assert_eq!(epochs.end_of(9, 30), (5, 30));
        assert_eq!((epochs.at(9), epochs.at(10), epochs.at(99)), (0, 2, 5));
        let later = Epochs(vec![(3, 7), (4, 9)]);
        assert_eq!(later.end_of(1, 30), (1, 7), "before all that are known");
        assert_eq!(Epochs::default().end_of(1, 30), (1, 30));
    }

    #[test]
    fn an_epoch_whose_records_are_all_gone_makes_room_for_the_next() {
        let mut epochs = sample();
        assert!(epochs.truncate_start(25));
        assert_eq!(epochs.entries(), [(5, 25)]);
        assert!(epochs.note(7, 25));
        assert_eq!(epochs.entries(), [(7, 25)]);
    }

    #[test]
    fn cutting_either_side_keeps_the_rest_true() {
        let mut epochs = sample();
        assert!(epochs.truncate_end(20));
        assert!(!epochs.truncate_end(20));
        assert_eq!(epochs.latest(), 2);
        assert!(epochs.truncate_start(7));
        assert_eq!(epochs.entries(), [(0, 7), (2, 10)]);
        assert!(epochs.truncate_start(10));
        assert_eq!(epochs.entries(), [(2, 10)]);
        assert!(Epochs::from_entries(vec![(1, 5), (1, 6)]).is_none());
    }
}
