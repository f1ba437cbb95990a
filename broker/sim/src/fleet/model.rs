//! What is known to be true: who led, who voted for whom, what is committed.

use std::collections::BTreeMap;

use kastellan_core::{
    id::{BrokerId, LeaderEpoch, Offset},
    quorum::{ReplicaKey, Voters},
};
use kastellan_protocol::batch::Header;

/// A committed batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Committed {
    pub(super) next: Offset,
    pub(super) epoch: LeaderEpoch,
    pub(super) crc: u32,
}

impl Committed {
    pub(super) fn of(header: &Header) -> Self {
        Self { next: header.next_offset(), epoch: header.leader_epoch, crc: header.crc }
    }
}

/// The truth.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) leaders: BTreeMap<LeaderEpoch, BrokerId>,
    pub(super) votes: BTreeMap<(LeaderEpoch, ReplicaKey), ReplicaKey>,
    /// Batches that somebody knew to be committed, by their base offsets.
    pub(super) committed: BTreeMap<Offset, Committed>,
    /// The epochs in which that was first known, by the same offsets.
    pub(super) committed_in: BTreeMap<Offset, LeaderEpoch>,
    /// A hash over all that is committed, by where it ends.
    pub(super) digests: BTreeMap<Offset, u64>,
    /// The sets of voters in the committed log.
    pub(super) voters: BTreeMap<Offset, Voters>,
    /// Proposals that were answered, and their offsets.
    pub(super) acknowledged: BTreeMap<u64, Offset>,
    pub(super) next_proposal: u64,
}

/// The hash of a log with one more batch.
pub(super) fn digest(before: u64, base: Offset, batch: Committed) -> u64 {
    let words =
        [base.cast_unsigned(), u64::from(batch.crc), u64::from(batch.epoch.cast_unsigned())];
    words.iter().fold(before, |sum, word| (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3))
}

impl Model {
    /// One past what was committed before `epoch`: its leader has that. One that was elected late,
    /// when a newer epoch had begun already, need not have what was committed there.
    pub(super) fn committed_before(&self, epoch: LeaderEpoch) -> Offset {
        let last = self.committed_in.iter().rev().find(|(_, known)| **known < epoch);
        last.and_then(|(base, _)| self.committed.get(base)).map_or(0, |batch| batch.next)
    }

    pub(super) fn committed_end(&self) -> Offset {
        self.committed.last_key_value().map_or(0, |(_, batch)| batch.next)
    }
}
