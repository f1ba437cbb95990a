//! What is asked of single partitions: `DeleteRecords`, `OffsetForLeaderEpoch`,
//! `DescribeProducers`.

use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{
    BrokerId, DeleteRecordsRequest, DescribeProducersRequest, FetchRequest, InitProducerIdRequest,
    ListOffsetsRequest, OffsetForLeaderEpochRequest, ProduceRequest,
};
use uuid::Uuid;

use super::fetch::{asked, partition, request};
use super::malformed::damage;
use super::{coordinated, fill, make, offsets, produce, t};
use crate::batch::Batch;
use crate::oracle::side::Side;

pub(super) fn play(side: &mut Side) {
    side.scene("delete-records");
    for version in side.versions::<DeleteRecordsRequest>() {
        deleting(side, version);
        refused(side, version);
    }
    sessions(side);
    side.scene("epochs");
    epochs(side);
    side.scene("producers");
    producers(side);
    side.scene("partition-body");
    bodies(side);
}

fn delete(topics: &[(&str, &[(i32, i64)])]) -> DeleteRecordsRequest {
    let part = |(index, offset): &(i32, i64)| {
        DeleteRecordsPartition::default().with_partition_index(*index).with_offset(*offset)
    };
    let topic = |(name, parts): &(&str, &[(i32, i64)])| {
        let parts = parts.iter().map(part).collect();
        DeleteRecordsTopic::default().with_name(t(name)).with_partitions(parts)
    };
    let topics = topics.iter().map(topic).collect();
    DeleteRecordsRequest::default().with_topics(topics).with_timeout_ms(10_000)
}

/// Three batches, six records.
fn filled(side: &mut Side, topic: (&str, Uuid), index: i32) {
    let batch = |at: i64, values: &[&str]| Batch::of(at, values).encode();
    let now = side.now;
    let batches = vec![
        batch(now - 9_000, &["a", "b", "c"]),
        batch(now - 1_000, &["d"]),
        batch(now - 5_000, &["e", "f"]),
    ];
    fill(side, topic, index, batches);
}

/// What readers see of a partition afterwards.
fn seen(side: &mut Side, case: &str, topic: (&str, Uuid)) {
    let version = side.newest::<ListOffsetsRequest>();
    let now = side.now;
    for (what, timestamp) in [
        ("earliest", -2),
        ("earliest-local", -4),
        ("latest", -1),
        ("newest", -3),
        ("first", now - 9_000),
        ("late", now - 5_000),
    ] {
        side.ask(&format!("{case}-{what}"), version, &offsets::one(topic.0, 0, timestamp));
    }
    let version = side.newest::<FetchRequest>();
    for offset in [0, 1, 3, 6] {
        let read = request(vec![asked(version, topic, vec![partition(0, offset)])]);
        side.ask(&format!("{case}-read-{offset}"), version, &read);
    }
    let known = partition(0, 1).with_last_fetched_epoch(0);
    let known = request(vec![asked(version, topic, vec![known])]);
    side.ask(&format!("{case}-read-in-epoch"), version, &known);
    let version = side.newest::<OffsetForLeaderEpochRequest>();
    side.ask(&format!("{case}-epoch"), version, &epoch(topic.0, &[(0, -1, 0)]));
}

fn deleting(side: &mut Side, version: i16) {
    let name = format!("dr{version}");
    let topic = (name.as_str(), make(side, &name, 3, &[]));
    filled(side, topic, 0);
    filled(side, topic, 2);
    let one = |index: i32, offset: i64| delete(&[(topic.0, &[(index, offset)])]);
    side.ask("nothing-yet", version, &one(0, 0));
    side.ask("inside", version, &one(0, 1));
    seen(side, "inside", topic);
    for (case, offset) in [
        ("again", 1),
        ("backwards", 0),
        ("beyond", 7),
        ("far-beyond", i64::MAX),
        ("minus-two", -2),
        ("least", i64::MIN),
        ("batch", 3),
        ("all", -1),
        ("end", 6),
    ] {
        side.ask(case, version, &one(0, offset));
    }
    seen(side, "all", topic);
    let batch = Batch::of(side.now, &["g", "h"]).encode();
    let newest = side.newest::<ProduceRequest>();
    side.ask("append", newest, &produce(newest, topic, 0, Some(batch)));
    seen(side, "more", topic);
    for (case, offset) in [("empty-all", -1), ("empty-zero", 0), ("empty-beyond", 1)] {
        side.ask(case, version, &one(1, offset));
    }
    side.ask("both", version, &delete(&[(topic.0, &[(0, -1), (2, 1), (1, 9)])]));
    side.ask("twice", version, &delete(&[(topic.0, &[(2, 2), (2, 3)])]));
    side.ask("twice-back", version, &delete(&[(topic.0, &[(2, 5), (2, 4)])]));
    side.ask("topic-twice", version, &delete(&[(topic.0, &[(2, 4)]), (topic.0, &[(1, 0)])]));
    side.ask("at-once", version, &one(2, 5).with_timeout_ms(0));
    side.ask("late", version, &one(2, 6).with_timeout_ms(-1));
}

