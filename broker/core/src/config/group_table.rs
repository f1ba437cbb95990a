//! The settings of groups (KIP-848, KIP-932, KIP-1071), kept and checked as Kafka does; they mean
//! something once the protocols are there that they are about.

use super::{
    kind::Kind::{Boolean, Int, OffsetReset, OneOf},
    setting::{Setting, same},
};

const ISOLATION: &[&str] = &["read_committed", "read_uncommitted"];

/// In alphabetical order.
pub(super) static GROUP: &[Setting] = &[
    Setting::topic(
        "consumer.assignment.interval.ms",
        Int(0, i32::MAX),
        "1000",
        "The least time between two assignments of a consumer group, in milliseconds.",
    )
    .without_effect()
    .from(&[same("group.consumer.assignment.interval.ms")]),
    Setting::topic(
        "consumer.heartbeat.interval.ms",
        Int(1, i32::MAX),
        "5000",
        "How often the members of a consumer group send heartbeats, in milliseconds.",
    )
    .without_effect()
    .from(&[same("group.consumer.heartbeat.interval.ms")]),
    Setting::topic(
        "consumer.session.timeout.ms",
        Int(1, i32::MAX),
        "45000",
        "How long a member of a consumer group may be silent, in milliseconds.",
    )
    .without_effect()
    .from(&[same("group.consumer.session.timeout.ms")]),
    Setting::topic(
        "share.assignment.interval.ms",
        Int(0, i32::MAX),
        "1000",
        "The least time between two assignments of a share group, in milliseconds.",
    )
    .without_effect()
    .from(&[same("group.share.assignment.interval.ms")]),
    Setting::topic(
        "share.auto.offset.reset",
        OffsetReset,
        "latest",
        "Where a share group begins to read: earliest, latest or by_duration:PT1H ago.",
    )
    .without_effect(),
    Setting::topic(
        "share.delivery.count.limit",
        Int(2, i32::MAX),
        "5",
        "How often a share group delivers a record at most.",
    )
    .without_effect()
    .from(&[same("group.share.delivery.count.limit")]),
    Setting::topic(
        "share.heartbeat.interval.ms",
        Int(1, i32::MAX),
        "5000",
        "How often the members of a share group send heartbeats, in milliseconds.",
    )
    .without_effect()
    .from(&[same("group.share.heartbeat.interval.ms")]),
    Setting::topic(
        "share.isolation.level",
        OneOf(ISOLATION),
        "read_uncommitted",
        "Whether a share group reads records of open transactions.",
    )
    .without_effect(),
    Setting::topic(
        "share.partition.max.record.locks",
        Int(100, i32::MAX),
        "2000",
        "How many records of a partition a share group may have in the works.",
    )
    .without_effect()
    .from(&[same("group.share.partition.max.record.locks")]),
    Setting::topic(
        "share.record.lock.duration.ms",
        Int(1_000, i32::MAX),
        "30000",
        "How long a member of a share group may work on a record, in milliseconds.",
    )
    .without_effect()
    .from(&[same("group.share.record.lock.duration.ms")]),
    Setting::topic(
        "share.renew.acknowledge.enable",
        Boolean,
        "true",
        "Whether a member of a share group may ask for more time for a record.",
    )
    .without_effect(),
    Setting::topic(
        "share.session.timeout.ms",
        Int(1, i32::MAX),
        "45000",
        "How long a member of a share group may be silent, in milliseconds.",
    )
    .without_effect()
    .from(&[same("group.share.session.timeout.ms")]),
    Setting::topic(
        "streams.assignment.interval.ms",
        Int(0, i32::MAX),
        "1000",
        "The least time between two assignments of a streams group, in milliseconds.",
    )
    .without_effect()
    .from(&[same("group.streams.assignment.interval.ms")]),
    Setting::topic(
        "streams.heartbeat.interval.ms",
        Int(1, i32::MAX),
        "5000",
        "How often the members of a streams group send heartbeats, in milliseconds.",
    )
    .without_effect()
    .from(&[same("group.streams.heartbeat.interval.ms")]),
    Setting::topic(
        "streams.initial.rebalance.delay.ms",
        Int(0, i32::MAX),
        "3000",
        "How long the first rebalance of a streams group waits for members, in milliseconds.",
    )
    .without_effect()
    .from(&[same("group.streams.initial.rebalance.delay.ms")]),
    Setting::topic(
        "streams.num.standby.replicas",
        Int(0, i32::MAX),
        "0",
        "Standby replicas of every task of a streams group.",
    )
    .without_effect()
    .from(&[same("group.streams.num.standby.replicas")]),
    Setting::topic(
        "streams.session.timeout.ms",
        Int(1, i32::MAX),
        "45000",
        "How long a member of a streams group may be silent, in milliseconds.",
    )
    .without_effect()
    .from(&[same("group.streams.session.timeout.ms")]),
];
