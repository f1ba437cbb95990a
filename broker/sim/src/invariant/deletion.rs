//! What an admin was told to be deleted stays deleted, and nothing besides it goes.
//!
//! KIP-107. Apache Kafka writes a new start down within a minute; here it is on the disk before the
//! answer leaves, so that no crash takes it back.

use kastellan_core::id::{Offset, TopicPartition};
use kastellan_protocol::ErrorCode;

use super::{Check, Invariant, ensure};
use crate::model::Partition;

const INVARIANT: Invariant = Invariant::DeletedStaysDeleted;

/// What was asked for, and how far it might go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) before: Offset,
    pub(crate) high_watermark: Offset,
}

/// What a reader got right after it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// One offset before the start.
    pub(crate) below: Result<(), ErrorCode>,
    /// At the start.
    pub(crate) at: Result<(), ErrorCode>,
    /// `ListOffsets` with -2.
    pub(crate) earliest: Option<Offset>,
}

/// A deletion was answered with a new start, or refused; `failed`: the disk may be why.
pub(crate) fn answered(
    of: &TopicPartition,
    model: &Partition,
    asked: Asked,
    answer: Result<Offset, ErrorCode>,
    failed: bool,
) -> Check {
    let Asked { before, high_watermark } = asked;
    let to = if before == -1 { high_watermark } else { before };
    let expected = if model.config.compact && !model.config.delete {
        Err(ErrorCode::PolicyViolation)
    } else if to < 0 || to > high_watermark {
        Err(ErrorCode::OffsetOutOfRange)
    } else {
        Ok(to.max(model.start))
    };
    let excused = failed && expected.is_ok() && answer == Err(ErrorCode::KafkaStorageError);
    ensure(answer == expected || excused, INVARIANT, || {
        format!("{of}: {asked:?} was answered with {answer:?} instead of {expected:?}")
    })
}

/// What readers see at once.
pub(crate) fn seen(of: &TopicPartition, start: Offset, seen: Seen) -> Check {
    let right = seen.below == Err(ErrorCode::OffsetOutOfRange)
        && seen.at == Ok(())
        && seen.earliest == Some(start);
    ensure(right, INVARIANT, || format!("{of} starts at {start}, and readers saw {seen:?}"))
}

/// After recovery, which found `start`.
pub(crate) fn recovered(of: &TopicPartition, model: &Partition, start: Offset) -> Check {
    let deleted = model.deleted;
    ensure(start >= deleted, INVARIANT, || {
        format!("{of} starts at {start}; everything before {deleted} was said to be deleted")
    })
}
