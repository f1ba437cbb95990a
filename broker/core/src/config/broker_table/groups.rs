//! Groups and committed offsets; defaults and bounds of the settings of groups.

use super::super::{
    kind::Kind::{Int, List, Long, Short, Text, Words},
    setting::Setting,
};

const PROTOCOLS: &[&str] = &["classic", "consumer", "share", "streams"];

/// In alphabetical order.
pub(super) static ROWS: &[Setting] = &[
    Setting::dynamic(
        "group.consumer.assignment.interval.ms",
        Int(0, i32::MAX),
        "1000",
        "Default of the groups' consumer.assignment.interval.ms.",
    ),
    Setting::broker(
        "group.consumer.assignors",
        List,
        "uniform,range",
        "There is no consumer protocol of KIP-848 yet.",
    )
    .without_effect(),
    Setting::dynamic(
        "group.consumer.heartbeat.interval.ms",
        Int(1, i32::MAX),
        "5000",
        "Default of the groups' consumer.heartbeat.interval.ms.",
    ),
    Setting::dynamic(
        "group.consumer.max.assignment.interval.ms",
        Int(0, i32::MAX),
        "15000",
        "The most that a group's consumer.assignment.interval.ms may be.",
    ),
    Setting::dynamic(
        "group.consumer.max.heartbeat.interval.ms",
        Int(1, i32::MAX),
        "15000",
        "The most that a group's consumer.heartbeat.interval.ms may be.",
    ),
    Setting::dynamic(
        "group.consumer.max.session.timeout.ms",
        Int(1, i32::MAX),
        "60000",
        "The most that a group's consumer.session.timeout.ms may be.",
    ),
    Setting::broker(
        "group.consumer.max.size",
        Int(1, i32::MAX),
        "2147483647",
        "There is no consumer protocol of KIP-848 yet.",
    )
    .without_effect(),
    Setting::broker(
        "group.consumer.migration.policy",
        Text,
        "bidirectional",
        "There is no consumer protocol of KIP-848 yet.",
    )
    .without_effect(),
    Setting::dynamic(
        "group.consumer.min.assignment.interval.ms",
        Int(0, i32::MAX),
        "0",
        "The least that a group's consumer.assignment.interval.ms may be.",
    ),
    Setting::dynamic(
        "group.consumer.min.heartbeat.interval.ms",
        Int(1, i32::MAX),
        "5000",
        "The least that a group's consumer.heartbeat.interval.ms may be.",
    ),
    Setting::dynamic(
        "group.consumer.min.session.timeout.ms",
        Int(1, i32::MAX),
        "45000",
        "The least that a group's consumer.session.timeout.ms may be.",
    ),
    Setting::broker(
        "group.consumer.regex.refresh.interval.ms",
        Int(10_000, i32::MAX),
        "600000",
        "There is no consumer protocol of KIP-848 yet.",
    )
    .without_effect(),
    Setting::dynamic(
        "group.consumer.session.timeout.ms",
        Int(1, i32::MAX),
        "45000",
        "Default of the groups' consumer.session.timeout.ms.",
    ),
    Setting::broker(
        "group.coordinator.append.linger.ms",
        Int(-1, i32::MAX),
        "-1",
        "Coordinators append at once.",
    )
    .without_effect(),
    Setting::broker(
        "group.coordinator.background.threads",
        Int(1, i32::MAX),
        "2",
        "Coordinators run on the connections that ask them.",
    )
    .without_effect(),
    Setting::dynamic(
        "group.coordinator.cached.buffer.max.bytes",
        Int(524_288, i32::MAX),
        "1048588",
        "Coordinators keep no buffers.",
    )
    .without_effect(),
    Setting::broker(
        "group.coordinator.rebalance.protocols",
        Words(PROTOCOLS),
        "classic,consumer,streams",
        "Only the classic protocol is served yet.",
    )
    .without_effect(),
    Setting::broker(
        "group.coordinator.threads",
        Int(1, i32::MAX),
        "4",
        "Coordinators run on the connections that ask them.",
    )
    .without_effect(),
    Setting::dynamic(
        "group.initial.rebalance.delay.ms",
        Int(0, i32::MAX),
        "0",
        "How long the first rebalance of an empty group waits for more members, in milliseconds. \
         Kafka's default is 3000, which saves rebalances when many members start together; here it \
         is 0, so that a single consumer starts reading at once.",
    ),
    Setting::dynamic(
        "group.max.session.timeout.ms",
        Int(0, i32::MAX),
        "1800000",
        "The longest session timeout that a group member may ask for, in milliseconds.",
    ),
    Setting::dynamic(
        "group.max.size",
        Int(1, i32::MAX),
        "2000",
        "The most members of one group. Kafka has no limit by default; here there is one, so that \
         no client can fill the coordinator's memory.",
    ),
    Setting::dynamic(
        "group.min.session.timeout.ms",
        Int(0, i32::MAX),
        "6000",
        "The shortest session timeout that a group member may ask for, in milliseconds.",
    ),
    Setting::dynamic(
        "group.share.assignment.interval.ms",
        Int(0, i32::MAX),
        "1000",
        "Default of the groups' share.assignment.interval.ms.",
    ),
    Setting::broker("group.share.assignors", List, "simple", "There are no share groups yet.")
        .without_effect(),
    Setting::dynamic(
        "group.share.delivery.count.limit",
        Int(2, 10),
        "5",
        "Default of the groups' share.delivery.count.limit.",
    ),
    Setting::dynamic(
        "group.share.heartbeat.interval.ms",
        Int(1, i32::MAX),
        "5000",
        "Default of the groups' share.heartbeat.interval.ms.",
    ),
    Setting::dynamic(
        "group.share.max.assignment.interval.ms",
        Int(0, i32::MAX),
        "15000",
        "The most that a group's share.assignment.interval.ms may be.",
    ),
    Setting::dynamic(
        "group.share.max.delivery.count.limit",
        Int(5, 25),
        "10",
        "The most that a group's share.delivery.count.limit may be.",
    ),
    Setting::dynamic(
        "group.share.max.heartbeat.interval.ms",
        Int(1, i32::MAX),
        "15000",
        "The most that a group's share.heartbeat.interval.ms may be.",
    ),
    Setting::dynamic(
        "group.share.max.partition.max.record.locks",
        Int(2_000, 10_000),
        "4000",
        "The most that a group's share.partition.max.record.locks may be.",
    ),
    Setting::dynamic(
        "group.share.max.record.lock.duration.ms",
        Int(30_000, 3_600_000),
        "60000",
        "The most that a group's share.record.lock.duration.ms may be.",
    ),
    Setting::dynamic(
        "group.share.max.session.timeout.ms",
        Int(1, i32::MAX),
        "60000",
        "The most that a group's share.session.timeout.ms may be.",
    ),
    Setting::broker(
        "group.share.max.share.sessions",
        Int(1, i32::MAX),
        "2000",
        "There are no share groups yet.",
    )
    .without_effect(),
    Setting::broker("group.share.max.size", Int(1, 1000), "200", "There are no share groups yet.")
        .without_effect(),
    Setting::dynamic(
        "group.share.min.assignment.interval.ms",
        Int(0, i32::MAX),
        "0",
        "The least that a group's share.assignment.interval.ms may be.",
    ),
    Setting::dynamic(
        "group.share.min.delivery.count.limit",
        Int(2, 5),
        "2",
        "The least that a group's share.delivery.count.limit may be.",
    ),
    Setting::dynamic(
        "group.share.min.heartbeat.interval.ms",
        Int(1, i32::MAX),
        "5000",
        "The least that a group's share.heartbeat.interval.ms may be.",
    ),
    Setting::dynamic(
        "group.share.min.partition.max.record.locks",
        Int(100, 2_000),
        "100",
        "The least that a group's share.partition.max.record.locks may be.",
    ),
    Setting::dynamic(
        "group.share.min.record.lock.duration.ms",
        Int(1_000, 30_000),
        "15000",
        "The least that a group's share.record.lock.duration.ms may be.",
    ),
    Setting::dynamic(
        "group.share.min.session.timeout.ms",
        Int(1, i32::MAX),
        "45000",
        "The least that a group's share.session.timeout.ms may be.",
    ),
    Setting::dynamic(
        "group.share.partition.max.record.locks",
        Int(100, 10_000),
        "2000",
        "Default of the groups' share.partition.max.record.locks.",
    ),
    Setting::dynamic(
        "group.share.record.lock.duration.ms",
        Int(1_000, 3_600_000),
        "30000",
        "Default of the groups' share.record.lock.duration.ms.",
    ),
    Setting::dynamic(
        "group.share.session.timeout.ms",
        Int(1, i32::MAX),
        "45000",
        "Default of the groups' share.session.timeout.ms.",
    ),
    Setting::dynamic(
        "group.streams.assignment.interval.ms",
        Int(0, i32::MAX),
        "1000",
        "Default of the groups' streams.assignment.interval.ms.",
    ),
    Setting::dynamic(
        "group.streams.heartbeat.interval.ms",
        Int(1, i32::MAX),
        "5000",
        "Default of the groups' streams.heartbeat.interval.ms.",
    ),
    Setting::dynamic(
        "group.streams.initial.rebalance.delay.ms",
        Int(0, i32::MAX),
        "3000",
        "Default of the groups' streams.initial.rebalance.delay.ms.",
    ),
    Setting::dynamic(
        "group.streams.max.assignment.interval.ms",
        Int(0, i32::MAX),
        "15000",
        "The most that a group's streams.assignment.interval.ms may be.",
    ),
    Setting::dynamic(
        "group.streams.max.heartbeat.interval.ms",
        Int(1, i32::MAX),
        "15000",
        "The most that a group's streams.heartbeat.interval.ms may be.",
    ),
    Setting::dynamic(
        "group.streams.max.session.timeout.ms",
        Int(1, i32::MAX),
        "60000",
        "The most that a group's streams.session.timeout.ms may be.",
    ),
    Setting::broker(
        "group.streams.max.size",
        Int(1, i32::MAX),
        "2147483647",
        "There are no streams groups yet.",
    )
    .without_effect(),
    Setting::dynamic(
        "group.streams.max.standby.replicas",
        Int(0, i32::MAX),
        "2",
        "The most that a group's streams.num.standby.replicas may be.",
    ),
    Setting::dynamic(
        "group.streams.min.assignment.interval.ms",
        Int(0, i32::MAX),
        "0",
        "The least that a group's streams.assignment.interval.ms may be.",
    ),
    Setting::dynamic(
        "group.streams.min.heartbeat.interval.ms",
        Int(1, i32::MAX),
        "5000",
        "The least that a group's streams.heartbeat.interval.ms may be.",
    ),
    Setting::dynamic(
        "group.streams.min.session.timeout.ms",
        Int(1, i32::MAX),
        "45000",
        "The least that a group's streams.session.timeout.ms may be.",
    ),
    Setting::dynamic(
        "group.streams.num.standby.replicas",
        Int(0, i32::MAX),
        "0",
        "Default of the groups' streams.num.standby.replicas.",
    ),
    Setting::dynamic(
        "group.streams.session.timeout.ms",
        Int(1, i32::MAX),
        "45000",
        "Default of the groups' streams.session.timeout.ms.",
    ),
    Setting::dynamic(
        "offset.metadata.max.bytes",
        Int(0, i32::MAX),
        "4096",
        "The longest text that a client may attach to a committed offset.",
    ),
    Setting::broker(
        "offsets.commit.timeout.ms",
        Int(1, i32::MAX),
        "5000",
        "How long an offset commit may wait for its replication, in milliseconds.",
    ),
    Setting::dynamic(
        "offsets.retention.check.interval.ms",
        Long(1, i64::MAX),
        "600000",
        "How often committed offsets are looked at for expiry, in milliseconds.",
    ),
    Setting::dynamic(
        "offsets.retention.minutes",
        Int(1, i32::MAX),
        "10080",
        "How long a group without members keeps its committed offsets, in minutes.",
    ),
    Setting::broker(
        "offsets.topic.compression.codec",
        Int(i32::MIN, i32::MAX),
        "0",
        "Committed offsets are stored uncompressed.",
    )
    .default_only(),
    Setting::broker(
        "offsets.topic.num.partitions",
        Int(1, i32::MAX),
        "50",
        "Partitions of __consumer_offsets when it is created; it must not change afterwards.",
    ),
    Setting::broker(
        "offsets.topic.replication.factor",
        Short(1, i16::MAX),
        "3",
        "Replicas of __consumer_offsets. With fewer brokers there is one on each; Kafka would \
         refuse to create the topic.",
    ),
    Setting::broker(
        "offsets.topic.segment.bytes",
        Int(1, i32::MAX),
        "104857600",
        "Segment size of __consumer_offsets: smaller than usual, so that compaction gets to it.",
    ),
    Setting::broker(
        "share.coordinator.append.linger.ms",
        Int(-1, i32::MAX),
        "-1",
        "There are no share groups yet.",
    )
    .without_effect(),
    Setting::dynamic(
        "share.coordinator.cached.buffer.max.bytes",
        Int(524_288, i32::MAX),
        "1048588",
        "There are no share groups yet.",
    )
    .without_effect(),
    Setting::broker(
        "share.coordinator.load.buffer.size",
        Int(1, i32::MAX),
        "5242880",
        "There are no share groups yet.",
    )
    .without_effect(),
    Setting::broker(
        "share.coordinator.snapshot.update.records.per.snapshot",
        Int(0, 500),
        "500",
        "There are no share groups yet.",
    )
    .without_effect(),
    Setting::broker(
        "share.coordinator.state.topic.compression.codec",
        Int(i32::MIN, i32::MAX),
        "0",
        "There are no share groups yet.",
    )
    .without_effect(),
    Setting::broker(
        "share.coordinator.state.topic.min.isr",
        Short(1, i16::MAX),
        "2",
        "There are no share groups yet.",
    )
    .without_effect(),
    Setting::broker(
        "share.coordinator.state.topic.num.partitions",
        Int(1, i32::MAX),
        "50",
        "There are no share groups yet.",
    )
    .without_effect(),
    Setting::broker(
        "share.coordinator.state.topic.replication.factor",
        Short(1, i16::MAX),
        "3",
        "There are no share groups yet.",
    )
    .without_effect(),
    Setting::broker(
        "share.coordinator.state.topic.segment.bytes",
        Int(1, i32::MAX),
        "104857600",
        "There are no share groups yet.",
    )
    .without_effect(),
    Setting::broker(
        "share.coordinator.threads",
        Int(1, i32::MAX),
        "1",
        "There are no share groups yet.",
    )
    .without_effect(),
    Setting::broker(
        "share.coordinator.write.timeout.ms",
        Int(1, i32::MAX),
        "5000",
        "There are no share groups yet.",
    )
    .without_effect(),
    Setting::broker(
        "share.fetch.purgatory.purge.interval.requests",
        Int(i32::MIN, i32::MAX),
        "1000",
        "There are no share groups yet.",
    )
    .without_effect(),
];
