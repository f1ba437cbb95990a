//! What a topic's configuration says about its logs.

/// Settings of one log; Kafka's names with underscores, Kafka's defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// A segment is closed rather than grown beyond this many bytes; at most `i32::MAX`.
    pub segment_bytes: u64,
    /// A segment is closed when a record is this many milliseconds newer than its first batch.
    pub segment_ms: i64,
    /// Bytes of log per index entry.
    pub index_interval_bytes: u64,
    /// Bytes that an index file may have; a full one closes the segment.
    pub segment_index_bytes: usize,
    /// Whether old segments are removed by age and size (`cleanup.policy` has `delete`).
    pub delete: bool,
    /// Whether only the last record of each key is kept (`cleanup.policy` has `compact`).
    pub compact: bool,
    /// Milliseconds that a record is kept by `delete`; -1 for ever.
    pub retention_ms: i64,
    /// Bytes that a log may have before `delete` removes its oldest segments; -1 for any.
    pub retention_bytes: i64,
    /// Milliseconds that a tombstone stays readable after compaction has seen it.
    pub delete_retention_ms: i64,
    /// Compact when at least this part of the log is new since the last time; 0 to 1.
    pub min_cleanable_dirty_ratio: f64,
    /// Milliseconds that a record stays uncompacted for certain.
    pub min_compaction_lag_ms: i64,
    /// Milliseconds after which a record is compacted whatever the ratio says.
    pub max_compaction_lag_ms: i64,
    /// Milliseconds that a removed segment's files stay, renamed, before they go.
    pub file_delete_delay_ms: i64,
}

impl Default for Config {
    fn default() -> Self {
        const DAY: i64 = 86_400_000;
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 7 * DAY,
            index_interval_bytes: 4096,
            segment_index_bytes: 10 << 20,
            delete: true,
            compact: false,
            retention_ms: 7 * DAY,
            retention_bytes: -1,
            delete_retention_ms: DAY,
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            file_delete_delay_ms: 60_000,
        }
    }
}
