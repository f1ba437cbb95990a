//! The settings of brokers.

use super::{
    kind::Kind::{Boolean, Double, Int, IntOrDefault, Long, OneOf, Short, Text, Words},
    setting::{Setting, same, scaled},
    topic_table::{CODECS, FOREVER, POLICIES, TIMESTAMPS},
};

const MS_PER_HOUR: i64 = 3_600_000;
const DURABILITIES: &[&str] = &["fsync", "replicated"];

/// In alphabetical order.
pub(super) static BROKER: &[Setting] = &[
    Setting::broker(
        "auto.create.topics.enable",
        Boolean,
        "true",
        "Create a topic when a client asks for metadata of one that does not exist and allows it.",
    ),
    Setting::broker(
        "background.threads",
        Int(1, i32::MAX),
        "10",
        "Threads for background work in Kafka. Here one timer does it.",
    )
    .without_effect(),
    Setting::broker(
        "broker.rack",
        Text,
        "",
        "Where the broker stands; replicas of a partition are spread over racks.",
    )
    .without_default(),
    Setting::broker(
        "compression.gzip.level",
        IntOrDefault(1, 9),
        "-1",
        "Default of the topics' compression.gzip.level.",
    ),
    Setting::broker(
        "compression.lz4.level",
        Int(1, 17),
        "9",
        "Default of the topics' compression.lz4.level.",
    )
    .without_effect(),
    Setting::broker(
        "compression.type",
        OneOf(CODECS),
        "producer",
        "Default of the topics' compression.type.",
    ),
    Setting::broker(
        "compression.zstd.level",
        Int(-131_072, 22),
        "3",
        "Default of the topics' compression.zstd.level.",
    ),
    Setting::broker(
        "connections.max.idle.ms",
        Long(i64::MIN, i64::MAX),
        "600000",
        "A connection on which nothing happened for this long is closed, in milliseconds; negative \
         never closes one.",
    ),
    Setting::broker(
        "default.replication.factor",
        Int(1, 32_767),
        "1",
        "Replicas of a topic that is created without saying how many, and of topics created \
         automatically.",
    ),
    Setting::broker(
        "delete.topic.enable",
        Boolean,
        "true",
        "Whether topics can be deleted at all.",
    ),
    Setting::broker(
        "fetch.max.bytes",
        Int(1024, i32::MAX),
        "57671680",
        "The most bytes of records that one fetch response carries, whatever the client asks for.",
    ),
    Setting::broker(
        "group.initial.rebalance.delay.ms",
        Int(0, i32::MAX),
        "0",
        "How long the first rebalance of an empty group waits for more members, in milliseconds. \
         Kafka's default is 3000, which saves rebalances when many members start together; here it \
         is 0, so that a single consumer starts reading at once.",
    ),
    Setting::broker(
        "group.max.session.timeout.ms",
        Int(0, i32::MAX),
        "1800000",
        "The longest session timeout that a group member may ask for, in milliseconds.",
    ),
    Setting::broker(
        "group.max.size",
        Int(1, i32::MAX),
        "2000",
        "The most members of one group. Kafka has no limit by default; here there is one, so that \
         no client can fill the coordinator's memory.",
    ),
    Setting::broker(
        "group.min.session.timeout.ms",
        Int(0, i32::MAX),
        "6000",
        "The shortest session timeout that a group member may ask for, in milliseconds.",
    ),
    Setting::broker(
        "kastellan.durability",
        OneOf(DURABILITIES),
        "replicated",
        "What acks=all promises: `replicated` is Kafka's rule, every in-sync replica has the \
         record in its page cache; `fsync` means that it is on the disk, too. A topic asks for the \
         latter with flush.messages=1.",
    ),
    Setting::broker(
        "kastellan.frame.timeout.ms",
        Long(1, i64::MAX),
        "30000",
        "How long a request may take from its first byte to its last; a connection that is slower \
         is closed.",
    ),
    Setting::broker(
        "kastellan.write.timeout.ms",
        Long(1, i64::MAX),
        "30000",
        "How long a client may leave its responses unread before its connection is closed.",
    ),
    Setting::broker(
        "log.cleaner.backoff.ms",
        Long(0, i64::MAX),
        "15000",
        "How long the cleaner rests when there is nothing to compact, in milliseconds.",
    ),
    Setting::broker(
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
    Setting::broker(
        "log.cleaner.max.compaction.lag.ms",
        Long(1, i64::MAX),
        FOREVER,
        "Default of the topics' max.compaction.lag.ms.",
    ),
    Setting::broker(
        "log.cleaner.min.cleanable.ratio",
        Double(0.0, 1.0),
        "0.5",
        "Default of the topics' min.cleanable.dirty.ratio.",
    ),
    Setting::broker(
        "log.cleaner.min.compaction.lag.ms",
        Long(0, i64::MAX),
        "0",
        "Default of the topics' min.compaction.lag.ms.",
    ),
    Setting::broker(
        "log.cleanup.policy",
        Words(POLICIES),
        "delete",
        "Default of the topics' cleanup.policy.",
    ),
    Setting::broker(
        "log.flush.interval.messages",
        Long(1, i64::MAX),
        FOREVER,
        "Default of the topics' flush.messages.",
    ),
    Setting::broker(
        "log.flush.interval.ms",
        Long(0, i64::MAX),
        "",
        "Default of the topics' flush.ms; unset, log.flush.scheduler.interval.ms stands in.",
    )
    .without_default()
    .from(&[same("log.flush.scheduler.interval.ms")]),
    Setting::broker(
        "log.flush.scheduler.interval.ms",
        Long(1, i64::MAX),
        FOREVER,
        "How often logs are looked at for flush.ms, in milliseconds.",
    ),
    Setting::broker(
        "log.index.interval.bytes",
        Int(0, i32::MAX),
        "4096",
        "Default of the topics' index.interval.bytes.",
    ),
    Setting::broker(
        "log.index.size.max.bytes",
        Int(4, i32::MAX),
        "10485760",
        "Default of the topics' segment.index.bytes.",
    ),
    Setting::broker(
        "log.local.retention.bytes",
        Long(-2, i64::MAX),
        "-2",
        "Default of the topics' local.retention.bytes.",
    )
    .without_effect(),
    Setting::broker(
        "log.local.retention.ms",
        Long(-2, i64::MAX),
        "-2",
        "Default of the topics' local.retention.ms.",
    )
    .without_effect(),
    Setting::broker(
        "log.message.timestamp.after.max.ms",
        Long(0, i64::MAX),
        "3600000",
        "Default of the topics' message.timestamp.after.max.ms.",
    ),
    Setting::broker(
        "log.message.timestamp.before.max.ms",
        Long(0, i64::MAX),
        FOREVER,
        "Default of the topics' message.timestamp.before.max.ms.",
    ),
    Setting::broker(
        "log.message.timestamp.type",
        OneOf(TIMESTAMPS),
        "CreateTime",
        "Default of the topics' message.timestamp.type.",
    ),
    Setting::broker("log.preallocate", Boolean, "false", "Default of the topics' preallocate.")
        .without_effect(),
    Setting::broker(
        "log.retention.bytes",
        Long(i64::MIN, i64::MAX),
        "-1",
        "Default of the topics' retention.bytes: per partition, not per topic.",
    ),
    Setting::broker(
        "log.retention.check.interval.ms",
        Long(1, i64::MAX),
        "300000",
        "How often partitions are looked at for retention, in milliseconds.",
    ),
    Setting::broker(
        "log.retention.hours",
        Int(i32::MIN, i32::MAX),
        "168",
        "Default of the topics' retention.ms, in hours; the minutes and the milliseconds go first.",
    ),
    Setting::broker(
        "log.retention.minutes",
        Int(i32::MIN, i32::MAX),
        "",
        "Default of the topics' retention.ms, in minutes; the milliseconds go first.",
    )
    .without_default()
    .from(&[scaled("log.retention.hours", 60)]),
    Setting::broker(
        "log.retention.ms",
        Long(i64::MIN, i64::MAX),
        "",
        "Default of the topics' retention.ms, in milliseconds; negative keeps records for ever.",
    )
    .without_default()
    .from(&[scaled("log.retention.minutes", 60_000), scaled("log.retention.hours", MS_PER_HOUR)]),
    Setting::broker(
        "log.roll.hours",
        Int(1, i32::MAX),
        "168",
        "Default of the topics' segment.ms, in hours; log.roll.ms goes first.",
    ),
    Setting::broker(
        "log.roll.jitter.hours",
        Int(0, i32::MAX),
        "0",
        "Default of the topics' segment.jitter.ms, in hours; log.roll.jitter.ms goes first.",
    ),
    Setting::broker(
        "log.roll.jitter.ms",
        Long(0, i64::MAX),
        "",
        "Default of the topics' segment.jitter.ms, in milliseconds.",
    )
    .without_default()
    .from(&[scaled("log.roll.jitter.hours", MS_PER_HOUR)]),
    Setting::broker(
        "log.roll.ms",
        Long(1, i64::MAX),
        "",
        "Default of the topics' segment.ms, in milliseconds.",
    )
    .without_default()
    .from(&[scaled("log.roll.hours", MS_PER_HOUR)]),
    Setting::broker(
        "log.segment.bytes",
        Int(1_048_576, i32::MAX),
        "1073741824",
        "Default of the topics' segment.bytes.",
    ),
    Setting::broker(
        "log.segment.delete.delay.ms",
        Long(0, i64::MAX),
        "60000",
        "Default of the topics' file.delete.delay.ms.",
    ),
    Setting::broker(
        "max.connections",
        Int(0, i32::MAX),
        "10000",
        "The most connections at a time; further ones wait in the kernel's queue. Kafka's default \
         is no limit; here it lies well below the limit of open files.",
    ),
    Setting::broker(
        "max.connections.per.ip",
        Int(0, i32::MAX),
        "2147483647",
        "The most connections from one address at a time.",
    ),
    Setting::broker(
        "max.incremental.fetch.session.cache.slots",
        Int(0, i32::MAX),
        "1000",
        "The most fetch sessions that the broker remembers (KIP-227).",
    ),
    Setting::broker(
        "max.request.partition.size.limit",
        Int(1, i32::MAX),
        "2000",
        "The most partitions in one page of DescribeTopicPartitions.",
    ),
    Setting::broker(
        "message.max.bytes",
        Int(0, i32::MAX),
        "1048588",
        "Default of the topics' max.message.bytes.",
    ),
    Setting::broker(
        "metadata.log.max.record.bytes.between.snapshots",
        Long(1, i64::MAX),
        "20971520",
        "A snapshot of the cluster metadata is written after this many bytes of records.",
    ),
    Setting::broker(
        "min.insync.replicas",
        Int(1, i32::MAX),
        "1",
        "Default of the topics' min.insync.replicas.",
    ),
    Setting::broker(
        "num.io.threads",
        Int(1, i32::MAX),
        "8",
        "Request handler threads in Kafka. Here there is one worker per core.",
    )
    .without_effect(),
    Setting::broker(
        "num.network.threads",
        Int(1, i32::MAX),
        "3",
        "Network threads in Kafka. Here there is one worker per core.",
    )
    .without_effect(),
    Setting::broker(
        "num.partitions",
        Int(1, i32::MAX),
        "1",
        "Partitions of a topic that is created without saying how many, and of topics created \
         automatically.",
    ),
    Setting::broker(
        "num.recovery.threads.per.data.dir",
        Int(1, i32::MAX),
        "2",
        "Threads that recover logs after an unclean stop in Kafka.",
    )
    .without_effect(),
    Setting::broker(
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
    Setting::broker(
        "offsets.retention.check.interval.ms",
        Long(1, i64::MAX),
        "600000",
        "How often committed offsets are looked at for expiry, in milliseconds.",
    ),
    Setting::broker(
        "offsets.retention.minutes",
        Int(1, i32::MAX),
        "10080",
        "How long a group without members keeps its committed offsets, in minutes.",
    ),
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
        "producer.id.expiration.ms",
        Int(1, i32::MAX),
        "86400000",
        "How long a partition remembers an idempotent producer that sends nothing, in \
         milliseconds.",
    ),
    Setting::broker(
        "queued.max.request.bytes",
        Long(-1, i64::MAX),
        "268435456",
        "Memory for requests that are being read or handled, in bytes; when it is used up, no \
         further requests are read. Kafka's default is no limit (-1).",
    ),
    Setting::broker(
        "queued.max.requests",
        Int(1, i32::MAX),
        "500",
        "Requests that wait for a handler thread in Kafka. Here nothing is queued.",
    )
    .without_effect(),
    Setting::broker(
        "socket.listen.backlog.size",
        Int(1, i32::MAX),
        "50",
        "Connections that the kernel queues for a listener until they are accepted.",
    ),
    Setting::broker(
        "socket.receive.buffer.bytes",
        Int(-1, i32::MAX),
        "102400",
        "Receive buffers of sockets in Kafka. Here the kernel sizes them.",
    )
    .without_effect(),
    Setting::broker(
        "socket.request.max.bytes",
        Int(1, i32::MAX),
        "104857600",
        "The largest request that is read, in bytes. Only Produce may be larger than 8 MiB.",
    ),
    Setting::broker(
        "socket.send.buffer.bytes",
        Int(-1, i32::MAX),
        "102400",
        "Send buffers of sockets in Kafka. Here the kernel sizes them.",
    )
    .without_effect(),
    Setting::broker(
        "unclean.leader.election.enable",
        Boolean,
        "false",
        "Default of the topics' unclean.leader.election.enable.",
    ),
];
