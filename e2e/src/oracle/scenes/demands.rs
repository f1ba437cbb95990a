//! What a topic's settings refuse: times, sizes, records without a key, too few replicas.

use kafka_protocol::messages::{FetchRequest, ProduceRequest};

use super::fetch::{asked, partition, request};
use super::{make, produce};
use crate::batch::Batch;
use crate::oracle::side::Side;

const HOUR: i64 = 3_600_000;

pub(super) fn play(side: &mut Side) {
    times(side);
    sizes(side);
    keys(side);
    replicas(side);
}

/// One record at each of `times`, in milliseconds.
fn at(times: &[i64]) -> Batch {
    let values = vec!["v"; times.len()];
    let base = times.first().copied().unwrap_or(0);
    let mut batch = Batch::of(base, &values);
    for (record, time) in batch.records.iter_mut().zip(times) {
        record.timestamp_delta = time - base;
    }
    batch
}

/// Produces each case to a partition of its own, at the last version that does not tell of single
/// records, the first that does and the newest; what is kept shows in where the partition ends.
fn play_cases(side: &mut Side, name: &str, configs: &[(&str, &str)], cases: &[(&str, Batch)]) {
    let partitions = i32::try_from(cases.len()).unwrap_or(0);
    let topic = (name, make(side, name, partitions, configs));
    let newest = side.newest::<ProduceRequest>();
    let fetch = side.newest::<FetchRequest>();
    for ((case, batch), index) in cases.iter().zip(0..) {
        let case = format!("{name}-{case}");
        for version in [7, 8, newest] {
            side.ask(&case, version, &produce(version, topic, index, Some(batch.encode())));
        }
        let all = request(vec![asked(fetch, topic, vec![partition(index, 0)])]);
        let read = side.quiet(fetch, &all);
        let end = read.responses.first().and_then(|topic| topic.partitions.first());
        let end = end.map_or(-1, |part| part.high_watermark);
        let beyond = partition(index, end.max(0));
        side.ask(&case, fetch, &request(vec![asked(fetch, topic, vec![beyond])]));
    }
}

fn times(side: &mut Side) {
    side.scene("times");
    let now = side.now;
    let cases = [
        ("now", at(&[now])),
        ("old", at(&[now - 2 * HOUR])),
        ("future", at(&[now + 2 * HOUR])),
        ("one-old", at(&[now, now - 2 * HOUR, now])),
        ("one-future", at(&[now, now + 2 * HOUR])),
        ("both", at(&[now, now - 2 * HOUR, now + 2 * HOUR, now])),
        ("all", at(&[now - 3 * HOUR, now - 2 * HOUR])),
        ("many", at(&[now - 3 * HOUR; 12])),
        ("zipped", at(&[now, now - 2 * HOUR, now + 2 * HOUR]).gzipped()),
        ("no-time", at(&[-1])),
        ("no-time-zipped", at(&[-1]).gzipped()),
    ];
    let before = ("message.timestamp.before.max.ms", "3600000");
    let after = ("message.timestamp.after.max.ms", "3600000");
    let stamped = ("message.timestamp.type", "LogAppendTime");
    let gzip = ("compression.type", "gzip");
    play_cases(side, "ti-default", &[], &cases);
    play_cases(side, "ti-before", &[before], &cases);
    play_cases(side, "ti-after", &[after], &cases);
    play_cases(side, "ti-both", &[before, after], &cases);
    play_cases(side, "ti-gzip", &[before, after, gzip], &cases);
    play_cases(side, "ti-stamped", &[before, after, stamped], &cases);
}

fn sizes(side: &mut Side) {
    side.scene("sizes");
    let now = side.now;
    let (long, fits) = ("x".repeat(300), "x".repeat(100));
    let cases = [
        ("fits", Batch::of(now, &[&fits])),
        ("long", Batch::of(now, &[&long])),
        ("zipped", Batch::of(now, &[&long]).gzipped()),
        ("many", Batch::of(now, &[&fits, &fits, &fits])),
    ];
    let limit = ("max.message.bytes", "200");
    play_cases(side, "si-producer", &[limit], &cases);
    play_cases(side, "si-plain", &[limit, ("compression.type", "uncompressed")], &cases);
    play_cases(side, "si-gzip", &[limit, ("compression.type", "gzip")], &cases);
    play_cases(side, "si-zstd", &[limit, ("compression.type", "zstd")], &cases);
    // to the byte: header, one record
    let exact = Batch::of(now, &[&fits]);
    let all = exact.encode().len();
    for (name, limit) in [("si-exact", all), ("si-one-less", all - 1), ("si-zero", 0)] {
        let limit = limit.to_string();
        let limit = [("max.message.bytes", limit.as_str())];
        play_cases(side, name, &limit, &[("one", exact.clone())]);
    }
}

fn keys(side: &mut Side) {
    side.scene("keys");
    let keyed = |keys: &[Option<&str>]| {
        let mut batch = Batch::of(side.now, &vec!["v"; keys.len()]);
        for (record, key) in batch.records.iter_mut().zip(keys) {
            record.key = key.map(|key| key.as_bytes().to_vec());
        }
        batch
    };
    let mut gone = keyed(&[Some("k"), None]);
    for record in &mut gone.records {
        record.value = None;
    }
    let cases = [
        ("keyed", keyed(&[Some("k")])),
        ("empty-key", keyed(&[Some("")])),
        ("keyless", keyed(&[None])),
        ("second", keyed(&[Some("k"), None])),
        ("two", keyed(&[None, Some("k"), None])),
        ("zipped", keyed(&[Some("k"), None]).gzipped()),
        ("no-value", gone),
    ];
    play_cases(side, "ke-compact", &[("cleanup.policy", "compact")], &cases);
    play_cases(side, "ke-both", &[("cleanup.policy", "compact,delete")], &cases);
    let packed = [("cleanup.policy", "compact"), ("compression.type", "lz4")];
    play_cases(side, "ke-packed", &packed, &cases);
    let old = [("cleanup.policy", "compact"), ("message.timestamp.before.max.ms", "0")];
    play_cases(side, "ke-old", &old, &cases);
}

/// One replica where more have to be in sync.
fn replicas(side: &mut Side) {
    side.scene("replicas");
    let topic = ("mi", make(side, "mi", 3, &[("min.insync.replicas", "2")]));
    let good = Batch::of(side.now, &["a"]).encode();
    let fetch = side.newest::<FetchRequest>();
    for (case, acks, index) in [("all", -1, 0), ("leader", 1, 1)] {
        for version in side.versions::<ProduceRequest>() {
            let ask = produce(version, topic, index, Some(good.clone())).with_acks(acks);
            side.ask(case, version, &ask);
        }
        let ask = request(vec![asked(fetch, topic, vec![partition(index, 0)])]);
        side.ask(case, fetch, &ask);
    }
    let version = side.newest::<ProduceRequest>();
    side.send(version, &produce(version, topic, 2, Some(good)).with_acks(0));
    side.ask("none", fetch, &request(vec![asked(fetch, topic, vec![partition(2, 0)])]));
}
