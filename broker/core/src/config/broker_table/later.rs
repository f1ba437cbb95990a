//! What Kafka has and this broker has not yet: taken, and without effect.

use super::super::{
    kind::Kind::{Boolean, Int, Long, Short, Text},
    setting::Setting,
};

/// In alphabetical order.
pub(super) static ROWS: &[Setting] = &[
    Setting::broker(
        "add.partitions.to.txn.retry.backoff.max.ms",
        Int(0, i32::MAX),
        "100",
        "There are no transactions yet.",
    )
    .without_effect(),
    Setting::broker(
        "add.partitions.to.txn.retry.backoff.ms",
        Int(1, i32::MAX),
        "20",
        "There are no transactions yet.",
    )
    .without_effect(),
    Setting::broker(
        "alter.log.dirs.replication.quota.window.num",
        Int(1, i32::MAX),
        "11",
        "Replication is not throttled.",
    )
    .without_effect(),
    Setting::broker(
        "alter.log.dirs.replication.quota.window.size.seconds",
        Int(1, i32::MAX),
        "1",
        "Replication is not throttled.",
    )
    .without_effect(),
    Setting::broker(
        "controlled.shutdown.enable",
        Boolean,
        "true",
        "A broker always stops in order when it can.",
    )
    .without_effect(),
    Setting::broker(
        "controller.socket.timeout.ms",
        Int(i32::MIN, i32::MAX),
        "30000",
        "The controller is in the same process.",
    )
    .without_effect(),
    Setting::broker(
        "delete.records.purgatory.purge.interval.requests",
        Int(i32::MIN, i32::MAX),
        "1",
        "Nothing that waits has to be purged here.",
    )
    .without_effect(),
    Setting::broker(
        "fetch.purgatory.purge.interval.requests",
        Int(i32::MIN, i32::MAX),
        "1000",
        "Nothing that waits has to be purged here.",
    )
    .without_effect(),
    Setting::dynamic(
        "follower.fetch.last.tiered.offset.enable",
        Boolean,
        "false",
        "There is no tiered storage yet.",
    )
    .without_effect(),
    Setting::broker(
        "metadata.log.max.snapshot.interval.ms",
        Long(0, i64::MAX),
        "3600000",
        "Snapshots of the metadata are written by size only.",
    )
    .without_effect(),
    Setting::broker(
        "metadata.log.segment.bytes",
        Int(8_388_608, i32::MAX),
        "1073741824",
        "The metadata log chooses its segments itself.",
    )
    .without_effect(),
    Setting::broker(
        "metadata.log.segment.ms",
        Long(i64::MIN, i64::MAX),
        "604800000",
        "The metadata log chooses its segments itself.",
    )
    .without_effect(),
    Setting::broker(
        "metadata.max.idle.interval.ms",
        Int(0, i32::MAX),
        "500",
        "With one controller no records are needed that say nothing.",
    )
    .without_effect(),
    Setting::broker(
        "metadata.max.retention.bytes",
        Long(i64::MIN, i64::MAX),
        "104857600",
        "The metadata log is cut after every snapshot.",
    )
    .without_effect(),
    Setting::broker(
        "metadata.max.retention.ms",
        Long(i64::MIN, i64::MAX),
        "604800000",
        "The metadata log is cut after every snapshot.",
    )
    .without_effect(),
    Setting::broker("metrics.num.samples", Int(1, i32::MAX), "2", "Metrics have no samples here.")
        .without_effect(),
    Setting::broker("metrics.recording.level", Text, "INFO", "Metrics have no levels here.")
        .without_effect(),
    Setting::broker(
        "metrics.sample.window.ms",
        Long(1, i64::MAX),
        "30000",
        "Metrics have no samples here.",
    )
    .without_effect(),
    Setting::broker(
        "num.replica.alter.log.dirs.threads",
        Int(i32::MIN, i32::MAX),
        "",
        "Threads that move replicas between directories in Kafka.",
    )
    .without_default()
    .without_effect(),
    Setting::broker(
        "offsets.load.buffer.size",
        Int(1, i32::MAX),
        "5242880",
        "Coordinators read their logs in batches of their own size.",
    )
    .without_effect(),
    Setting::broker(
        "producer.purgatory.purge.interval.requests",
        Int(i32::MIN, i32::MAX),
        "1000",
        "Nothing that waits has to be purged here.",
    )
    .without_effect(),
    Setting::dynamic(
        "replica.alter.log.dirs.io.max.bytes.per.second",
        Long(0, i64::MAX),
        "9223372036854775807",
        "Moves between log directories are not throttled.",
    )
    .without_default()
    .without_effect()
    .one_by_one(),
    Setting::broker(
        "replica.high.watermark.checkpoint.interval.ms",
        Long(i64::MIN, i64::MAX),
        "5000",
        "With one broker nothing is replicated.",
    )
    .without_effect(),
    Setting::broker(
        "replica.socket.receive.buffer.bytes",
        Int(i32::MIN, i32::MAX),
        "65536",
        "With one broker nothing is replicated.",
    )
    .without_effect(),
    Setting::broker(
        "replication.quota.window.num",
        Int(1, i32::MAX),
        "11",
        "With one broker nothing is replicated.",
    )
    .without_effect(),
    Setting::broker(
        "replication.quota.window.size.seconds",
        Int(1, i32::MAX),
        "1",
        "With one broker nothing is replicated.",
    )
    .without_effect(),
    Setting::broker(
        "request.timeout.ms",
        Int(i32::MIN, i32::MAX),
        "30000",
        "The broker asks nobody else.",
    )
    .without_effect(),
    Setting::broker(
        "socket.connection.setup.timeout.max.ms",
        Long(i64::MIN, i64::MAX),
        "30000",
        "The broker connects to nobody else.",
    )
    .without_effect(),
    Setting::broker(
        "socket.connection.setup.timeout.ms",
        Long(i64::MIN, i64::MAX),
        "10000",
        "The broker connects to nobody else.",
    )
    .without_effect(),
    Setting::broker(
        "telemetry.max.bytes",
        Int(1, i32::MAX),
        "1048576",
        "Metrics of clients are not collected yet.",
    )
    .without_effect(),
    Setting::broker(
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        Int(1, i32::MAX),
        "10000",
        "There are no transactions yet.",
    )
    .without_effect(),
    Setting::broker(
        "transaction.max.timeout.ms",
        Int(1, i32::MAX),
        "900000",
        "There are no transactions yet.",
    )
    .without_effect(),
    Setting::dynamic(
        "transaction.partition.verification.enable",
        Boolean,
        "true",
        "There are no transactions yet.",
    )
    .without_effect(),
    Setting::broker(
        "transaction.remove.expired.transaction.cleanup.interval.ms",
        Int(1, i32::MAX),
        "3600000",
        "There are no transactions yet.",
    )
    .without_effect(),
    Setting::broker(
        "transaction.state.log.load.buffer.size",
        Int(1, i32::MAX),
        "5242880",
        "There are no transactions yet.",
    )
    .without_effect(),
    Setting::broker(
        "transaction.state.log.min.isr",
        Int(1, i32::MAX),
        "2",
        "There are no transactions yet.",
    )
    .without_effect(),
    Setting::broker(
        "transaction.state.log.num.partitions",
        Int(1, i32::MAX),
        "50",
        "There are no transactions yet.",
    )
    .without_effect(),
    Setting::broker(
        "transaction.state.log.replication.factor",
        Short(1, i16::MAX),
        "3",
        "There are no transactions yet.",
    )
    .without_effect(),
    Setting::broker(
        "transaction.state.log.segment.bytes",
        Int(1, i32::MAX),
        "104857600",
        "There are no transactions yet.",
    )
    .without_effect(),
    Setting::broker(
        "transactional.id.expiration.ms",
        Int(1, i32::MAX),
        "604800000",
        "There are no transactions yet.",
    )
    .without_effect(),
];
