//! What the machine knows of its log: ends, epochs, the newest snapshot, and who votes since where.

use super::voters::Voters;
use crate::id::{LeaderEpoch, Offset};

/// A snapshot: it stands for every record before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId {
    /// One past the last offset in it.
    pub end: Offset,
    /// The epoch of that last record.
    pub epoch: LeaderEpoch,
}

/// The metadata log, as far as decisions need it. The driver describes it once, when it opens the
/// log; from then on the machine follows what it has done to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogView {
    /// The first offset in the log; what comes before is in the snapshot.
    pub start: Offset,
    /// One past the last offset.
    pub end: Offset,
    /// Everything below is on the disk.
    pub synced: Offset,
    /// The epochs with records in the log, and where each begins; ascending in both.
    pub epochs: Vec<(LeaderEpoch, Offset)>,
    /// The newest snapshot.
    pub snapshot: Option<SnapshotId>,
    /// The sets of voters that the snapshot and the log hold, by the offset of their record.
    pub voters: Vec<(Offset, Voters)>,
}

/// How a replica's log relates to ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is a prefix of ours.
    Prefix,
    /// It left ours: this epoch ended here.
    Diverging(LeaderEpoch, Offset),
    /// What it needs is only in this snapshot.
    Snapshot(SnapshotId),
}

impl LogView {
    /// The epoch of the last record, in the log or in the snapshot; 0 where there is none.
    pub fn last_epoch(&self) -> LeaderEpoch {
        let snapshot = self.snapshot.map_or(0, |snapshot| snapshot.epoch);
        self.epochs.last().map_or(snapshot, |(epoch, _)| *epoch)
    }

    /// Where `epoch`, or the largest one below it, ended: (that epoch, its end). One below all that
    /// are known ended where those begin.
    pub fn end_of_epoch(&self, epoch: LeaderEpoch) -> (LeaderEpoch, Offset) {
        let next = self.epochs.partition_point(|(noted, _)| *noted <= epoch);
        let end = self.epochs.get(next).map_or(self.end, |(_, begins)| *begins);
        let found = next.checked_sub(1).and_then(|at| self.epochs.get(at));
        let snapshot = self.snapshot.map(|snapshot| snapshot.epoch).filter(|it| *it <= epoch);
        (found.map(|(epoch, _)| *epoch).or(snapshot).unwrap_or(epoch), end)
    }

    /// The epoch of the record before `offset`, which lies in the log or ends the snapshot.
    pub fn epoch_before(&self, offset: Offset) -> LeaderEpoch {
        let next = self.epochs.partition_point(|(_, begins)| *begins < offset);
        let snapshot = self.snapshot.map_or(0, |snapshot| snapshot.epoch);
        let found = next.checked_sub(1).and_then(|at| self.epochs.get(at));
        found.map_or(snapshot, |(epoch, _)| *epoch)
    }

    /// How a log that ends at `end` with a record of `epoch` relates to this one.
    pub(super) fn place(&self, end: Offset, epoch: LeaderEpoch) -> Place {
        if self.start == 0 && end == 0 {
            return Place::Prefix;
        }
        if let Some(snapshot) = self.snapshot
            && (end < self.start
                || epoch < self.epoch_before(self.start)
                || end == self.start && epoch != self.epoch_before(self.start))
        {
            return Place::Snapshot(snapshot);
        }
        let (ended, at) = self.end_of_epoch(epoch);
        if ended != epoch || at < end { Place::Diverging(ended, at) } else { Place::Prefix }
    }

    /// Where this log has to end so that it may go on as the leader's, in which `epoch` ended at
    /// `end` (KIP-595).
    pub(super) fn truncation(&self, epoch: LeaderEpoch, end: Offset) -> Offset {
        let (ended, at) = self.end_of_epoch(epoch);
        if ended == epoch { at.min(end) } else { at }
    }

    /// Takes in that a batch of `epoch` was appended: it ends before `end`.
    pub(super) fn append(&mut self, epoch: LeaderEpoch, end: Offset) {
        if self.epochs.last().is_none_or(|(last, _)| *last < epoch) {
            self.epochs.push((epoch, self.end));
        }
        self.end = end;
    }

    pub(super) fn truncate(&mut self, end: Offset) {
        self.end = self.end.min(end);
        self.synced = self.synced.min(end);
        self.epochs.retain(|(_, begins)| *begins < end);
        self.voters.retain(|(at, _)| *at < end);
    }

    /// The log begins behind a snapshot from now on.
    pub(super) fn advance_start(&mut self, snapshot: SnapshotId) {
        self.snapshot = self.snapshot.max(Some(snapshot));
        self.start = self.start.max(snapshot.end);
        let covering = self.epochs.partition_point(|(_, begins)| *begins <= self.start);
        self.epochs.drain(..covering.saturating_sub(1));
        // an epoch all of whose records went is the snapshot's to tell
        match self.epochs.first_mut() {
            Some((_, begins)) if self.start < self.end => *begins = (*begins).max(self.start),
            _ => self.epochs.clear(),
        }
        let newest = self.voters.partition_point(|(at, _)| *at < self.start);
        self.voters.drain(..newest.saturating_sub(1));
    }

    /// The log was emptied, and a snapshot took its place.
    pub(super) fn restart(&mut self, snapshot: SnapshotId, voters: Option<Voters>) {
        let end = snapshot.end;
        (self.start, self.end, self.synced) = (end, end, end);
        self.epochs.clear();
        self.snapshot = Some(snapshot);
        self.voters = voters.into_iter().map(|voters| (end - 1, voters)).collect();
    }
}
