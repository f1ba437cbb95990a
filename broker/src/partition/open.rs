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
    machine::Millis,
    partition::{self as machine, Assigned, Assignment},
};
use kastellan_log::Config;

use super::{Committing, Log, Partition, State};
use crate::partitions::Topic;

/// How a partition is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening<'a> {
    /// Who leads it, and in which epoch.
    pub(crate) assignment: &'a Assignment,
    /// The time.
    pub(crate) now: Millis,
    /// Where its high watermark was.
    pub(crate) from: machine::Opening,
    /// How many producers are remembered at most.
    pub(crate) producers: usize,
}

impl Partition {
    /// Serves `log`; reads what the producers' state is rebuilt from.
    pub(crate) fn new(
        topic: Arc<Topic>,
        index: i32,
        log: Log,
        opening: Opening<'_>,
        committing: Committing,
    ) -> Result<Self, kastellan_core::log::LogError> {
        let (producers, snapshot) = log.replay_producers(opening.producers)?;
        let key = committing.key;
        let place = committing.home.place().into();
        let mut machine = machine::Partition::new(log, producers, opening.from);
        let assigned = machine.assign(opening.now, opening.assignment);
        let mut state = State {
            machine: Some(machine),
            waiters: VecDeque::new(),
            deleters: Vec::new(),
            readers: Vec::new(),
            snapshot,
            committing,
            future: None,
            reviewed: false,
        };
        match assigned {
            Assigned::Leads(moved) => drop(state.heed(moved)),
            Assigned::Follows => state.want_fetch(),
            Assigned::Idle | Assigned::Same(_) | Assigned::Stale => {}
        }
        let (key, deleted) = (AtomicU64::new(key), AtomicBool::new(false));
        Ok(Self { topic, index, key, place, deleted, state: Mutex::new(state) })
    }
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
