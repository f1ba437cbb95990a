//! Produce: good batches and every kind of bad one.

use kafka_protocol::messages::produce_request::PartitionProduceData;
use kafka_protocol::messages::{DescribeClusterRequest, ProduceRequest};
use uuid::Uuid;

use super::{make, produce};
use crate::batch::Batch;
use crate::oracle::side::Side;

pub(super) fn play(side: &mut Side) {
    requests(side);
    batches(side);
    policies(side);
}

/// What surrounds a batch.
fn requests(side: &mut Side) {
    side.scene("produce");
    let id = make(side, "pr", 2, &[]);
    let good = Batch::of(side.now, &["a", "b"]).encode();
    for version in side.versions::<ProduceRequest>() {
        let ask =
            |index: i32, records: Option<Vec<u8>>| produce(version, ("pr", id), index, records);
        side.ask("all", version, &ask(0, Some(good.clone())));
        side.ask("one", version, &ask(0, Some(good.clone())).with_acks(1));
        side.ask("seven", version, &ask(0, Some(good.clone())).with_acks(7));
        side.ask("minus-two", version, &ask(0, Some(good.clone())).with_acks(-2));
        side.ask("no-partition", version, &ask(2, Some(good.clone())));
        side.ask("negative-partition", version, &ask(-1, Some(good.clone())));
        if version == side.newest::<ProduceRequest>() {
            // Kafka says nothing to this, so it is asked once only
            side.ask("null-records", version, &ask(0, None));
        }
        side.ask("no-bytes", version, &ask(0, Some(vec![])));
        side.ask("no-topics", version, &ask(0, None).with_topic_data(vec![]));
        let unknown = ("no-such-topic", Uuid::from_u128(7));
        side.ask("unknown", version, &produce(version, unknown, 0, Some(good.clone())));
        let empty = ("", Uuid::nil());
        side.ask("empty-name", version, &produce(version, empty, 0, Some(good.clone())));
        let bad = ("a/b", Uuid::from_u128(8));
        side.ask("bad-name", version, &produce(version, bad, 0, Some(good.clone())));
        let mut mixed = ask(0, Some(good.clone()));
        if let Some(topic) = mixed.topic_data.first_mut() {
            let part = |index: i32| {
                PartitionProduceData::default()
                    .with_index(index)
                    .with_records(Some(good.clone().into()))
            };
            topic.partition_data.extend([part(1), part(9)]);
        }
        side.ask("mixed", version, &mixed);
        // no answer at all: the next one on the connection is to the next request
        side.send(version, &ask(0, Some(good.clone())).with_acks(0));
        side.ask("after-no-acks", 0, &DescribeClusterRequest::default());
        side.send(version, &produce(version, unknown, 0, Some(good.clone())).with_acks(0));
        let turn = side.send(0, &DescribeClusterRequest::default());
        side.receive::<DescribeClusterRequest>("after-bad-no-acks", 0, turn);
        side.ask("end", version, &ask(0, Some(good.clone())));
    }
}

