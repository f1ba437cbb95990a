//! The broker, its topics and the metadata.

use super::super::{
    kind::Kind::{Boolean, Int, Long, Text},
    setting::Setting,
};

/// In alphabetical order.
pub(super) static ROWS: &[Setting] = &[
    Setting::dynamic(
        "auto.create.topics.enable",
        Boolean,
        "true",
        "Create a topic when a client asks for metadata of one that does not exist and allows it.",
    ),
    Setting::broker(
        "broker.rack",
        Text,
        "",
        "Where the broker stands; replicas of a partition are spread over racks.",
    )
    .without_default(),
    Setting::dynamic(
        "default.replication.factor",
        Int(1, 32_767),
        "1",
        "Replicas of a topic that is created without saying how many, and of topics created \
         automatically.",
    ),
    Setting::dynamic(
        "delete.topic.enable",
        Boolean,
        "true",
        "Whether topics can be deleted at all.",
    ),
    Setting::dynamic(
        "kastellan.max.partitions",
        Int(1, i32::MAX),
        "100000",
        "The most partitions of all topics together. Who would create more is refused; internal \
         topics are created all the same.",
    ),
    Setting::dynamic(
        "max.request.partition.size.limit",
        Int(1, i32::MAX),
        "2000",
        "The most partitions in one page of DescribeTopicPartitions.",
    ),
    Setting::dynamic(
        "metadata.log.max.record.bytes.between.snapshots",
        Long(1, i64::MAX),
        "20971520",
        "A snapshot of the cluster metadata is written after this many bytes of records.",
    ),
    Setting::dynamic(
        "num.partitions",
        Int(1, i32::MAX),
        "1",
        "Partitions of a topic that is created without saying how many, and of topics created \
         automatically.",
    ),
    Setting::broker(
        "remote.log.storage.system.enable",
        Boolean,
        "false",
        "There is no tiered storage yet.",
    )
    .default_only(),
    Setting::broker(
        "transaction.two.phase.commit.enable",
        Boolean,
        "false",
        "There are no transactions yet.",
    )
    .default_only(),
];
