//! `ListOffsets`; `OffsetCommit` and `OffsetFetch` without members.

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::{
    BrokerId, ListOffsetsRequest, OffsetCommitRequest, OffsetFetchRequest,
};

use super::{coordinated, fill, g, make, s, t};
use crate::batch::Batch;
use crate::oracle::side::Side;

pub(super) fn play(side: &mut Side) {
    list(side);
    commit(side);
    fetch(side);
}

/// The offset of one partition at a time, or at a special one.
pub(super) fn one(topic: &str, index: i32, timestamp: i64) -> ListOffsetsRequest {
    let part = ListOffsetsPartition::default()
        .with_partition_index(index)
        .with_current_leader_epoch(-1)
        .with_timestamp(timestamp);
    let topic = ListOffsetsTopic::default().with_name(t(topic)).with_partitions(vec![part]);
    ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic])
}

fn list(side: &mut Side) {
    side.scene("list");
    let topic = ("ls", make(side, "ls", 2, &[]));
    let now = side.now;
    let (early, late, middle) = (now - 10_000, now - 1000, now - 5000);
    let batches = [
        Batch::of(early, &["a", "b", "c"]),
        Batch::of(late, &["d"]),
        Batch::of(middle, &["e", "f"]).gzipped(),
    ];
    fill(side, topic, 0, batches.iter().map(Batch::encode).collect());
    for version in side.versions::<ListOffsetsRequest>() {
        let part = |index: i32, timestamp: i64| {
            let part = ListOffsetsPartition::default()
                .with_partition_index(index)
                .with_timestamp(timestamp);
            if version >= 4 { part.with_current_leader_epoch(-1) } else { part }
        };
        let ask = |name: &str, partitions: Vec<ListOffsetsPartition>| {
            let topic = ListOffsetsTopic::default().with_name(t(name)).with_partitions(partitions);
            ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic])
        };
        for (case, timestamp) in [
            ("latest", -1),
            ("earliest", -2),
            ("greatest-timestamp", -3),
            ("earliest-local", -4),
            ("latest-tiered", -5),
            ("earliest-pending", -6),
            ("no-such-special", -9),
            ("zero", 0),
            ("first", early),
            ("second", early + 1),
            ("after-first-batch", early + 3),
            ("middle", middle),
            ("late", late),
            ("after-all", late + 1),
            ("future", i64::MAX),
        ] {
            side.ask(case, version, &ask("ls", vec![part(0, timestamp)]));
        }
        side.ask("empty-partition", version, &ask("ls", vec![part(1, -1)]));
        side.ask("empty-earliest", version, &ask("ls", vec![part(1, -2)]));
        side.ask("empty-earliest-local", version, &ask("ls", vec![part(1, -4)]));
        side.ask("empty-latest-tiered", version, &ask("ls", vec![part(1, -5)]));
        side.ask("empty-by-time", version, &ask("ls", vec![part(1, 0)]));
        side.ask("empty-greatest", version, &ask("ls", vec![part(1, -3)]));
        side.ask("no-partition", version, &ask("ls", vec![part(2, -1)]));
        side.ask("negative-partition", version, &ask("ls", vec![part(-1, -1)]));
        side.ask("unknown", version, &ask("no-such-topic", vec![part(0, -1)]));
        side.ask("bad-name", version, &ask("a/b", vec![part(0, -1)]));
        side.ask("twice", version, &ask("ls", vec![part(0, -1), part(0, -2)]));
        side.ask("nothing", version, &ask("ls", vec![]));
        if version >= 2 {
            side.ask("committed", version, &ask("ls", vec![part(0, -1)]).with_isolation_level(1));
        }
        if version >= 4 {
            for (case, epoch) in [("epoch", 0), ("next-epoch", 1)] {
                let part = part(0, -1).with_current_leader_epoch(epoch);
                side.ask(case, version, &ask("ls", vec![part]));
            }
        }
    }
}

fn parts(
    indexes: &[i32],
    offset: i64,
    metadata: Option<&str>,
) -> Vec<OffsetCommitRequestPartition> {
    let part = |index: &i32| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(*index)
            .with_committed_offset(offset)
            .with_committed_metadata(metadata.map(s))
    };
    indexes.iter().map(part).collect()
}

