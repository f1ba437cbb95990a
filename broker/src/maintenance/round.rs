//! One round over all partitions, for each thing that has to be done.

use std::{sync::Arc, time::Duration};

use crate::{partition::Partition, partitions::Partitions};

/// The shortest `flush.ms` of a topic, where any has one.
pub(super) fn shortest_flush(partitions: &Partitions) -> Option<Duration> {
    let topics = partitions.topics();
    let shortest = topics.iter().filter_map(|topic| topic.config().flush_ms).min()?;
    Some(Duration::from_millis(u64::try_from(shortest).unwrap_or(0).max(1)))
}

/// Has everything synced, and writes down what is on the disk by now. True: there is more to write
/// down next time.
pub(super) fn checkpoint(partitions: &Partitions) -> bool {
    let all = partitions.all();
    let mut more = false;
    for partition in &all {
        match partition.flush() {
            Ok(flushing) => more |= flushing,
            Err(code) => tracing::debug!(?partition, ?code, "an offline partition is not flushed"),
        }
    }
    if let Err(error) = write_checkpoints(partitions, &all) {
        tracing::error!(%error, "cannot write the checkpoints");
    }
    if let Err(error) = partitions.write_marks() {
        tracing::error!(%error, "cannot write the high watermarks");
    }
    more
}

/// Lets old segments go.
pub(super) fn expire(partitions: &Partitions, now: i64) {
    let all = partitions.all();
    let mut moved = Vec::new();
    for partition in all {
        match partition.expire(now) {
            Ok(true) => moved.push(partition),
            Ok(false) => {}
            Err(error) => tracing::error!(?partition, %error, "retention failed"),
        }
    }
    // The new starts have to be on the disk before the segments go.
    if !moved.is_empty()
        && let Err(error) = write_checkpoints(partitions, &moved)
    {
        tracing::error!(%error, "cannot write the checkpoints: old segments stay");
        return;
    }
    for partition in partitions.all() {
        if let Err(error) = partition.remove_expired(now) {
            tracing::error!(?partition, %error, "cannot remove old segments");
        }
    }
}

/// Forgets producers that have been silent for `expiration` milliseconds.
pub(super) fn forget_producers(partitions: &Partitions, now: i64, expiration: i64) {
    for partition in partitions.all() {
        if let Ok(forgotten @ 1..) = partition.expire_producers(now, expiration) {
            tracing::debug!(?partition, forgotten, "producers are forgotten");
        }
    }
}

/// Writes down how far `which` are on the disk and where they start; on the disk when this
/// returns.
pub(crate) fn write_checkpoints(
    partitions: &Partitions,
    which: &[Arc<Partition>],
) -> Result<(), kastellan_core::log::LogError> {
    let said = which.iter().filter_map(|partition| partition.checkpoints().ok());
    partitions.dirs().write_checkpoints(said)
}
