//! What compaction costs: fills a log with dirty records, compacts it, and says how many bytes per
//! second of CPU time that took.
//!
//! `cargo run --release -p kastellan-log --example compact -- DIR [MIB]`, on an empty directory.
//! Every key is written four times on the average, in batches of about 64 KiB.

use std::{collections::BTreeMap, error::Error, io::Write as _, path::Path, time::Instant};

use kastellan_core::{
    id::TopicPartition,
    log::{Appended, Log as _},
};
use kastellan_log::{Bounds, Budget, Config, Directory, Log, Properties, StdDisk, Turn};
use kastellan_protocol::{
    batch::{Builder, batches},
    compression::Codec,
};
use uuid::Uuid;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().ok_or("usage: compact DIR [MIB]")?;
    let mib = arguments.next().map_or(Ok(256), |mib| mib.parse::<u64>())?;
    let properties = Properties {
        cluster_id: "5L6g3nShT-eMCtK--X86sw".to_owned(),
        node_id: 1,
        directory_id: Uuid::from_u128(1),
    };
    let directory = Directory::open(StdDisk, Path::new(&dir), properties, Budget::default())?;
    for (partition, (size, codec)) in (0..).zip([
        (100, Codec::None),
        (1_000, Codec::None),
        (1_000, Codec::Lz4),
        (1_000, Codec::Zstd),
    ]) {
        let partition = TopicPartition { topic: "dirty".to_owned(), partition };
        let config = Config {
            compact: true,
            min_cleanable_dirty_ratio: 0.0,
            segment_bytes: 64 << 20,
            ..Config::default()
        };
        let mut log = directory.open_log(partition, None, config)?;
        let records = fill(&mut log, mib << 20, size, codec)?;
        measure(&directory, log, &format!("{records} records of {size} bytes, {codec}"))?;
    }
    Ok(())
}

/// Appends until the log has `bytes`; returns how many records that took.
fn fill(
    log: &mut Log<StdDisk>,
    bytes: u64,
    size: usize,
    codec: Codec,
) -> Result<u64, Box<dyn Error>> {
    let (mut state, mut records) = (1_u64, 0);
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let keys = bytes / size as u64 / 4;
    let mut value = vec![0; size];
    while log.size() < bytes {
        let mut batch = Builder::new(log.end(), 0);
        batch.compressed(codec);
        while batch.size() < 64 << 10 {
            // half of it says nothing new, as text does
            for chunk in value.chunks_mut(16) {
                for (byte, new) in chunk.iter_mut().zip(random().to_le_bytes()) {
                    *byte = new;
                }
            }
            let key = (random() % keys).to_be_bytes();
            batch.record(1_700_000_000_000, Some(&key), Some(&value), &[]);
            records += 1;
        }
        let batch = batch.finish();
        let (header, _) = batches(&batch).next().ok_or("an empty batch")??;
        let appended = Appended {
            first: header.base_offset,
            last: header.last_offset(),
            max_timestamp: header.max_timestamp,
            offset_of_max_timestamp: header.last_offset(),
            epoch: header.leader_epoch,
        };
        log.append(&batch, appended)?;
    }
    Ok(records)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn measure(
    directory: &Directory<StdDisk>,
    mut log: Log<StdDisk>,
    what: &str,
) -> Result<(), Box<dyn Error>> {
    log.flush()?;
    directory.checkpoint([&log])?;
    let bounds = Bounds {
        now: 1_700_000_000_000,
        upto: i64::MAX,
        producers: BTreeMap::new(),
        key_bytes: 128 << 20,
        load: 0.9,
        brake: None,
    };
    let (began, before, dirty) = (Instant::now(), cpu(), log.size());
    let mut compaction = log.begin_compaction(bounds)?.ok_or("nothing to compact")?;
    while compaction.work()? == Turn::Log {
        log.take_up(&mut compaction)?;
    }
    let (took, cpu, done) = (began.elapsed().as_secs_f64(), cpu() - before, compaction.outcome());
    let mib = dirty as f64 / f64::from(1 << 20);
    writeln!(
        std::io::stdout(),
        "{what}: {mib:.0} MiB dirty, {:.0} MiB left, {:.2} s CPU per GB, {:.0} MB/s of CPU time, \
         {took:.1} s on the clock, complete: {}",
        log.size() as f64 / f64::from(1 << 20),
        cpu * 1e9 / dirty as f64,
        dirty as f64 / 1e6 / cpu,
        done.complete,
    )?;
    Ok(())
}

/// Seconds that this program's one thread has spent, in the kernel too; 0 where nobody tells.
fn cpu() -> f64 {
    let told = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|spent| spent.parse::<f64>().ok());
    nanoseconds.unwrap_or(0.0) / 1e9
}
