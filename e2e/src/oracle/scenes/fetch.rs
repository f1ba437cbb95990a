//! Fetch: all kinds of offsets, epochs, limits and sessions.

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest};
use uuid::Uuid;

use super::{fill, make, t};
use crate::batch::Batch;
use crate::oracle::side::Side;

pub(super) fn play(side: &mut Side) {
    side.scene("fetch");
    let topic = ("fe", make(side, "fe", 2, &[]));
    let now = side.now;
    let batch = |values: &[&str]| Batch::of(now, values).encode();
    fill(side, topic, 0, vec![batch(&["a", "b", "c"]), batch(&["d"]), batch(&["e", "f"])]);
    for version in side.versions::<FetchRequest>() {
        offsets(side, version, topic);
        limits(side, version, topic);
        names(side, version, topic);
        if version >= 7 {
            sessions(side, version, topic);
        }
    }
}

pub(super) fn partition(index: i32, offset: i64) -> FetchPartition {
    FetchPartition::default()
        .with_partition(index)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20)
        .with_current_leader_epoch(-1)
}

pub(super) fn asked(
    version: i16,
    topic: (&str, Uuid),
    partitions: Vec<FetchPartition>,
) -> FetchTopic {
    let asked = FetchTopic::default().with_partitions(partitions);
    if version >= 13 { asked.with_topic_id(topic.1) } else { asked.with_topic(t(topic.0)) }
}

/// An answer at once, from a consumer, outside of any session.
pub(super) fn request(topics: Vec<FetchTopic>) -> FetchRequest {
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(0)
        .with_min_bytes(0)
        .with_max_bytes(1 << 20)
        .with_topics(topics)
        .with_session_id(0)
        .with_session_epoch(-1)
}

fn offsets(side: &mut Side, version: i16, topic: (&str, Uuid)) {
    let at = |offset: i64| request(vec![asked(version, topic, vec![partition(0, offset)])]);
    for (case, offset) in [
        ("start", 0),
        ("within-a-batch", 1),
        ("second-batch", 3),
        ("last", 5),
        ("end", 6),
        ("beyond", 7),
        ("far-beyond", i64::MAX),
        ("minus-one", -1),
        ("minus-five", -5),
    ] {
        side.ask(case, version, &at(offset));
    }
    side.ask("committed", version, &at(0).with_isolation_level(1));
    side.ask("no-such-isolation", version, &at(0).with_isolation_level(9));
    let with = |partition: FetchPartition| request(vec![asked(version, topic, vec![partition])]);
    if version >= 9 {
        for (case, epoch) in [("epoch", 0), ("next-epoch", 1), ("far-epoch", 99), ("bad-epoch", -9)]
        {
            side.ask(case, version, &with(partition(0, 0).with_current_leader_epoch(epoch)));
        }
    }
    if version >= 12 {
        for (case, epoch) in [("fetched", 0), ("fetched-later", 5)] {
            side.ask(case, version, &with(partition(0, 3).with_last_fetched_epoch(epoch)));
        }
    }
}

fn limits(side: &mut Side, version: i16, topic: (&str, Uuid)) {
    let limited = |bytes: i32| {
        request(vec![asked(version, topic, vec![partition(0, 0).with_partition_max_bytes(bytes)])])
    };
    for (case, bytes) in [
        ("one-byte", 1),
        ("zero-bytes", 0),
        ("less-bytes", -1),
        ("eighty", 80),
        ("two-batches", 170),
    ] {
        side.ask(case, version, &limited(bytes));
    }
    side.ask("one-byte-in-all", version, &limited(1 << 20).with_max_bytes(1));
    side.ask("zero-bytes-in-all", version, &limited(1 << 20).with_max_bytes(0));
    // nothing new: the answer comes after the wait
    let waiting = request(vec![asked(version, topic, vec![partition(0, 6)])]);
    side.ask("waits", version, &waiting.with_min_bytes(1).with_max_wait_ms(20));
    let both = request(vec![asked(version, topic, vec![partition(0, 0), partition(1, 0)])]);
    side.ask("both", version, &both);
    let twice = request(vec![asked(version, topic, vec![partition(0, 0), partition(0, 3)])]);
    side.ask("twice", version, &twice);
    side.ask("nothing", version, &request(vec![]));
}

fn names(side: &mut Side, version: i16, topic: (&str, Uuid)) {
    let one = |topic: (&str, Uuid), index: i32| {
        request(vec![asked(version, topic, vec![partition(index, 0)])])
    };
    side.ask("no-partition", version, &one(topic, 2));
    side.ask("negative-partition", version, &one(topic, -1));
    side.ask("unknown", version, &one(("no-such-topic", Uuid::from_u128(7)), 0));
    side.ask("empty-name", version, &one(("", Uuid::nil()), 0));
    side.ask("bad-name", version, &one(("a/b", Uuid::from_u128(8)), 0));
    let mixed = request(vec![
        asked(version, ("no-such-topic", Uuid::from_u128(7)), vec![partition(0, 0)]),
        asked(version, topic, vec![partition(0, 5), partition(7, 0)]),
    ]);
    side.ask("mixed", version, &mixed);
}

fn sessions(side: &mut Side, version: i16, topic: (&str, Uuid)) {
    let all = || request(vec![asked(version, topic, vec![partition(0, 0), partition(1, 0)])]);
    side.ask("no-such-session", version, &all().with_session_id(12345).with_session_epoch(1));
    side.ask("epoch-without-session", version, &all().with_session_id(0).with_session_epoch(5));
    let session = side.ask("begins", version, &all().with_session_epoch(0)).session_id;
    let within = |epoch: i32, topics: Vec<FetchTopic>| {
        request(topics).with_session_id(session).with_session_epoch(epoch)
    };
    side.ask("same-again", version, &within(1, vec![]));
    let moved = asked(version, topic, vec![partition(0, 6)]);
    side.ask("moved", version, &within(2, vec![moved]));
    side.ask("nothing-new", version, &within(3, vec![]));
    side.ask("wrong-epoch", version, &within(9, vec![]));
    side.ask(
        "right-epoch",
        version,
        &within(4, vec![asked(version, topic, vec![partition(0, 3)])]),
    );
    let forgotten = ForgottenTopic::default().with_partitions(vec![0]);
    let forgotten = if version >= 13 {
        forgotten.with_topic_id(topic.1)
    } else {
        forgotten.with_topic(t(topic.0))
    };
    side.ask("forgets", version, &within(5, vec![]).with_forgotten_topics_data(vec![forgotten]));
    side.ask("after-forgetting", version, &within(6, vec![]));
    let unknown = asked(version, ("no-such-topic", Uuid::from_u128(7)), vec![partition(0, 0)]);
    side.ask("unknown-in-session", version, &within(7, vec![unknown]));
    side.ask("unknown-again", version, &within(8, vec![]));
    side.ask("closes", version, &within(-1, vec![]));
    side.ask("after-closing", version, &within(9, vec![]));
    let begun = side.ask("begins-again", version, &all().with_session_epoch(0)).session_id;
    let anew = all().with_session_id(begun).with_session_epoch(0);
    let third = side.ask("begins-anew", version, &anew).session_id;
    side.quiet(version, &request(vec![]).with_session_id(third).with_session_epoch(-1));
}
