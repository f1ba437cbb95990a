//! What these tests ask of a broker.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{BrokerId, DescribeLogDirsRequest, FetchRequest, MetadataRequest};
use kastellan_e2e::batch::{Batch, Record};
use kastellan_e2e::ours::Ours;
use kastellan_e2e::process::pause;
use kastellan_e2e::wire::{self, PRODUCE, Wire, text};

/// 56 `KAFKA_STORAGE_ERROR`.
pub(crate) const STORAGE: i16 = 56;

/// How a produce ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Acknowledged at this offset.
    At(i64),
    /// Refused with this code.
    Refused(i16),
    /// The connection is gone, and perhaps the broker.
    Gone,
}

pub(crate) fn start(mut broker: Ours) -> Result<(Ours, Wire)> {
    broker.start()?;
    let wire = Wire::connect(broker.address())?;
    Ok((broker, wire))
}

/// A batch of one record with a value that tells its number, padded to `size` bytes.
pub(crate) fn numbered(number: i64, size: usize) -> Batch {
    let mut value = format!("{number} ").into_bytes();
    value.resize(size.max(value.len()), b'x');
    let record = Record { value: Some(value), ..Record::default() };
    Batch { base_timestamp: 1_700_000_000_000, records: vec![record], ..Batch::default() }
}

/// Sends one batch with acks=all.
pub(crate) fn produce(wire: &mut Wire, topic: &str, index: i32, batch: &Batch) -> Result<Sent> {
    let request = wire::produce(topic, index, batch.encode());
    let Ok(answer) = wire.call(PRODUCE, &request) else { return Ok(Sent::Gone) };
    Ok(wire::produced(&answer)?.map_or_else(Sent::Refused, Sent::At))
}

/// Every record of a partition by its offset: the number in its value. Every CRC must hold.
pub(crate) fn read(wire: &mut Wire, topic: &str, index: i32) -> Result<BTreeMap<i64, i64>> {
    let mut found = BTreeMap::new();
    let mut from = 0;
    loop {
        let partition = FetchPartition::default()
            .with_partition(index)
            .with_fetch_offset(from)
            .with_partition_max_bytes(1 << 20);
        let wanted =
            FetchTopic::default().with_topic(text(topic).into()).with_partitions(vec![partition]);
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_bytes(4 << 20)
            .with_session_epoch(-1)
            .with_topics(vec![wanted]);
        let answer = wire.call(11, &request)?;
        let data = answer.responses.first().and_then(|topic| topic.partitions.first());
        let data = data.context("no answer for the partition")?;
        ensure!(data.error_code == 0, "fetching {topic}-{index} answered {}", data.error_code);
        let mut bytes = data.records.clone().unwrap_or_default();
        if bytes.is_empty() {
            ensure!(from == data.high_watermark, "{topic}-{index} ends at {from} for no reason");
            return Ok(found);
        }
        let first = from;
        // a fetch may end within a batch, but not within its first
        while from == first || is_whole(&bytes) {
            let (offset, value, rest) = one_record(&bytes)?;
            ensure!(offset == from, "{topic}-{index}: offset {offset} instead of {from}");
            let text = String::from_utf8_lossy(&value).into_owned();
            let number = text.split(' ').next().unwrap_or_default().parse()?;
            found.insert(offset, number);
            from = offset + 1;
            bytes = rest;
        }
    }
}

fn is_whole(bytes: &Bytes) -> bool {
    let length = bytes.get(8..12).and_then(|length| length.try_into().ok());
    let length = length.map(i32::from_be_bytes).and_then(|length| usize::try_from(length).ok());
    length.is_some_and(|length| bytes.len() >= 12 + length)
}