fn refused(side: &mut Side, version: i16) {
    coordinated(side, "dr-group");
    for (name, policy) in [("drc", "compact"), ("drb", "compact,delete")] {
        let name = format!("{name}{version}");
        make(side, &name, 1, &[("cleanup.policy", policy)]);
        for (case, offset) in [("zero", 0), ("all", -1), ("beyond", 5), ("minus-two", -2)] {
            side.ask(&format!("{policy}-{case}"), version, &delete(&[(&name, &[(0, offset)])]));
        }
    }
    for (case, name, index) in [
        ("no-partition", "dr0", 3),
        ("negative-partition", "dr0", -1),
        ("unknown", "no-such-topic", 0),
        ("bad-name", "a/b", 0),
        ("empty-name", "", 0),
        ("offsets", "__consumer_offsets", 0),
        ("offsets-no-partition", "__consumer_offsets", 5_000),
        ("transactions", "__transaction_state", 0),
        ("metadata", "__cluster_metadata", 0),
    ] {
        side.ask(case, version, &delete(&[(name, &[(index, -1)])]));
    }
    side.ask(
        "mixed",
        version,
        &delete(&[("no-such-topic", &[(0, 0)]), ("dr0", &[(9, 0), (1, 0)])]),
    );
    side.ask("no-partitions", version, &delete(&[("dr0", &[])]));
    side.ask("nothing", version, &delete(&[]));
}

/// What those hear of it who read on in a session or wait.
fn sessions(side: &mut Side) {
    side.scene("delete-under-readers");
    let topic = ("dus", make(side, "dus", 2, &[]));
    filled(side, topic, 0);
    filled(side, topic, 1);
    let version = side.newest::<FetchRequest>();
    let newest = side.newest::<DeleteRecordsRequest>();
    let both = asked(version, topic, vec![partition(0, 6), partition(1, 2)]);
    let begin = request(vec![both]).with_session_epoch(0);
    let session = side.ask("begins", version, &begin).session_id;
    let within = |epoch: i32| request(vec![]).with_session_id(session).with_session_epoch(epoch);
    side.ask("quiet", version, &within(1));
    side.quiet(newest, &delete(&[(topic.0, &[(0, 2)])]));
    side.ask("start-moved", version, &within(2));
    side.ask("quiet-again", version, &within(3));
    side.quiet(newest, &delete(&[(topic.0, &[(1, 3)])]));
    side.ask("out-of-range", version, &within(4));
    side.ask("still-out-of-range", version, &within(5));
    side.ask("closes", version, &within(-1));

    // both wait longer than it takes to delete, the second for more than there is
    for (case, offset, least) in [("waits-at-the-end", 6, 1), ("waits-for-more", 4, 1 << 20)] {
        let mut other = None;
        let waiting = request(vec![asked(version, topic, vec![partition(0, offset)])]);
        let turn = side.send(version, &waiting.with_min_bytes(least).with_max_wait_ms(700));
        side.swap(&mut other);
        side.quiet(newest, &delete(&[(topic.0, &[(0, 5)])]));
        side.swap(&mut other);
        side.receive::<FetchRequest>(case, version, turn);
    }
}

/// Each partition with the leader's epoch and the epoch asked for.
fn epoch(topic: &str, parts: &[(i32, i32, i32)]) -> OffsetForLeaderEpochRequest {
    let part = |(index, current, epoch): &(i32, i32, i32)| {
        OffsetForLeaderPartition::default()
            .with_partition(*index)
            .with_current_leader_epoch(*current)
            .with_leader_epoch(*epoch)
    };
    let topic = OffsetForLeaderTopic::default()
        .with_topic(t(topic))
        .with_partitions(parts.iter().map(part).collect());
    OffsetForLeaderEpochRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic])
}

