//! What a topic's configuration says about its logs.

/// Settings of one log; Kafka's names with underscores, Kafka's defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// A segment is closed rather than grown beyond this many bytes; at most `i32::MAX`.
    pub segment_bytes: u64,
    /// A segment is closed when a record is this many milliseconds newer than its first batch.
    pub segment_ms: i64,
    /// Up to this many milliseconds are taken off `segment_ms`, by another amount for every
    /// segment, so that logs that were begun together do not all roll together.
    pub segment_jitter_ms: i64,
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
            segment_jitter_ms: 0,
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

impl Config {
    /// After how many milliseconds a segment is closed. `which` tells it from other segments, of
    /// this log and of others. Where a record has to be compacted in time, its segment has to be
    /// closed by then (KIP-354).
    pub fn rolls_after(&self, which: u64) -> i64 {
        let longest = if self.compact && self.max_compaction_lag_ms > 0 {
            self.segment_ms.min(self.max_compaction_lag_ms)
        } else {
            self.segment_ms
        };
        let most = u64::try_from(self.segment_jitter_ms.min(self.segment_ms)).unwrap_or(0);
        // a multiplication spreads numbers that lie close together over all others
        let which = u128::from(which.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let spread = (which * u128::from(most)) >> 64;
        longest.saturating_sub(i64::try_from(spread).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_roll_at_different_times_within_the_jitter() {
        let config = Config { segment_ms: 1_000, segment_jitter_ms: 300, ..Config::default() };
        let times: Vec<_> = (0..100).map(|which| config.rolls_after(which)).collect();
        assert!(times.iter().all(|time| (701..=1_000).contains(time)), "{times:?}");
        assert!(times.iter().any(|time| *time < 750) && times.iter().any(|time| *time > 950));
        assert_eq!(Config { segment_ms: 1_000, ..Config::default() }.rolls_after(7), 1_000);
        let wide = Config { segment_ms: 5, segment_jitter_ms: 1_000, ..Config::default() };
        assert!((0..50).all(|which| wide.rolls_after(which) > 0), "a segment may take a record");
    }

    #[test]
    fn what_has_to_be_compacted_in_time_is_closed_in_time() {
        let compacted = Config { compact: true, max_compaction_lag_ms: 50, ..Config::default() };
        assert_eq!(compacted.rolls_after(1), 50);
        let deleted = Config { compact: false, ..compacted };
        assert_eq!(deleted.rolls_after(1), deleted.segment_ms);
    }
}