/// What is inside a batch. At the oldest, a middle and the newest version: the rules do not change.
#[expect(clippy::too_many_lines, reason = "a list of batches, one a line")]
fn batches(side: &mut Side) {
    side.scene("batch");
    let now = side.now;
    let versions = side.versions::<ProduceRequest>();
    let chosen = [*versions.start(), 7, 9, *versions.end()];
    for version in chosen.into_iter().filter(|version| versions.contains(version)) {
        // a partition for each batch: what one of them did to offsets says nothing about the next
        let name = format!("ba-{version}");
        let id = make(side, &name, 48, &[]);
        let good = || Batch::of(now, &["a", "b", "c"]);
        let day = 86_400_000;
        let mut wrong_delta = good();
        if let Some(record) = wrong_delta.records.get_mut(1) {
            record.offset_delta = Some(7);
        }
        let mut headers = good();
        if let Some(record) = headers.records.get_mut(0) {
            let value = |text: &str| Some(text.as_bytes().to_vec());
            record.headers =
                vec![("h".into(), value("1")), ("h".into(), value("2")), (String::new(), None)];
        }
        let mut cut = good().encode();
        cut.truncate(cut.len() - 3);
        let mut two = good().encode();
        two.extend(good().encode());
        let mut trailing = good().encode();
        trailing.extend([0; 5]);
        let cases = [
            ("good", good().encode()),
            ("offset-ignored", Batch { base_offset: 99, ..good() }.encode()),
            ("epoch-ignored", Batch { leader_epoch: 99, ..good() }.encode()),
            ("headers", headers.encode()),
            ("gzip", good().gzipped().encode()),
            ("crc", Batch { crc_flip: 1, ..good() }.encode()),
            ("count-more", Batch { count: Some(4), ..good() }.encode()),
            ("count-less", Batch { count: Some(2), ..good() }.encode()),
            ("count-negative", Batch { count: Some(-1), ..good() }.encode()),
            ("count-bomb", Batch { count: Some(i32::MAX), ..good() }.encode()),
            ("delta-more", Batch { last_offset_delta: Some(9), ..good() }.encode()),
            ("delta-less", Batch { last_offset_delta: Some(1), ..good() }.encode()),
            ("delta-negative", Batch { last_offset_delta: Some(-1), ..good() }.encode()),
            ("both-more", Batch { count: Some(5), last_offset_delta: Some(4), ..good() }.encode()),
            ("record-delta", wrong_delta.encode()),
            (
                "empty",
                Batch { base_timestamp: now, last_offset_delta: Some(0), ..Batch::default() }
                    .encode(),
            ),
            ("magic-0", Batch { magic: 0, ..good() }.encode()),
            ("magic-1", Batch { magic: 1, ..good() }.encode()),
            ("magic-3", Batch { magic: 3, ..good() }.encode()),
            ("codec-5", Batch { attributes: 5, ..good() }.encode()),
            ("codec-7", Batch { attributes: 7, ..good() }.encode()),
            ("not-gzip", Batch { attributes: 1, ..good() }.encode()),
            ("control", Batch { attributes: 0x20, ..good() }.encode()),
            ("transactional", Batch { attributes: 0x10, ..good() }.encode()),
            ("log-append-time", Batch { attributes: 0x08, ..good() }.encode()),
            ("unused-bits", Batch { attributes: 0x40, ..good() }.encode()),
            ("future", Batch::of(now + 2 * day, &["a"]).encode()),
            ("old", Batch::of(now - 9000 * day, &["a"]).encode()),
            ("no-timestamp", Batch::of(-1, &["a"]).encode()),
            ("max-timestamp-off", Batch { max_timestamp: Some(now + 50), ..good() }.encode()),
            ("length-more", Batch { length: Some(9999), ..good() }.encode()),
            ("length-less", Batch { length: Some(60), ..good() }.encode()),
            ("length-tiny", Batch { length: Some(3), ..good() }.encode()),
            ("length-negative", Batch { length: Some(-1), ..good() }.encode()),
            ("cut", cut),
            ("two", two),
            ("trailing", trailing),
            ("garbage", vec![0xff; 100]),
            ("few-bytes", vec![0; 10]),
            ("garbage-records", Batch { body: Some(vec![0x7f; 40]), ..good() }.encode()),
            (
                "trailing-records",
                Batch { body: Some([good().encoded_records(), vec![0; 4]].concat()), ..good() }
                    .encode(),
            ),
        ];
        for ((case, batch), index) in cases.into_iter().zip(0..) {
            side.ask(case, version, &produce(version, (&name, id), index, Some(batch)));
        }
    }
}

/// What the topic's configs demand.
fn policies(side: &mut Side) {
    side.scene("policy");
    let small = make(side, "small", 1, &[("max.message.bytes", "200")]);
    let compact = make(side, "compact", 1, &[("cleanup.policy", "compact")]);
    let stamped = make(side, "stamped", 1, &[("message.timestamp.type", "LogAppendTime")]);
    let recent = make(side, "recent", 1, &[("message.timestamp.before.max.ms", "60000")]);
    let packed = make(side, "packed", 1, &[("compression.type", "gzip")]);
    let now = side.now;
    let version = side.newest::<ProduceRequest>();
    let mut keyed = Batch::of(now, &["a", "b"]);
    for record in &mut keyed.records {
        record.key = Some(b"k".to_vec());
    }
    let large = "x".repeat(300);
    for (case, topic, batch) in [
        ("fits", ("small", small), Batch::of(now, &["x"])),
        ("too-large", ("small", small), Batch::of(now, &[&large])),
        ("large-zipped", ("small", small), Batch::of(now, &[&large]).gzipped()),
        ("no-key", ("compact", compact), Batch::of(now, &["a"])),
        ("no-key-zipped", ("compact", compact), Batch::of(now, &["a"]).gzipped()),
        ("keyed", ("compact", compact), keyed.clone()),
        ("stamped", ("stamped", stamped), Batch::of(now, &["a"])),
        ("stamped-zipped", ("stamped", stamped), Batch::of(now, &["a"]).gzipped()),
        ("recent", ("recent", recent), Batch::of(now, &["a"])),
        ("not-recent", ("recent", recent), Batch::of(now - 120_000, &["a"])),
        ("packed", ("packed", packed), Batch::of(now, &["a"])),
    ] {
        side.ask(case, version, &produce(version, topic, 0, Some(batch.encode())));
    }
}
