//! Retention takes only what is old or too much, and never what is not committed.
//!
//! `retention.ms` and `retention.bytes` of Kafka's topic configuration.

use kastellan_core::id::{Offset, TopicPartition};

use super::{Check, Invariant, compaction, ensure};
use crate::model::{Batch, Partition};

/// Retention moved the start to `start` at `wall`.
pub(crate) fn check(of: &TopicPartition, model: &Partition, start: Offset, wall: i64) -> Check {
    const INVARIANT: Invariant = Invariant::RetentionTakesOnlyTheOld;
    let hw = model.high_watermark;
    ensure(start <= hw, INVARIANT, || {
        format!("{of}: the start moved to {start}, beyond the high watermark {hw}")
    })?;
    let config = &model.config;
    let size = |batch: &Batch| i64::try_from(batch.bytes.len()).unwrap_or(0);
    let mut left: i64 = model.batches.range(model.start..).map(|(_, batch)| size(batch)).sum();
    for (at, batch) in model.batches.range(model.start..start) {
        let age = wall.saturating_sub(batch.header.max_timestamp);
        let old = config.retention_ms >= 0 && age > config.retention_ms;
        left -= size(batch);
        let too_much = config.retention_bytes >= 0 && left >= config.retention_bytes;
        let gone = compaction::may_be_gone(model, &batch.header);
        ensure(config.delete && (old || too_much || gone), INVARIANT, || {
            format!("{of}: the batch at {at} was {age} ms old and is gone; {left} bytes are left")
        })?;
    }
    Ok(())
}
