//! What becomes of a batch: every codec of a client into every `compression.type`, and stamps.
//!
//! Encoders differ, so what a broker compressed itself is read a second time through a topic that
//! keeps it uncompressed: there every byte counts.

use kafka_protocol::messages::{CreateTopicsRequest, FetchRequest, ProduceRequest};

use super::fetch::{asked, partition, request};
use super::{config, make, new_topic, produce};
use crate::batch::{Batch, Record};
use crate::oracle::side::Side;

/// `compression.type` of a topic, the setting of its level, and what the cases call it.
const KINDS: &[(&str, &str, &str, Option<&str>)] = &[
    ("producer", "producer", "", None),
    ("uncompressed", "uncompressed", "", None),
    ("gzip", "gzip", "", None),
    ("gzip-1", "gzip", "compression.gzip.level", Some("1")),
    ("gzip-9", "gzip", "compression.gzip.level", Some("9")),
    ("snappy", "snappy", "", None),
    ("lz4", "lz4", "", None),
    ("lz4-1", "lz4", "compression.lz4.level", Some("1")),
    ("lz4-17", "lz4", "compression.lz4.level", Some("17")),
    ("zstd", "zstd", "", None),
    ("zstd-fast", "zstd", "compression.zstd.level", Some("-131072")),
    ("zstd-22", "zstd", "compression.zstd.level", Some("22")),
];

pub(super) fn play(side: &mut Side) {
    matrix(side);
    levels(side);
    stamps(side);
}

/// Records with all that a record can have, in no order of time.
fn mixed(now: i64) -> Batch {
    let long = "x".repeat(60);
    let mut batch = Batch::of(now, &["first", &long, &long]);
    for (record, delta) in batch.records.iter_mut().zip([0, 7, 3]) {
        record.timestamp_delta = delta;
    }
    if let Some(Record { key, headers, .. }) = batch.records.get_mut(0) {
        *key = Some(b"k".to_vec());
        *headers = vec![("h".into(), Some(b"1".to_vec())), ("n".into(), None)];
    }
    batch.records.push(Record { key: Some(b"gone".to_vec()), ..Record::default() });
    batch
}

/// The batch as clients of each codec send it, though without making it smaller.
fn clients(batch: &Batch) -> [(&'static str, Vec<u8>); 6] {
    let stored = |codec: i16, body: Vec<u8>| {
        let attributes = batch.attributes | codec;
        Batch { attributes, body: Some(body), ..batch.clone() }.encode()
    };
    let plain = batch.encoded_records();
    let block = snappy(&plain);
    let framed = [b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01", &size(&block).to_be_bytes()[..], &block];
    [
        ("none", batch.encode()),
        ("gzip", batch.clone().gzipped().encode()),
        ("snappy", stored(2, framed.concat())),
        ("snappy-raw", stored(2, block.clone())),
        ("lz4", stored(3, lz4(&plain))),
        ("zstd", stored(4, zstd(&plain))),
    ]
}

fn size(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// A Snappy block that is one literal of at least 128 bytes (Snappy's format description).
fn snappy(plain: &[u8]) -> Vec<u8> {
    let size = size(plain);
    let [low, high, ..] = (size & 0x7f | 0x80 | (size >> 7) << 8).to_le_bytes();
    let [first, second, ..] = (size - 1).to_le_bytes();
    [&[low, high, 61 << 2, first, second], plain].concat()
}

/// An LZ4 frame of one uncompressed block, without checksums (LZ4 Frame Format 1.6).
fn lz4(plain: &[u8]) -> Vec<u8> {
    let head = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
    let block = (size(plain) | 1 << 31).to_le_bytes();
    [&head[..], &block, plain, &[0; 4]].concat()
}

/// A Zstandard frame of one raw block, in a single segment with its size (RFC 8878).
fn zstd(plain: &[u8]) -> Vec<u8> {
    let [first, second, third, _] = (size(plain) << 3 | 1).to_le_bytes();
    let whole = size(plain).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0xa0][..], &whole, &[first, second, third], plain].concat()
}

fn matrix(side: &mut Side) {
    side.scene("recode");
    let clients = clients(&mixed(side.now));
    let version = side.newest::<ProduceRequest>();
    let newest = side.newest::<FetchRequest>();
    for (name, kind, setting, level) in KINDS {
        let (topic, plain) = (format!("rc-{name}"), format!("rp-{name}"));
        let mut configs = vec![("compression.type", *kind)];
        configs.extend(level.map(|level| (*setting, level)));
        let topic = (topic.as_str(), make(side, &topic, 6, &configs));
        let plain =
            (plain.as_str(), make(side, &plain, 6, &[("compression.type", "uncompressed")]));
        for ((client, batch), index) in clients.iter().zip(0..) {
            let case = format!("{client}-to-{name}");
            side.ask(&case, version, &produce(version, topic, index, Some(batch.clone())));
            let all = |topic| request(vec![asked(newest, topic, vec![partition(index, 0)])]);
            let read = side.ask(&case, newest, &all(topic));
            let parts = read.responses.first().and_then(|topic| topic.partitions.first());
            let kept = parts.and_then(|part| part.records.as_ref()).map(|bytes| bytes.to_vec());
            side.quiet(version, &produce(version, plain, index, kept));
            side.ask(&format!("{case}-plain"), newest, &all(plain));
        }
    }
}

/// Levels that a topic cannot have, and those at the ends.
fn levels(side: &mut Side) {
    side.scene("level");
    // newer ones answer with all configs, which other scenes compare
    let version = 4;
    for (codec, levels) in [
        ("gzip", ["-2", "-1", "0", "1", "9", "10"]),
        ("lz4", ["-1", "0", "1", "9", "17", "18"]),
        ("zstd", ["-131073", "-131072", "0", "1", "22", "23"]),
    ] {
        for level in levels {
            let setting = config(&format!("compression.{codec}.level"), level);
            let topic = new_topic("never", 1).with_configs(vec![setting]);
            let ask = CreateTopicsRequest::default().with_topics(vec![topic]);
            let ask = ask.with_validate_only(true).with_timeout_ms(30_000);
            side.ask(&format!("{codec}{level}"), version, &ask);
        }
    }
}

/// `LogAppendTime`, which the broker sets where it keeps the client's compression, too.
fn stamps(side: &mut Side) {
    side.scene("stamp");
    let clients = clients(&mixed(side.now - 86_400_000));
    let version = side.newest::<ProduceRequest>();
    let newest = side.newest::<FetchRequest>();
    for kind in ["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"] {
        let name = format!("st-{kind}");
        let configs = [
            ("compression.type", kind),
            ("message.timestamp.type", "LogAppendTime"),
            ("message.timestamp.before.max.ms", "1000"),
        ];
        let topic = (name.as_str(), make(side, &name, 6, &configs));
        for ((client, batch), index) in clients.iter().zip(0..) {
            let case = format!("{client}-to-{kind}");
            side.ask(&case, version, &produce(version, topic, index, Some(batch.clone())));
            let all = request(vec![asked(newest, topic, vec![partition(index, 0)])]);
            side.ask(&case, newest, &all);
        }
    }
}
