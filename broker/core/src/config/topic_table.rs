//! The settings of topics.

use super::{
    kind::Kind::{Boolean, Double, Int, IntOrDefault, Long, OneOf, Replicas, Words},
    setting::{Setting, same, scaled},
};

pub(super) const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];
pub(super) const POLICIES: &[&str] = &["compact", "delete"];
pub(super) const TIMESTAMPS: &[&str] = &["CreateTime", "LogAppendTime"];
pub(super) const FOREVER: &str = "9223372036854775807";

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// In alphabetical order.
pub(super) static TOPIC: &[Setting] = &[
    Setting::topic(
        "cleanup.policy",
        Words(POLICIES),
        "delete",
        "What happens to old records: `delete` drops whole segments by age and size, `compact` \
         keeps the last record of every key, both together do both; empty keeps everything.",
    )
    .from(&[same("log.cleanup.policy")]),
    Setting::topic(
        "compression.gzip.level",
        IntOrDefault(1, 9),
        "-1",
        "Level for `compression.type=gzip`, 1 (fastest) to 9 (smallest); -1 is gzip's own default.",
    )
    .from(&[same("compression.gzip.level")]),
    Setting::topic(
        "compression.lz4.level",
        Int(1, 17),
        "9",
        "Level for `compression.type=lz4`. The encoder here has one level, so every value gives \
         the same result.",
    )
    .without_effect()
    .from(&[same("compression.lz4.level")]),
    Setting::topic(
        "compression.type",
        OneOf(CODECS),
        "producer",
        "The codec batches are stored with: `producer` keeps whatever was sent, `uncompressed` or \
         a codec's name re-encodes batches that differ.",
    )
    .from(&[same("compression.type")]),
    Setting::topic(
        "compression.zstd.level",
        Int(-131_072, 22),
        "3",
        "Level for `compression.type=zstd`; higher is smaller and slower.",
    )
    .from(&[same("compression.zstd.level")]),
    Setting::topic(
        "delete.retention.ms",
        Long(0, i64::MAX),
        "86400000",
        "For how long a compacted topic keeps the tombstone of a deleted key, in milliseconds: the \
         time a reader that starts from the beginning has to see it.",
    )
    .from(&[same("log.cleaner.delete.retention.ms")]),
    Setting::topic(
        "file.delete.delay.ms",
        Long(0, i64::MAX),
        "60000",
        "How long a dropped segment's files stay on disk for readers that are still in them, in \
         milliseconds.",
    )
    .from(&[same("log.segment.delete.delay.ms")]),
    Setting::topic(
        "flush.messages",
        Long(1, i64::MAX),
        FOREVER,
        "Sync the log to disk after this many records. The default leaves that to the background \
         flusher; durability comes from replication.",
    )
    .from(&[same("log.flush.interval.messages")]),
    Setting::topic(
        "flush.ms",
        Long(0, i64::MAX),
        FOREVER,
        "Sync the log to disk at least this often while records arrive, in milliseconds.",
    )
    .from(&[same("log.flush.interval.ms"), same("log.flush.scheduler.interval.ms")]),
    Setting::topic(
        "follower.replication.throttled.replicas",
        Replicas,
        "",
        "Replicas that `follower.replication.throttled.rate` of their brokers holds back while \
         they are not in sync: `partition:broker` pairs or `*`.",
    ),
    Setting::topic(
        "index.interval.bytes",
        Int(0, i32::MAX),
        "4096",
        "One entry of the offset index per this many bytes of log.",
    )
    .from(&[same("log.index.interval.bytes")]),
    Setting::topic(
        "internal.segment.bytes",
        Int(1, i32::MAX),
        "",
        "Like segment.bytes but without its minimum of 1 MiB. For tests.",
    )
    .without_default(),
    Setting::topic(
        "leader.replication.throttled.replicas",
        Replicas,
        "",
        "Replicas whose brokers, as leaders, give followers that are not in sync no more than \
         their `leader.replication.throttled.rate`: `partition:broker` pairs or `*`.",
    ),
    Setting::topic(
        "local.retention.bytes",
        Long(-2, i64::MAX),
        "-2",
        "With tiered storage: bytes kept on the local disk; -2 follows retention.bytes. There is \
         no tiered storage here yet, so it changes nothing.",
    )
    .without_effect()
    .from(&[same("log.local.retention.bytes")]),
    Setting::topic(
        "local.retention.ms",
        Long(-2, i64::MAX),
        "-2",
        "With tiered storage: milliseconds kept on the local disk; -2 follows retention.ms. There \
         is no tiered storage here yet, so it changes nothing.",
    )
    .without_effect()
    .from(&[same("log.local.retention.ms")]),
    Setting::topic(
        "max.compaction.lag.ms",
        Long(1, i64::MAX),
        FOREVER,
        "A record of a compacted topic is compacted after at most this long, in milliseconds.",
    )
    .from(&[same("log.cleaner.max.compaction.lag.ms")]),
    Setting::topic(
        "max.message.bytes",
        Int(0, i32::MAX),
        "1048588",
        "The largest record batch taken, in bytes as stored: compressed, and with its 61-byte \
         header. Inflated it may be 48 times that, or 48 MiB where that is more, and never more \
         than 128 MiB.",
    )
    .from(&[same("message.max.bytes")]),
    Setting::topic(
        "message.timestamp.after.max.ms",
        Long(0, i64::MAX),
        "3600000",
        "How far a record's timestamp may lie in the broker's future, in milliseconds. Only for \
         CreateTime.",
    )
    .from(&[same("log.message.timestamp.after.max.ms")]),
    Setting::topic(
        "message.timestamp.before.max.ms",
        Long(0, i64::MAX),
        FOREVER,
        "How far a record's timestamp may lie in the broker's past, in milliseconds. Only for \
         CreateTime.",
    )
    .from(&[same("log.message.timestamp.before.max.ms")]),
    Setting::topic(
        "message.timestamp.type",
        OneOf(TIMESTAMPS),
        "CreateTime",
        "Whose clock stamps records: the producer's (CreateTime) or the broker's (LogAppendTime).",
    )
    .from(&[same("log.message.timestamp.type")]),
    Setting::topic(
        "min.cleanable.dirty.ratio",
        Double(0.0, 1.0),
        "0.5",
        "A compacted log is compacted again when this share of it is new since the last time.",
    )
    .from(&[same("log.cleaner.min.cleanable.ratio")]),
    Setting::topic(
        "min.compaction.lag.ms",
        Long(0, i64::MAX),
        "0",
        "A record of a compacted topic stays uncompacted for at least this long, in milliseconds.",
    )
    .from(&[same("log.cleaner.min.compaction.lag.ms")]),
    Setting::topic(
        "min.insync.replicas",
        Int(1, i32::MAX),
        "1",
        "A produce with acks=all is refused while fewer replicas than this are in sync.",
    )
    .from(&[same("min.insync.replicas")]),
    Setting::topic(
        "preallocate",
        Boolean,
        "false",
        "Reserve a segment's space on disk when it is created. Files here grow as they are \
         written; on the file systems we know of that is no slower.",
    )
    .without_effect()
    .from(&[same("log.preallocate")]),
    Setting::topic(
        "remote.log.copy.disable",
        Boolean,
        "false",
        "With tiered storage: stop copying. There is no tiered storage here yet.",
    )
    .default_only(),
    Setting::topic(
        "remote.log.delete.on.disable",
        Boolean,
        "false",
        "With tiered storage: delete the copies when it is turned off. There is no tiered storage \
         here yet.",
    )
    .default_only(),
    Setting::topic(
        "remote.storage.enable",
        Boolean,
        "false",
        "Copy old segments to an object store. There is no tiered storage here yet.",
    )
    .default_only(),
    Setting::topic(
        "retention.bytes",
        Long(i64::MIN, i64::MAX),
        "-1",
        "Old segments are dropped while a partition is larger than this; negative is no limit.",
    )
    .from(&[same("log.retention.bytes")]),
    Setting::topic(
        "retention.ms",
        Long(-1, i64::MAX),
        "604800000",
        "Segments whose newest record is older than this are dropped, in milliseconds; -1 keeps \
         them for ever.",
    )
    .from(&[
        same("log.retention.ms"),
        scaled("log.retention.minutes", MINUTE),
        scaled("log.retention.hours", HOUR),
    ]),
    Setting::topic(
        "segment.bytes",
        Int(1_048_576, i32::MAX),
        "1073741824",
        "A segment is closed and a new one begun before it grows larger than this.",
    )
    .from(&[same("log.segment.bytes")]),
    Setting::topic(
        "segment.index.bytes",
        Int(4, i32::MAX),
        "10485760",
        "The largest offset index; a segment is closed when its index is full.",
    )
    .from(&[same("log.index.size.max.bytes")]),
    Setting::topic(
        "segment.jitter.ms",
        Long(0, i64::MAX),
        "0",
        "Up to this much is taken off segment.ms, at random per segment, so that segments do not \
         all close at once; in milliseconds.",
    )
    .from(&[same("log.roll.jitter.ms"), scaled("log.roll.jitter.hours", HOUR)]),
    Setting::topic(
        "segment.ms",
        Long(1, i64::MAX),
        "604800000",
        "A segment is closed after this long even if it is not full, so that retention and \
         compaction get to it; in milliseconds.",
    )
    .from(&[same("log.roll.ms"), scaled("log.roll.hours", HOUR)]),
    Setting::topic(
        "unclean.leader.election.enable",
        Boolean,
        "false",
        "Let a replica that is not in sync become leader when no other is left, losing records.",
    )
    .from(&[same("unclean.leader.election.enable")]),
];