fn epochs(side: &mut Side) {
    let topic = ("ep", make(side, "ep", 2, &[]));
    filled(side, topic, 0);
    for version in side.versions::<OffsetForLeaderEpochRequest>() {
        for (name, index) in [("filled", 0), ("empty", 1)] {
            for wanted in [-1, 0, 1, 7, i32::MAX, -2, i32::MIN] {
                let case = format!("{name}-{wanted}");
                side.ask(&case, version, &epoch("ep", &[(index, -1, wanted)]));
            }
        }
        for current in [0, 1, 99, -2, i32::MIN] {
            let case = format!("leader-{current}");
            side.ask(&case, version, &epoch("ep", &[(0, current, 0)]));
        }
        side.ask("both", version, &epoch("ep", &[(0, 0, 0), (1, 1, 0), (2, 0, 0)]));
        side.ask("twice", version, &epoch("ep", &[(0, -1, 0), (0, -1, 7)]));
        side.ask("no-partition", version, &epoch("ep", &[(2, -1, 0)]));
        side.ask("negative-partition", version, &epoch("ep", &[(-1, -1, 0)]));
        side.ask("unknown", version, &epoch("no-such-topic", &[(0, -1, 0)]));
        side.ask("bad-name", version, &epoch("a/b", &[(0, -1, 0)]));
        side.ask("no-partitions", version, &epoch("ep", &[]));
        side.ask("nothing", version, &epoch("ep", &[]).with_topics(vec![]));
        let mut two = epoch("ep", &[(0, -1, 0)]);
        two.topics.extend(epoch("ep", &[(1, -1, 0)]).topics);
        side.ask("topic-twice", version, &two);
        if version >= 3 {
            for replica in [-2, 0, 1, 99] {
                let case = format!("replica-{replica}");
                let asked = epoch("ep", &[(0, -1, 0)]).with_replica_id(BrokerId(replica));
                side.ask(&case, version, &asked);
            }
        }
    }
    let version = side.newest::<FetchRequest>();
    for (case, index, offset, last) in [
        ("read-empty", 1, 0, 0),
        ("read-empty-future", 1, 0, 1),
        ("read-beyond", 0, 9, 0),
        ("read-before", 0, -3, 0),
        ("read-no-epoch", 0, 0, -7),
    ] {
        let wanted = partition(index, offset).with_last_fetched_epoch(last);
        side.ask(case, version, &request(vec![asked(version, topic, vec![wanted])]));
    }
}

fn producers(side: &mut Side) {
    let topic = ("dp", make(side, "dp", 3, &[]));
    let newest = side.newest::<InitProducerIdRequest>();
    let fresh = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(60_000);
    let mut id = || i64::from(side.quiet(newest, &fresh).producer_id);
    let (first, second) = (id(), id());
    let now = side.now;
    let by = |at: i64, values: &[&str], id: i64, epoch: i16, sequence: i32| {
        Batch::of(at, values).by_producer(id, epoch, sequence).encode()
    };
    let batches = vec![
        by(now, &["a", "b"], first, 0, 0),
        by(now - 500, &["c"], first, 0, 2),
        by(now - 900, &["d"], second, 3, 0),
        Batch::of(now, &["e"]).encode(),
    ];
    fill(side, topic, 0, batches);
    fill(side, topic, 2, vec![by(now, &["x"], first, 0, i32::MAX), by(now, &["y"], first, 0, 0)]);
    let ask = |topics: &[(&str, &[i32])]| {
        let topic = |(name, indexes): &(&str, &[i32])| {
            TopicRequest::default().with_name(t(name)).with_partition_indexes(indexes.to_vec())
        };
        DescribeProducersRequest::default().with_topics(topics.iter().map(topic).collect())
    };
    for version in side.versions::<DescribeProducersRequest>() {
        side.ask("two", version, &ask(&[("dp", &[0])]));
        side.ask("none", version, &ask(&[("dp", &[1])]));
        side.ask("all", version, &ask(&[("dp", &[0, 1, 2])]));
        side.ask("no-partition", version, &ask(&[("dp", &[3, 0])]));
        side.ask("negative-partition", version, &ask(&[("dp", &[-1])]));
        side.ask("unknown", version, &ask(&[("no-such-topic", &[0]), ("dp", &[1])]));
        side.ask("bad-name", version, &ask(&[("a/b", &[0])]));
        side.ask("empty-name", version, &ask(&[("", &[0])]));
        side.ask("twice", version, &ask(&[("dp", &[1, 1])]));
        side.ask("no-partitions", version, &ask(&[("dp", &[])]));
        side.ask("nothing", version, &ask(&[]));
        fill(side, topic, 0, vec![by(now, &["f"], first, 1, 0)]);
        side.ask("new-epoch", version, &ask(&[("dp", &[0])]));
        let deletion = side.newest::<DeleteRecordsRequest>();
        side.quiet(deletion, &delete(&[("dp", &[(0, -1)])]));
        side.ask("records-deleted", version, &ask(&[("dp", &[0])]));
    }
    let version = side.newest::<ProduceRequest>();
    let repeated = by(now, &["f"], first, 1, 0);
    side.ask("repeated", version, &produce(version, topic, 0, Some(repeated)));
}

fn bodies(side: &mut Side) {
    damage(side, |_| delete(&[("damaged", &[(0, -1)])]));
    damage(side, |_| epoch("damaged", &[(0, -1, 0)]));
    damage(side, |_| {
        let topic = TopicRequest::default().with_name(t("damaged")).with_partition_indexes(vec![0]);
        DescribeProducersRequest::default().with_topics(vec![topic])
    });
}
