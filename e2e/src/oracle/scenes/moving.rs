//! Partitions as an admin sees and moves them: pages of `DescribeTopicPartitions`, elections,
//! reassignments.

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::list_partition_reassignments_request as listing;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, DescribeTopicPartitionsRequest,
    ElectLeadersRequest, ListPartitionReassignmentsRequest,
};

use super::{make, t};
use crate::oracle::side::Side;

pub(super) fn play(side: &mut Side) {
    make(side, "pa-1", 3, &[]);
    make(side, "pa-2", 2, &[]);
    described(side);
    elected(side);
    moved(side);
}

/// A topic and a partition to go on from.
type Place<'a> = Option<(&'a str, i32)>;

fn described(side: &mut Side) {
    side.scene("describe-partitions");
    let ask = |topics: &[&str], most: i32, cursor: Option<(&str, i32)>| {
        let topic = |name: &&str| TopicRequest::default().with_name(t(name));
        let cursor = cursor.map(|(topic, partition)| {
            Cursor::default().with_topic_name(t(topic)).with_partition_index(partition)
        });
        DescribeTopicPartitionsRequest::default()
            .with_topics(topics.iter().map(topic).collect())
            .with_response_partition_limit(most)
            .with_cursor(cursor)
    };
    let both: &[&str] = &["pa-2", "pa-1"];
    let cases: &[(&str, &[&str], i32, Place<'_>)] = &[
        ("both", both, 2000, None),
        ("twice", &["pa-1", "pa-1"], 2000, None),
        ("unknown", &["pa-1", "no-such-topic", "pa-2"], 2000, None),
        ("bad-names", &["a/b", "...", "pa-1"], 2000, None),
        ("empty-name", &["", "pa-1"], 2000, None),
        ("dots", &["..", "pa-1"], 2000, None),
        ("one-at-a-time", both, 1, None),
        ("exactly-one-topic", both, 3, None),
        ("into-the-second", both, 4, None),
        ("all-there-are", both, 5, None),
        ("no-limit", both, 0, None),
        ("negative-limit", both, -1, None),
        ("full-before-unknown", &["pa-1", "pa-1-none", "pa-2"], 3, None),
        ("from-the-middle", both, 2000, Some(("pa-1", 1))),
        ("from-the-second", both, 2000, Some(("pa-2", 0))),
        ("past-the-end", both, 2000, Some(("pa-1", 7))),
        ("far-past-the-end", both, 2, Some(("pa-1", i32::MAX - 5))),
        ("from-a-topic-not-asked-for", &["pa-2"], 2000, Some(("pa-1", 1))),
        ("from-a-topic-that-is-gone", &["pa-2"], 2000, Some(("pa-1-gone", 0))),
        ("before-the-first", both, 2000, Some(("pa-1", -1))),
        ("all-from-the-last", &[], 1, Some(("pa-2", 1))),
        ("all-from-a-topic-that-is-gone", &[], 1, Some(("pa-1-gone", 1))),
    ];
    for (case, topics, most, cursor) in cases {
        side.ask(case, 0, &ask(topics, *most, *cursor));
    }
}

fn elected(side: &mut Side) {
    side.scene("elect");
    let topic = |name: &str, partitions: &[i32]| {
        TopicPartitions::default().with_topic(t(name)).with_partitions(partitions.to_vec())
    };
    for version in side.versions::<ElectLeadersRequest>() {
        let ask = |election: i8, topics: Option<Vec<TopicPartitions>>| {
            let request = ElectLeadersRequest::default().with_topic_partitions(topics);
            if version >= 1 { request.with_election_type(election) } else { request }
        };
        let kinds: &[(&str, i8)] = if version >= 1 {
            &[("preferred", 0), ("unclean", 1), ("other", 9)]
        } else {
            &[("", 0)]
        };
        for (kind, election) in kinds {
            let mut case = |case: &str, topics| {
                side.ask(&format!("{case}-{kind}"), version, &ask(*election, topics));
            };
            case("led", Some(vec![topic("pa-1", &[0, 2]), topic("pa-2", &[1])]));
            case("unknown", Some(vec![topic("pa-1", &[3, -1]), topic("no-such-topic", &[0])]));
            case("twice", Some(vec![topic("pa-1", &[0, 0]), topic("pa-1", &[0])]));
            case("no-partitions", Some(vec![topic("pa-1", &[])]));
            case("no-topics", Some(vec![]));
            case("all", None);
        }
    }
}

fn moved(side: &mut Side) {
    side.scene("reassign");
    let target = |index: i32, replicas: Option<&[i32]>| {
        ReassignablePartition::default()
            .with_partition_index(index)
            .with_replicas(replicas.map(|ids| ids.iter().copied().map(BrokerId).collect()))
    };
    let topic = |name: &str, partitions: Vec<ReassignablePartition>| {
        ReassignableTopic::default().with_name(t(name)).with_partitions(partitions)
    };
    for version in side.versions::<AlterPartitionReassignmentsRequest>() {
        let may_change: &[bool] = if version >= 1 { &[true, false] } else { &[true] };
        for may_change in may_change {
            let mut case = |case: &str, topics: Vec<ReassignableTopic>| {
                let request = AlterPartitionReassignmentsRequest::default().with_topics(topics);
                let request = if version >= 1 {
                    request.with_allow_replication_factor_change(*may_change)
                } else {
                    request
                };
                side.ask(&format!("{case}-{may_change}"), version, &request);
            };
            let one = |replicas| vec![topic("pa-1", vec![target(0, replicas)])];
            case("where-it-is", one(Some(&[1])));
            case("unknown-broker", one(Some(&[2])));
            case("also-unknown", one(Some(&[1, 2])));
            case("broker-twice", one(Some(&[1, 1])));
            case("nowhere", one(Some(&[])));
            case("negative", one(Some(&[-1])));
            case("cancel", one(None));
            case(
                "unknown",
                vec![
                    topic("pa-1", vec![target(3, Some(&[1])), target(-1, None)]),
                    topic("no-such-topic", vec![target(0, Some(&[1])), target(1, None)]),
                ],
            );
            let mixed = [target(0, Some(&[1])), target(1, Some(&[2])), target(2, None)];
            case("mixed", vec![topic("pa-1", mixed.to_vec())]);
            case("no-partitions", vec![topic("pa-1", vec![])]);
            case("no-topics", vec![]);
            case(
                "twice",
                vec![
                    topic("pa-1", vec![target(0, Some(&[1])), target(0, Some(&[1]))]),
                    topic("pa-1", vec![target(0, None)]),
                ],
            );
        }
    }
    let list = |topics: Option<&[(&str, &[i32])]>| {
        let topic = |(name, indexes): &(&str, &[i32])| {
            listing::ListPartitionReassignmentsTopics::default()
                .with_name(t(name))
                .with_partition_indexes(indexes.to_vec())
        };
        ListPartitionReassignmentsRequest::default()
            .with_topics(topics.map(|topics| topics.iter().map(topic).collect()))
    };
    side.ask("listed", 0, &list(None));
    side.ask("listed-some", 0, &list(Some(&[("pa-1", &[0, 7]), ("no-such-topic", &[0])])));
    side.ask("listed-none", 0, &list(Some(&[])));
}
