//! An epoch ended where the first batch of a later one begins, whatever was deleted, cut, lost and
//! recovered since.
//!
//! KIP-101, KIP-279 and KIP-320, told by the batches that the log should hold.

use std::collections::BTreeSet;

use kastellan_core::id::{LeaderEpoch, Offset, TopicPartition};
use kastellan_protocol::{ErrorCode, batch::Header};

use super::{Check, Invariant, ensure};
use crate::model::Partition;

const INVARIANT: Invariant = Invariant::EpochsEndWhereTheyDid;

/// The epoch asked for, and the one that leads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) current: LeaderEpoch,
    pub(crate) asked: LeaderEpoch,
}

/// What a reader is told of another history.
type Diverging = Result<Option<(LeaderEpoch, Offset)>, ErrorCode>;

/// The headers of what is left.
fn left(model: &Partition) -> impl Iterator<Item = &Header> {
    let headers = model.batches.values().map(|batch| &batch.header);
    headers.filter(|header| header.next_offset() > model.start)
}

/// The epochs that batches are left of.
pub(crate) fn epochs(model: &Partition) -> BTreeSet<LeaderEpoch> {
    left(model).map(|header| header.leader_epoch).collect()
}

/// `answer` is where the epoch asked for ended.
pub(crate) fn ended(
    of: &TopicPartition,
    model: &Partition,
    Asked { current, asked }: Asked,
    answer: Option<(LeaderEpoch, Offset)>,
) -> Check {
    let expected = if asked == -1 || asked > current {
        None
    } else if asked == current {
        Some((asked, model.end))
    } else {
        let epoch = epochs(model).range(..=asked).next_back().copied().unwrap_or(asked);
        let next = left(model).find(|header| header.leader_epoch > asked);
        Some((epoch, next.map_or(model.end, |next| next.base_offset.max(model.start))))
    };
    // once nothing is left, the epoch that was deleted or cut last may still be known
    let of_nothing = left(model).next().is_none()
        && answer.is_some_and(|(epoch, end)| epoch <= asked && end == model.end);
    ensure(answer == expected || of_nothing && expected.is_some(), INVARIANT, || {
        let known = epochs(model);
        format!("{of}: epoch {asked} ended at {answer:?}, it is {expected:?} of {known:?}")
    })
}

/// A reader of an epoch that ended at `ended` stopped there, another one went on behind it.
pub(crate) fn diverging(
    of: &TopicPartition,
    ended: (LeaderEpoch, Offset),
    there: Diverging,
    behind: Diverging,
) -> Check {
    let right = there == Ok(None) && behind == Ok(Some(ended));
    ensure(right, INVARIANT, || {
        format!("{of}: at {ended:?} a reader was told {there:?}, behind it {behind:?}")
    })
}
