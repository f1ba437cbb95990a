//! Logs: defaults of topics, and the upkeep of all.

use super::super::{
    kind::Kind::{Boolean, Double, Int, IntOrDefault, Long, OneOf, Words},
    setting::{Setting, same, scaled},
    topic_table::{CODECS, FOREVER, POLICIES, TIMESTAMPS},
};

const MS_PER_HOUR: i64 = 3_600_000;
const DURABILITIES: &[&str] = &["fsync", "replicated"];

/// In alphabetical order.
pub(super) static ROWS: &[Setting] = &[
    Setting::dynamic(
        "compression.gzip.level",
        IntOrDefault(1, 9),
        "-1",
        "Default of the topics' compression.gzip.level.",
    ),
    Setting::dynamic(
        "compression.lz4.level",
        Int(1, 17),
        "9",
        "Default of the topics' compression.lz4.level.",
    )
    .without_effect(),
    Setting::dynamic(
        "compression.type",
        OneOf(CODECS),
        "producer",
        "Default of the topics' compression.type.",
    ),
    Setting::dynamic(
        "compression.zstd.level",
        Int(-131_072, 22),
        "3",
        "Default of the topics' compression.zstd.level.",
    ),
    Setting::dynamic(
        "kastellan.durability",
        OneOf(DURABILITIES),
        "replicated",
        "What acks=all promises: `replicated` is Kafka's rule, every in-sync replica has the \
         record in its page cache; `fsync` means that it is on the disk, too. A topic asks for the \
         latter with flush.messages=1.",
    ),
    Setting::dynamic(
        "log.cleaner.backoff.ms",
        Long(0, i64::MAX),
        "15000",
        "How long the cleaner rests when there is nothing to compact, in milliseconds.",
    ),
    Setting::dynamic(
        "log.cleaner.dedupe.buffer.size",
        Long(i64::MIN, i64::MAX),
        "134217728",
        "Memory for the keys of compactions, in bytes, shared by the cleaner threads.",
    ),
    Setting::dynamic(
        "log.cleaner.delete.retention.ms",
        Long(0, i64::MAX),
        "86400000",
        "Default of the topics' delete.retention.ms.",
    ),
    Setting::broker(
        "log.cleaner.enable",
        Boolean,
        "true",
        "Compaction cannot be turned off: the internal topics live by it.",
    )
    .default_only(),
    Setting::dynamic(
        "log.cleaner.io.buffer.load.factor",
        Double(0.0, f64::MAX),
        "0.9",
        "How full the memory for keys may become: more compacts more at a time, and collides more.",
    ),
    Setting::dynamic(
        "log.cleaner.io.buffer.size",
        Int(0, i32::MAX),
        "524288",
        "Memory for reading and writing during compaction, in bytes, shared by the cleaner threads.",
    ),
    Setting::dynamic(
        "log.cleaner.io.max.bytes.per.second",
        Double(0.0, f64::MAX),
        "1.7976931348623157E308",
        "The most bytes that compaction reads and writes per second, over all threads.",
    ),
    Setting::dynamic(
        "log.cleaner.max.compaction.lag.ms",
        Long(1, i64::MAX),
        FOREVER,
        "Default of the topics' max.compaction.lag.ms.",
    ),
    Setting::dynamic(
        "log.cleaner.min.cleanable.ratio",
        Double(0.0, 1.0),
        "0.5",
        "Default of the topics' min.cleanable.dirty.ratio.",
    ),
    Setting::dynamic(
        "log.cleaner.min.compaction.lag.ms",
        Long(0, i64::MAX),
        "0",
        "Default of the topics' min.compaction.lag.ms.",
    ),
    Setting::dynamic("log.cleaner.threads", Int(0, i32::MAX), "1", "Threads that compact logs."),
    Setting::dynamic(
        "log.cleanup.policy",
        Words(POLICIES),
        "delete",
        "Default of the topics' cleanup.policy.",
    ),
    Setting::broker(
        "log.dir.failure.timeout.ms",
        Long(1, i64::MAX),
        "30000",
        "With one broker a failed directory has no other replicas to wait for.",
    )
    .without_effect(),
    Setting::dynamic(
        "log.flush.interval.messages",
        Long(1, i64::MAX),
        FOREVER,
        "Default of the topics' flush.messages.",
    ),
    Setting::dynamic(
        "log.flush.interval.ms",
        Long(0, i64::MAX),
        "",
        "Default of the topics' flush.ms; unset, log.flush.scheduler.interval.ms stands in.",
    )
    .without_default()
    .from(&[same("log.flush.scheduler.interval.ms")]),
    Setting::dynamic(
        "log.flush.offset.checkpoint.interval.ms",
        Int(0, i32::MAX),
        "60000",
        "How often it is written down what is on the disk, in milliseconds: what a restart need not look through again.",
    ),
    Setting::dynamic(
        "log.flush.scheduler.interval.ms",
        Long(1, i64::MAX),
        FOREVER,
        "How often logs are looked at for flush.ms, in milliseconds.",
    ),
    Setting::broker(
        "log.flush.start.offset.checkpoint.interval.ms",
        Int(0, i32::MAX),
        "60000",
        "Written together with log.flush.offset.checkpoint.interval.ms.",
    )
    .without_effect(),
    Setting::dynamic(
        "log.index.interval.bytes",
        Int(0, i32::MAX),
        "4096",
        "Default of the topics' index.interval.bytes.",
    ),
    Setting::dynamic(
        "log.index.size.max.bytes",
        Int(4, i32::MAX),
        "10485760",
        "Default of the topics' segment.index.bytes.",
    ),
    Setting::dynamic(
        "log.local.retention.bytes",
        Long(-2, i64::MAX),
        "-2",
        "Default of the topics' local.retention.bytes.",
    )
    .without_effect(),
    Setting::dynamic(
        "log.local.retention.ms",
        Long(-2, i64::MAX),
        "-2",
        "Default of the topics' local.retention.ms.",
    )
    .without_effect(),
    Setting::dynamic(
        "log.message.timestamp.after.max.ms",
        Long(0, i64::MAX),
        "3600000",
        "Default of the topics' message.timestamp.after.max.ms.",
    ),
    Setting::dynamic(
        "log.message.timestamp.before.max.ms",
        Long(0, i64::MAX),
        FOREVER,
        "Default of the topics' message.timestamp.before.max.ms.",
    ),
    Setting::dynamic(
        "log.message.timestamp.type",
        OneOf(TIMESTAMPS),
        "CreateTime",
        "Default of the topics' message.timestamp.type.",
    ),
    Setting::dynamic("log.preallocate", Boolean, "false", "Default of the topics' preallocate.")
        .without_effect(),
    Setting::dynamic(
        "log.retention.bytes",
        Long(i64::MIN, i64::MAX),
        "-1",
        "Default of the topics' retention.bytes: per partition, not per topic.",
    ),
    Setting::dynamic(
        "log.retention.check.interval.ms",
        Long(1, i64::MAX),
        "300000",
        "How often partitions are looked at for retention, in milliseconds.",
    ),
    Setting::dynamic(
        "log.retention.hours",
        Int(i32::MIN, i32::MAX),
        "168",
        "Default of the topics' retention.ms, in hours; the minutes and the milliseconds go first.",
    ),
    Setting::dynamic(
        "log.retention.minutes",
        Int(i32::MIN, i32::MAX),
        "",
        "Default of the topics' retention.ms, in minutes; the milliseconds go first.",
    )
    .without_default()
    .from(&[scaled("log.retention.hours", 60)]),
    Setting::dynamic(
        "log.retention.ms",
        Long(i64::MIN, i64::MAX),
        "",
        "Default of the topics' retention.ms, in milliseconds; negative keeps records for ever.",
    )
    .without_default()
    .from(&[scaled("log.retention.minutes", 60_000), scaled("log.retention.hours", MS_PER_HOUR)]),
    Setting::dynamic(
        "log.roll.hours",
        Int(1, i32::MAX),
        "168",
        "Default of the topics' segment.ms, in hours; log.roll.ms goes first.",
    ),
    Setting::dynamic(
        "log.roll.jitter.hours",
        Int(0, i32::MAX),
        "0",
        "Default of the topics' segment.jitter.ms, in hours; log.roll.jitter.ms goes first.",
    ),
    Setting::dynamic(
        "log.roll.jitter.ms",
        Long(0, i64::MAX),
        "",
        "Default of the topics' segment.jitter.ms, in milliseconds.",
    )
    .without_default()
    .from(&[scaled("log.roll.jitter.hours", MS_PER_HOUR)]),
    Setting::dynamic(
        "log.roll.ms",
        Long(1, i64::MAX),
        "",
        "Default of the topics' segment.ms, in milliseconds.",
    )
    .without_default()
    .from(&[scaled("log.roll.hours", MS_PER_HOUR)]),
    Setting::dynamic(
        "log.segment.bytes",
        Int(1_048_576, i32::MAX),
        "1073741824",
        "Default of the topics' segment.bytes.",
    ),
    Setting::dynamic(
        "log.segment.delete.delay.ms",
        Long(0, i64::MAX),
        "60000",
        "Default of the topics' file.delete.delay.ms.",
    ),
    Setting::dynamic(
        "message.max.bytes",
        Int(0, i32::MAX),
        "1048588",
        "Default of the topics' max.message.bytes.",
    ),
    Setting::dynamic(
        "min.insync.replicas",
        Int(1, i32::MAX),
        "1",
        "Default of the topics' min.insync.replicas.",
    ),
    Setting::dynamic(
        "num.recovery.threads.per.data.dir",
        Int(1, i32::MAX),
        "2",
        "Threads per log directory that open and recover logs at the start.",
    ),
    Setting::dynamic(
        "producer.id.expiration.check.interval.ms",
        Int(1, i32::MAX),
        "600000",
        "How often partitions are looked at for silent producers, in milliseconds.",
    ),
    Setting::dynamic(
        "producer.id.expiration.ms",
        Int(1, i32::MAX),
        "86400000",
        "How long a partition remembers an idempotent producer that sends nothing, in \
         milliseconds.",
    ),
    Setting::dynamic(
        "unclean.leader.election.enable",
        Boolean,
        "false",
        "Default of the topics' unclean.leader.election.enable.",
    ),
];
