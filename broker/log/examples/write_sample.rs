//! Writes a data directory worth looking at: several segments, every codec, idempotent batches, a
//! leader change, a tombstone, a control batch, a compacted log.
//!
//! `cargo run -p kastellan-log --example write_sample -- DIR`. The same bytes every time, so that
//! the golden directory of the tests is made by it, and Apache's DumpLogSegments can be pointed at
//! the result.

use std::{collections::BTreeMap, error::Error, path::Path};

use kastellan_core::{
    id::TopicPartition,
    log::{Appended, Log as _},
};
use kastellan_log::{Bounds, Budget, Config, Directory, Log, Properties, StdDisk};
use kastellan_protocol::{
    batch::{Builder, ControlType, batches},
    compression::Codec,
};
use uuid::Uuid;

/// When the first record was written, in milliseconds since 1970.
const START: i64 = 1_700_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).ok_or("usage: write_sample DIR")?;
    write(Path::new(&dir))
}

/// Fills `dir`, which should be empty.
pub fn write(dir: &Path) -> Result<(), Box<dyn Error>> {
    let properties = Properties {
        cluster_id: "5L6g3nShT-eMCtK--X86sw".to_owned(),
        node_id: 1,
        directory_id: Uuid::from_u128(0x6b61_7374_656c_6c61_6e00_0000_0000_0001),
    };
    let directory = Directory::open(StdDisk, dir, properties, Budget::default())?;
    let plain = plain(&directory)?;
    let compacted = compacted(&directory)?;
    directory.write_high_watermarks(&BTreeMap::from([
        (plain.partition().clone(), plain.end()),
        (compacted.partition().clone(), compacted.end()),
    ]))?;
    directory.close([plain, compacted])?;
    Ok(())
}

fn log(
    directory: &Directory<StdDisk>,
    topic: &str,
    id: u128,
    config: Config,
) -> Result<Log<StdDisk>, Box<dyn Error>> {
    let partition = TopicPartition { topic: topic.to_owned(), partition: 0 };
    Ok(directory.open_log(partition, Some(Uuid::from_u128(id)), config)?)
}

fn append(log: &mut Log<StdDisk>, batch: &Builder) -> Result<(), Box<dyn Error>> {
    let bytes = batch.finish();
    let (header, _) = batches(&bytes).next().ok_or("an empty batch")??;
    let appended = Appended {
        first: header.base_offset,
        last: header.last_offset(),
        max_timestamp: header.max_timestamp,
        offset_of_max_timestamp: header.last_offset(),
        epoch: header.leader_epoch,
    };
    Ok(log.append(&bytes, appended)?)
}

fn plain(directory: &Directory<StdDisk>) -> Result<Log<StdDisk>, Box<dyn Error>> {
    let config = Config { segment_bytes: 4_096, index_interval_bytes: 512, ..Config::default() };
    let mut log = log(directory, "rider-updates", 0x0b0e, config)?;
    let codecs = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
    for round in 0..60_i32 {
        let epoch = if round < 40 { 0 } else { 2 };
        let mut batch = Builder::new(log.end(), epoch);
        let codec = usize::try_from(round)? % codecs.len();
        batch.compressed(*codecs.get(codec).ok_or("no such codec")?);
        if round % 3 == 0 {
            batch.producer(4_000, 1, round * 2);
        }
        for at in 0..=round % 4 {
            let value = format!("{{\"name\":\"rider {round}\",\"location\":\"south {at}\"}}");
            let time = START + i64::from(round) * 1_000 + i64::from(at % 2);
            let headers: [(&[u8], Option<&[u8]>); 2] = [(b"trace", Some(b"1")), (b"trace", None)];
            batch.record(time, Some(b"location-update"), Some(value.as_bytes()), &headers);
        }
        append(&mut log, &batch)?;
    }
    let mut marker = Builder::new(log.end(), 2);
    marker.producer(4_000, 1, -1).transactional();
    marker.control(START + 70_000, ControlType::Commit, &[0, 0, 0, 0, 0, 0]);
    append(&mut log, &marker)?;
    log.store_snapshot(log.end(), b"opaque to the log")?;
    Ok(log)
}

fn compacted(directory: &Directory<StdDisk>) -> Result<Log<StdDisk>, Box<dyn Error>> {
    let config = Config {
        segment_bytes: 2_048,
        compact: true,
        delete: false,
        min_cleanable_dirty_ratio: 0.0,
        file_delete_delay_ms: 0,
        ..Config::default()
    };
    let mut log = log(directory, "compacted", 0xc0de, config)?;
    for round in 0..100_i64 {
        let mut batch = Builder::new(log.end(), 0);
        let key = format!("rider-{}", round % 8);
        let value = format!("round {round}");
        let value = (round % 16 != 15).then_some(value.as_bytes());
        batch.record(START + round, Some(key.as_bytes()), value, &[]);
        append(&mut log, &batch)?;
    }
    let bounds = Bounds {
        now: START + 1_000_000,
        upto: i64::MAX,
        producers: BTreeMap::new(),
        key_bytes: 1 << 20,
        load: 0.9,
        brake: None,
    };
    log.compact(bounds)?;
    Ok(log)
}
