//! Nothing is lost that was promised to stay.
//!
//! From the durability table of the design (section 6) and invariant (h) of the specifications in
//! `reliability.md` 1.7: with one replica, Kafka's rule promises what is in the page cache against
//! the death of the process, and what a sync has returned for against a power cut.

use kastellan_core::id::{Offset, TopicPartition};

use super::{Check, Invariant, ensure};
use crate::model::{Ending, Partition};

/// Holds the end that recovery found against what was promised.
pub(crate) fn check(
    of: &TopicPartition,
    model: &Partition,
    recovered: Offset,
    ending: Ending,
) -> Check {
    // a log that was cut within the batch of its start ends there, with nothing in it
    let whole = model.boundary(model.half_truncated.unwrap_or(model.end));
    let promised = match ending {
        Ending::Clean | Ending::Killed => whole,
        Ending::PowerCut => model.durable.min(whole),
    };
    ensure(recovered >= promised, Invariant::AcknowledgedIsNotLost, || {
        format!("{of} ends at {recovered} after {ending:?}; promised was {promised}")
    })
}