/// The only record of the first batch: its offset, its value, and the batches behind.
fn one_record(bytes: &Bytes) -> Result<(i64, Bytes, Bytes)> {
    let field = |at: usize, len: usize| bytes.get(at..at + len).context("half a batch");
    let offset = i64::from_be_bytes(field(0, 8)?.try_into()?);
    let length = usize::try_from(i32::from_be_bytes(field(8, 4)?.try_into()?))?;
    let crc = u32::from_be_bytes(field(17, 4)?.try_into()?);
    ensure!(crc32c::crc32c(field(21, length - 9)?) == crc, "a bad batch was served at {offset}");
    let records = field(61, length - 49)?;
    // length, attributes, timestamp delta, offset delta, key length (-1)
    let mut at = 0;
    let mut varint = || {
        let mut value = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = *records.get(at).context("half a record")?;
            at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        Ok::<_, anyhow::Error>((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    };
    varint()?;
    varint()?; // the attributes are a byte below 0x80
    varint()?;
    varint()?;
    ensure!(varint()? == -1, "a record with a key");
    let len = usize::try_from(varint()?)?;
    let value = bytes.slice(61 + at..61 + at + len);
    Ok((offset, value, bytes.slice(12 + length..)))
}

/// Which log directory each partition of a topic lies in.
pub(crate) type Lying = BTreeMap<(String, i32), String>;

/// Where the partitions lie, and the directories that are offline.
pub(crate) fn log_dirs(wire: &mut Wire) -> Result<(Lying, Vec<String>)> {
    let answer = wire.call(4, &DescribeLogDirsRequest::default().with_topics(None))?;
    let (mut lying, mut offline) = (BTreeMap::new(), Vec::new());
    for dir in answer.results {
        match dir.error_code {
            0 => ensure!(dir.total_bytes > 0 && dir.usable_bytes >= 0, "{dir:?}"),
            STORAGE => offline.push(dir.log_dir.to_string()),
            code => bail!("describing {} answered {code}", dir.log_dir),
        }
        for topic in dir.topics {
            for partition in topic.partitions.iter().filter(|partition| !partition.is_future_key) {
                let key = (topic.name.to_string(), partition.partition_index);
                let other = lying.insert(key, dir.log_dir.to_string());
                ensure!(other.is_none(), "{} lies twice", topic.name.as_str());
            }
        }
    }
    Ok((lying, offline))
}

/// Error code, leader and offline replicas of each partition of a topic.
pub(crate) fn leaders(wire: &mut Wire, topic: &str) -> Result<Vec<(i16, i32, usize)>> {
    let wanted = MetadataRequestTopic::default().with_name(Some(text(topic).into()));
    let answer = wire.call(9, &MetadataRequest::default().with_topics(Some(vec![wanted])))?;
    let topic = answer.topics.first().context("no answer for the topic")?;
    let mut partitions = topic.partitions.clone();
    partitions.sort_by_key(|partition| partition.partition_index);
    let one =
        |partition: &kafka_protocol::messages::metadata_response::MetadataResponsePartition| {
            (partition.error_code, partition.leader_id.0, partition.offline_replicas.len())
        };
    Ok(partitions.iter().map(one).collect())
}

/// Waits until `done`, which another thread of the broker brings about.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while !done()? {
        ensure!(std::time::Instant::now() < deadline, "never: {what}");
        pause();
    }
    Ok(())
}

/// Waits until the broker has ended by itself; what it logged.
pub(crate) fn ended(broker: &mut Ours) -> Result<String> {
    let process = broker.process().context("it was started")?;
    until("the broker ends", || Ok(process.check_alive().is_err()))?;
    Ok(process.log_text())
}

/// Checks that what was acknowledged is there, in order, with nothing in between that nobody sent.
pub(crate) fn holds(
    address: SocketAddr,
    topic: &str,
    index: i32,
    acked: &BTreeMap<i64, i64>,
) -> Result<BTreeMap<i64, i64>> {
    let found = read(&mut Wire::connect(address)?, topic, index)?;
    for (offset, number) in acked {
        ensure!(
            found.get(offset) == Some(number),
            "{topic}-{index}: {number} was acknowledged at {offset}, there is {:?}",
            found.get(offset)
        );
    }
    let mut last = -1;
    for number in found.values() {
        ensure!(*number > last, "{topic}-{index}: {number} after {last}");
        last = *number;
    }
    Ok(found)
}
