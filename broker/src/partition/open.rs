//! From a directory on the disk to a partition that serves.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64},
    },
};

use kastellan_core::{
    config::TopicConfig,
    log::Log as _,
    partition::{self as machine, Durability},
    producer::Producers,
};
use kastellan_log::Config;

use super::{Committing, Log, Partition, State};
use crate::partitions::Topic;

/// How a partition is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opening {
    /// The epoch in which this broker leads it.
    pub(crate) epoch: i32,
    /// What `acks=all` promises.
    pub(crate) durability: Durability,
    /// How many producers are remembered at most.
    pub(crate) producers: usize,
}

impl Partition {
    /// Serves `log`; reads what the producers' state is rebuilt from.
    pub(crate) fn new(
        topic: Arc<Topic>,
        index: i32,
        log: Log,
        opening: Opening,
        committing: Committing,
    ) -> Result<Self, kastellan_core::log::LogError> {
        let (producers, snapshot) = rebuild(&log, opening.producers)?;
        let key = committing.key;
        let place = committing.home.place().into();
        let epoch = opening.epoch.max(log.latest_epoch());
        let machine = machine::Partition::new(log, producers, epoch, opening.durability);
        let state = State {
            machine: Some(machine),
            waiters: VecDeque::new(),
            readers: Vec::new(),
            snapshot,
            committing,
            future: None,
        };
        let (key, deleted) = (AtomicU64::new(key), AtomicBool::new(false));
        Ok(Self { topic, index, key, place, deleted, state: Mutex::new(state) })
    }
}

/// The producers as of the newest snapshot that can be read, and what the log says since.
fn rebuild(
    log: &Log,
    limit: usize,
) -> Result<(Producers, kastellan_core::id::Offset), kastellan_core::log::LogError> {
    let mut producers = Producers::new(limit);
    let mut from = log.start();
    for offset in log.snapshots().iter().rev().copied() {
        let read = log.load_snapshot(offset)?;
        let parsed = read.map(|bytes| Producers::from_snapshot(&bytes, limit));
        match parsed {
            Some(Ok(found)) => {
                (producers, from) = (found, offset);
                break;
            }
            Some(Err(error)) => {
                let partition = log.partition();
                tracing::warn!(%partition, offset, %error, "ignoring a producer snapshot");
            }
            None => {}
        }
    }
    if from < log.end() {
        log.for_each_header(from, |header| {
            if header.base_offset >= from {
                producers.record(header, header.max_timestamp);
            }
        })?;
    }
    Ok((producers, from))
}

/// What a topic's settings mean for its logs.
pub(crate) fn settings_of_log(topic: &TopicConfig) -> Config {
    Config {
        segment_bytes: u64::from(topic.segment_bytes),
        segment_ms: topic.segment_ms,
        segment_jitter_ms: topic.segment_jitter_ms,
        index_interval_bytes: u64::from(topic.index_interval_bytes),
        segment_index_bytes: topic.segment_index_bytes as usize,
        delete: topic.cleanup.delete,
        compact: topic.cleanup.compact,
        retention_ms: topic.retention_ms.unwrap_or(-1),
        retention_bytes: topic
            .retention_bytes
            .and_then(|bytes| i64::try_from(bytes).ok())
            .unwrap_or(-1),
        delete_retention_ms: topic.delete_retention_ms,
        min_cleanable_dirty_ratio: topic.min_cleanable_dirty_ratio,
        min_compaction_lag_ms: topic.min_compaction_lag_ms,
        max_compaction_lag_ms: topic.max_compaction_lag_ms.unwrap_or(i64::MAX),
        file_delete_delay_ms: topic.file_delete_delay_ms,
    }
}
