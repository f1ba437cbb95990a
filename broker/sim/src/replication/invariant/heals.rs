//! Once nothing breaks any more, everything is served again: partitions have leaders and full ISRs,
//! and every producer gets its last answer.

use super::{Invariant, Violation};

pub(in super::super) fn failed(what: String) -> Violation {
    Violation { invariant: Some(Invariant::ServesAgainOnceHealed), what }
}