fn commit(side: &mut Side) {
    side.scene("commit");
    make(side, "cm", 2, &[]);
    coordinated(side, "cg");
    for version in side.versions::<OffsetCommitRequest>() {
        let ask = |group: &str, topic: &str, partitions: Vec<OffsetCommitRequestPartition>| {
            let topic =
                OffsetCommitRequestTopic::default().with_name(t(topic)).with_partitions(partitions);
            OffsetCommitRequest::default()
                .with_group_id(g(group))
                .with_generation_id_or_member_epoch(-1)
                .with_topics(vec![topic])
        };
        let good = || ask("cg", "cm", parts(&[0, 1], 7, Some("note")));
        // Kafka's coordinator loads its partition first, and says so
        side.ask_until("good", version, &good(), |answer| {
            let first = answer.topics.first().and_then(|topic| topic.partitions.first());
            first.is_some_and(|part| ![14, 15, 16].contains(&part.error_code))
        });
        side.ask("no-note", version, &ask("cg", "cm", parts(&[0], 8, None)));
        side.ask("negative-offset", version, &ask("cg", "cm", parts(&[0], -5, Some(""))));
        let longest = "m".repeat(4096);
        side.ask("longest-note", version, &ask("cg", "cm", parts(&[0], 9, Some(&longest))));
        let too_long = "m".repeat(4097);
        side.ask("too-long-note", version, &ask("cg", "cm", parts(&[0], 9, Some(&too_long))));
        side.ask("unknown-topic", version, &ask("cg", "no-such-topic", parts(&[0], 1, None)));
        side.ask("no-partition", version, &ask("cg", "cm", parts(&[0, 9], 1, None)));
        side.ask("empty-group", version, &ask("", "cm", parts(&[0], 1, None)));
        side.ask("no-parts", version, &ask("cg", "cm", vec![]));
        side.ask("no-topics", version, &good().with_topics(vec![]));
        side.ask("generation", version, &good().with_generation_id_or_member_epoch(3));
        side.ask("member", version, &good().with_member_id(s("nobody")));
        let both = good().with_generation_id_or_member_epoch(3).with_member_id(s("nobody"));
        side.ask("member-of-generation", version, &both);
        if version >= 7 {
            side.ask("static", version, &good().with_group_instance_id(Some(s("fixed"))));
        }
    }
}

fn fetch(side: &mut Side) {
    side.scene("fetch-offsets");
    make(side, "of", 2, &[]);
    coordinated(side, "og");
    let topic = OffsetCommitRequestTopic::default().with_name(t("of")).with_partitions(parts(
        &[0],
        5,
        Some("five"),
    ));
    let commit = OffsetCommitRequest::default()
        .with_group_id(g("og"))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    side.quiet(side.newest::<OffsetCommitRequest>(), &commit);
    for version in side.versions::<OffsetFetchRequest>() {
        // one group and one topic, in the shape of the version
        let ask = |group: &str, topics: Option<&[(&str, &[i32])]>| {
            let request = OffsetFetchRequest::default();
            if version < 8 {
                let topic = |(name, indexes): &(&str, &[i32])| {
                    OffsetFetchRequestTopic::default()
                        .with_name(t(name))
                        .with_partition_indexes(indexes.to_vec())
                };
                let topics = topics.map(|topics| topics.iter().map(topic).collect());
                return request.with_group_id(g(group)).with_topics(topics);
            }
            let topic = |(name, indexes): &(&str, &[i32])| {
                OffsetFetchRequestTopics::default()
                    .with_name(t(name))
                    .with_partition_indexes(indexes.to_vec())
            };
            let topics = topics.map(|topics| topics.iter().map(topic).collect());
            let group = OffsetFetchRequestGroup::default()
                .with_group_id(g(group))
                .with_member_epoch(-1)
                .with_topics(topics);
            request.with_groups(vec![group])
        };
        side.ask("good", version, &ask("og", Some(&[("of", &[0, 1])])));
        side.ask("unknown", version, &ask("og", Some(&[("no-such-topic", &[0]), ("of", &[7])])));
        side.ask("no-group", version, &ask("nobody", Some(&[("of", &[0])])));
        side.ask("empty-group", version, &ask("", Some(&[("of", &[0])])));
        side.ask("no-topics", version, &ask("og", Some(&[])));
        if version >= 2 {
            side.ask("all", version, &ask("og", None));
            side.ask("all-of-nobody", version, &ask("nobody", None));
        }
        if version >= 7 {
            let stable = ask("og", Some(&[("of", &[0])])).with_require_stable(true);
            side.ask("stable", version, &stable);
        }
        if version >= 8 {
            let mut two = ask("og", None);
            two.groups.extend(ask("nobody", None).groups);
            side.ask("two-groups", version, &two);
            side.ask("no-groups", version, &OffsetFetchRequest::default());
        }
        if version >= 9 {
            let mut member = ask("og", None);
            for group in &mut member.groups {
                group.member_id = Some(s("nobody"));
                group.member_epoch = 4;
            }
            side.ask("of-a-member", version, &member);
        }
    }
}
