//! A topic's settings as values, resolved from its overrides and the broker's settings.

use super::{
    BrokerConfig, Invalid, Overrides,
    kind::{parse_bool, words},
    throttled::Throttled,
};

/// What a topic is configured to do. Times are in milliseconds, sizes in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicConfig {
    /// cleanup.policy.
    pub cleanup: Cleanup,
    /// compression.type with its level.
    pub compression: Compression,
    /// delete.retention.ms: how long a tombstone stays.
    pub delete_retention_ms: i64,
    /// file.delete.delay.ms.
    pub file_delete_delay_ms: i64,
    /// follower.replication.throttled.replicas.
    pub follower_throttled: Throttled,
    /// flush.messages; `None`: never because of a count.
    pub flush_messages: Option<i64>,
    /// flush.ms; `None`: never because of time.
    pub flush_ms: Option<i64>,
    /// index.interval.bytes.
    pub index_interval_bytes: u32,
    /// leader.replication.throttled.replicas.
    pub leader_throttled: Throttled,
    /// max.compaction.lag.ms; `None`: no limit.
    pub max_compaction_lag_ms: Option<i64>,
    /// max.message.bytes: the largest batch, header included.
    pub max_message_bytes: usize,
    /// message.timestamp.after.max.ms.
    pub timestamp_after_max_ms: i64,
    /// message.timestamp.before.max.ms; `i64::MAX` is no limit.
    pub timestamp_before_max_ms: i64,
    /// message.timestamp.type.
    pub timestamp_type: TimestampType,
    /// min.cleanable.dirty.ratio, 0 to 1.
    pub min_cleanable_dirty_ratio: f64,
    /// min.compaction.lag.ms.
    pub min_compaction_lag_ms: i64,
    /// min.insync.replicas; at least 1.
    pub min_insync_replicas: i32,
    /// retention.bytes of one partition; `None`: no limit.
    pub retention_bytes: Option<u64>,
    /// retention.ms; `None`: for ever.
    pub retention_ms: Option<i64>,
    /// segment.bytes, or internal.segment.bytes where a test set it.
    pub segment_bytes: u32,
    /// segment.index.bytes.
    pub segment_index_bytes: u32,
    /// segment.jitter.ms; never more than `segment_ms`.
    pub segment_jitter_ms: i64,
    /// segment.ms.
    pub segment_ms: i64,
    /// Whether acks=all means that records are on the disk: flush.messages is 1, or the broker's
    /// kastellan.durability says so.
    pub fsync: bool,
    /// unclean.leader.election.enable.
    pub unclean_leader_election: bool,
}

/// What happens to old records; neither is legal and keeps everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleanup {
    /// Segments are dropped by age and size.
    pub delete: bool,
    /// The last record of every key is kept.
    pub compact: bool,
}

/// The codec a topic's batches are stored with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they were sent.
    Producer,
    /// Not compressed.
    Uncompressed,
    /// gzip; a level from 1 to 9 or the codec's own.
    Gzip(Option<i32>),
    /// snappy.
    Snappy,
    /// lz4.
    Lz4,
    /// zstd with its level.
    Zstd(i32),
}

/// Whose clock stamps records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's.
    LogAppendTime,
}

impl TopicConfig {
    /// A topic's settings: its own, else the broker's, else the default.
    ///
    /// Never fails: overrides are checked before they are recorded, and one that a different
    /// version recorded and this one cannot read counts as not set.
    pub fn resolve(overrides: &Overrides, broker: &BrokerConfig) -> Self {
        let value = Values { overrides, broker };
        let unlimited = |value: i64| (value >= 0 && value != i64::MAX).then_some(value);
        let segment_ms = value.long("segment.ms");
        let policy = value.text("cleanup.policy");
        Self {
            cleanup: Cleanup {
                delete: words(&policy).any(|word| word == "delete"),
                compact: words(&policy).any(|word| word == "compact"),
            },
            compression: value.compression(),
            delete_retention_ms: value.long("delete.retention.ms"),
            file_delete_delay_ms: value.long("file.delete.delay.ms"),
            follower_throttled: value.throttled("follower.replication.throttled.replicas"),
            flush_messages: unlimited(value.long("flush.messages")),
            flush_ms: unlimited(value.long("flush.ms")),
            index_interval_bytes: value.size("index.interval.bytes"),
            leader_throttled: value.throttled("leader.replication.throttled.replicas"),
            max_compaction_lag_ms: unlimited(value.long("max.compaction.lag.ms")),
            max_message_bytes: value.size("max.message.bytes") as usize,
            timestamp_after_max_ms: value.long("message.timestamp.after.max.ms"),
            timestamp_before_max_ms: value.long("message.timestamp.before.max.ms"),
            timestamp_type: match value.text("message.timestamp.type").as_str() {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            min_cleanable_dirty_ratio: value
                .text("min.cleanable.dirty.ratio")
                .parse()
                .unwrap_or(0.5),
            min_compaction_lag_ms: value.long("min.compaction.lag.ms"),
            min_insync_replicas: i32::try_from(value.long("min.insync.replicas")).unwrap_or(1),
            retention_bytes: u64::try_from(value.long("retention.bytes")).ok(),
            retention_ms: unlimited(value.long("retention.ms")),
            segment_bytes: value
                .own("internal.segment.bytes")
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or_else(|| value.size("segment.bytes")),
            segment_index_bytes: value.size("segment.index.bytes"),
            segment_jitter_ms: value.long("segment.jitter.ms").min(segment_ms),
            segment_ms,
            fsync: broker.fsync || value.long("flush.messages") == 1,
            unclean_leader_election: parse_bool(&value.text("unclean.leader.election.enable"))
                .unwrap_or(false),
        }
    }

    /// Refuses what each setting allows and all of them together do not.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        if self.max_compaction_lag_ms.is_some_and(|max| self.min_compaction_lag_ms > max) {
            return Err(Invalid::Conflict(
                "min.compaction.lag.ms is larger than max.compaction.lag.ms: a record could never \
                 be compacted in time"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

struct Values<'a> {
    overrides: &'a Overrides,
    broker: &'a BrokerConfig,
}

impl Values<'_> {
    /// The topic's own value, if it is one.
    fn own(&self, name: &str) -> Option<&str> {
        let value = self.overrides.get(name)?;
        super::check(super::Scope::Topic, name, value).ok()?;
        Some(value)
    }

    fn text(&self, name: &str) -> String {
        match self.own(name) {
            Some(value) => value.trim().to_owned(),
            None => self.broker.topic_default(name),
        }
    }

    fn long(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or_default()
    }

    fn size(&self, name: &str) -> u32 {
        u32::try_from(self.long(name)).unwrap_or_default()
    }

    fn throttled(&self, name: &str) -> Throttled {
        Throttled::parse(&self.text(name)).unwrap_or_default()
    }

    fn compression(&self) -> Compression {
        let level = |name| i32::try_from(self.long(name)).unwrap_or(-1);
        match self.text("compression.type").as_str() {
            "uncompressed" => Compression::Uncompressed,
            "gzip" => {
                let level = level("compression.gzip.level");
                Compression::Gzip((level != -1).then_some(level))
            }
            "snappy" => Compression::Snappy,
            "lz4" => Compression::Lz4,
            "zstd" => Compression::Zstd(level("compression.zstd.level")),
            _ => Compression::Producer,
        }
    }
}
