//! What a coordinator is told by the broker's configuration.

use std::time::Duration;

/// The group settings, under Kafka's names for them; the defaults are Kafka's where nothing is
/// said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `group.min.session.timeout.ms`
    pub min_session_timeout_ms: i32,
    /// `group.max.session.timeout.ms`
    pub max_session_timeout_ms: i32,
    /// `group.initial.rebalance.delay.ms`: how long the first member of a group waits for a second,
    /// and each newcomer for the next.
    pub initial_rebalance_delay: Duration,
    /// `group.max.size`: members of one group, and as many more that have not come back with the id
    /// they were given.
    pub max_size: usize,
    /// Ids that a coordinator has given out, over all its groups, and that still count: one more
    /// makes the oldest void, so that asking for ids fills no memory. Kafka has no limit.
    pub max_pending: usize,
    /// What the members of all of a coordinator's groups may say about themselves, in bytes: beyond
    /// it nobody joins (`COORDINATOR_NOT_AVAILABLE`) until others have gone. Kafka has no limit.
    pub max_member_bytes: usize,
    /// How long a member may be parked in its very first join: it cannot send heartbeats there, and
    /// a caller who has hung up leaves no trace.
    pub newcomer_join_timeout: Duration,
    /// `offset.metadata.max.bytes`
    pub max_offset_metadata_bytes: usize,
    /// `offsets.retention.minutes`
    pub offsets_retention: Duration,
    /// `offsets.retention.check.interval.ms`
    pub retention_check_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            min_session_timeout_ms: 6_000,
            max_session_timeout_ms: 1_800_000,
            initial_rebalance_delay: Duration::from_secs(3),
            // Kafka sets no limit; a group of this size is already far past what a rebalance bears
            max_size: 10_000,
            max_pending: 10_000,
            max_member_bytes: 64 << 20,
            newcomer_join_timeout: Duration::from_mins(5),
            max_offset_metadata_bytes: 4096,
            offsets_retention: Duration::from_hours(7 * 24),
            retention_check_interval: Duration::from_mins(10),
        }
    }
}
