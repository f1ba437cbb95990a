//! Nothing invalid is ever served, least of all after recovery: whole batches with the right CRC.
//!
//! D3 and D5 of `reliability.md` 7.2.

use kastellan_core::id::TopicPartition;
use kastellan_protocol::batch::{Header, Malformed, check_crc};

use super::{Check, Invariant, Violation, ensure};

/// A batch was served.
pub(crate) fn check(of: &TopicPartition, header: &Header, raw: &[u8]) -> Check {
    ensure(check_crc(raw), Invariant::NothingInvalidIsServed, || {
        format!("{of}: the batch at {} was served with a wrong CRC", header.base_offset)
    })
}

/// Bytes were served that are no batch.
pub(crate) fn malformed(of: &TopicPartition, why: &Malformed) -> Violation {
    let what = format!("{of}: bytes were served that are no batch: {why}");
    Violation { invariant: Some(Invariant::NothingInvalidIsServed), what }
}
