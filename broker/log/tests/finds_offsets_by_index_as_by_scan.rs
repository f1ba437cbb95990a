//! Lookups through the indexes find what a scan of everything finds, for any batches.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[cfg(test)]
mod common;

use common::{open, small, try_append};
use kastellan_core::log::Log as _;
use kastellan_log::{Config, Log, Timed, disk::MemoryDisk};
use kastellan_protocol::{
    batch::{Builder, Scratch, batches},
    compression::Codec,
};
use proptest::prelude::*;

/// One batch: the timestamps of its records, and whether it is compressed.
type Batch = (Vec<i64>, bool);

fn batch() -> impl Strategy<Value = Batch> {
    (prop::collection::vec(-1..500_i64, 1..6), any::<bool>())
}

fn append(log: &mut Log<MemoryDisk>, (times, compressed): &Batch) -> Vec<Timed> {
    let (base, mut builder) = (log.end(), Builder::new(log.end(), 0));
    if *compressed {
        builder.compressed(Codec::Gzip);
    }
    let mut records = Vec::new();
    for (offset, timestamp) in (base..).zip(times) {
        builder.record(*timestamp, None, Some(&[7; 30]), &[]);
        records.push(Timed { offset, timestamp: *timestamp, epoch: 0 });
    }
    try_append(log, &builder.finish()).unwrap();
    records
}

fn check(log: &Log<MemoryDisk>, all: &[Timed]) {
    let mut scratch = Scratch::default();
    let readable: Vec<_> = all.iter().filter(|record| record.offset >= log.start()).collect();
    for record in &readable {
        let slice = log.read(record.offset, log.end(), 1, true).unwrap().to_vec().unwrap();
        let (header, _) = batches(&slice).next().unwrap().unwrap();
        assert!((header.base_offset..=header.last_offset()).contains(&record.offset));
    }
    for timestamp in [0, 1, 50, 250, 400, 499, 500] {
        let expected = readable.iter().find(|record| record.timestamp >= timestamp);
        let found = log.offset_for_time(timestamp, &mut scratch).unwrap();
        assert_eq!(found.as_ref(), expected.copied(), "first since {timestamp}");
    }
    // the largest timestamp is that of its segment's first batch to have it
    let newest = readable.iter().map(|record| record.timestamp).max().filter(|newest| *newest >= 0);
    if log.start() == 0 {
        let expected = newest.and_then(|newest| all.iter().find(|r| r.timestamp == newest));
        assert_eq!(log.offset_of_max_timestamp(&mut scratch).unwrap().as_ref(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_offset_and_time_is_found(
        sizes in prop::collection::vec(batch(), 1..120),
        start in 0..60_i64,
    ) {
        let disk = MemoryDisk::new(1);
        let config = Config { index_interval_bytes: 150, ..small() };
        let (directory, mut log) = open(&disk, &config);
        let all: Vec<Timed> = sizes.iter().flat_map(|batch| append(&mut log, batch)).collect();
        check(&log, &all);
        directory.close([log]).unwrap();
        let (_directory, mut log) = open(&disk, &config);
        check(&log, &all);
        log.advance_start(start.min(log.end())).unwrap();
        check(&log, &all);
        let end = log.end() * 2 / 3;
        log.truncate(end.max(log.start())).unwrap();
        let left = all.iter().copied().filter(|record| record.offset < log.end());
        let left: Vec<Timed> = left.collect();
        check(&log, &left);
    }
}
