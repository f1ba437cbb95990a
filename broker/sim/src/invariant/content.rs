//! Reads return exactly what was appended: bytes where nothing was compacted, records elsewhere.
//!
//! C18 of `reliability.md` 5.3, and (i) of 1.7: a consumed record never changes. Every value
//! carries its topic, partition, producer and sequence, so that bytes of another place do not pass.

use kastellan_core::id::TopicPartition;
use kastellan_protocol::batch::{Header, Scratch};

use super::{Check, Invariant, ensure};
use crate::model::{Partition, partition::records_of};

/// A batch was served; is it the one that was appended there?
pub(crate) fn check(
    of: &TopicPartition,
    model: &Partition,
    header: &Header,
    raw: &[u8],
    scratch: &mut Scratch,
) -> Check {
    const INVARIANT: Invariant = Invariant::ReadsReturnWhatWasAppended;
    let at = header.base_offset;
    let known = model.batch_at(at).filter(|known| known.header.base_offset == at);
    let Some(known) = known else {
        let at = format!("{of}: nothing was appended at {at}, {} bytes were served", raw.len());
        return ensure(false, INVARIANT, || at);
    };
    if known.bytes == raw {
        return Ok(());
    }
    ensure(model.has_gaps(), INVARIANT, || {
        format!("{of}: the bytes served at {at} are not those appended")
    })?;
    let records = records_of(raw, scratch).unwrap_or_default();
    for (offset, record) in &records {
        ensure(model.records.get(offset) == Some(record), INVARIANT, || {
            let appended = model.records.get(offset);
            format!("{of}: record {offset} was {appended:?} and is served as {record:?}")
        })?;
    }
    let same = (known.header.last_offset(), known.header.producer_id, known.header.base_sequence);
    let served = (header.last_offset(), header.producer_id, header.base_sequence);
    ensure(same == served, INVARIANT, || {
        format!("{of}: compaction changed the batch at {at} from {same:?} to {served:?}")
    })
}
