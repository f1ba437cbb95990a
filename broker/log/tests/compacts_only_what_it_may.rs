//! What a compaction leaves alone, refuses, and gives up: unchanged segments, damage, transactions,
//! full disks, and everything that has not waited long enough.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[cfg(test)]
mod common;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use common::{directory, open, partition, read_all, small, try_append};
use kastellan_core::log::{Log as _, LogError};
use kastellan_log::{
    Bounds, Brake, Config, Disk as _, File as _, Log, Turn,
    disk::{Faults, MemoryDisk, Open},
};
use kastellan_protocol::batch::{Builder, batches};

fn config() -> Config {
    Config {
        compact: true,
        delete: false,
        min_cleanable_dirty_ratio: 0.0,
        file_delete_delay_ms: 0,
        ..small()
    }
}

fn bounds(now: i64) -> Bounds {
    Bounds {
        now,
        upto: i64::MAX,
        producers: BTreeMap::new(),
        key_bytes: 1 << 20,
        load: 0.9,
        brake: None,
    }
}

fn put(log: &mut Log<MemoryDisk>, timestamp: i64, key: &str) {
    let mut batch = Builder::new(log.end(), 0);
    batch.record(timestamp, Some(key.as_bytes()), Some(&[7; 100]), &[]);
    try_append(log, &batch.finish()).unwrap();
}

/// Keys that come once, and then the same number of those that come again.
fn fill(log: &mut Log<MemoryDisk>) {
    for at in 0..60 {
        put(log, at, &format!("once {at}"));
    }
    for at in 60..120 {
        put(log, at, &format!("again {}", at % 3));
    }
}

#[test]
fn a_segment_that_loses_nothing_is_not_written_again() {
    let disk = MemoryDisk::new(1);
    let (directory, mut log) = open(&disk, &config());
    // so full that no two segments fit into one
    fill(&mut log);
    log.flush().unwrap();
    directory.checkpoint([&log]).unwrap();
    let before = read_all(&log, 700);
    let mut compaction = log.begin_compaction(bounds(1_000)).unwrap().unwrap();
    while compaction.work().unwrap() == Turn::Log {
        log.take_up(&mut compaction).unwrap();
    }
    let done = compaction.outcome();
    let closed = log.segment_count() - 1;
    assert!(done.complete && done.segments > 2 && done.segments <= closed / 2 + 1, "{done:?}");
    assert!(done.written < before.len() as u64 / 4 && done.freed > 0, "{done:?}");
    let after = read_all(&log, 700);
    assert!(after.len() < before.len() && after[..8_000] == before[..8_000]);
}

#[test]
fn damage_is_told_and_not_given_a_new_checksum() {
    let disk = MemoryDisk::new(1);
    let (directory, mut log) = open(&disk, &config());
    fill(&mut log);
    log.flush().unwrap();
    let before = read_all(&log, 700);
    let file = disk.open(&log.dir().join("00000000000000000000.log"), Open::Write).unwrap();
    file.write_at(&[0x55], 90).unwrap();
    let told = log.compact(bounds(1_000)).unwrap_err();
    assert!(matches!(&told, LogError::Unreadable(why) if why.contains("CRC")), "{told}");
    assert!(directory.poisoned().is_none(), "one log's damage took the directory offline");
    file.write_at(&before[90..91], 90).unwrap();
    assert_eq!(read_all(&log, 700), before);
    assert!(log.compact(bounds(1_000)).unwrap());
}

#[test]
fn a_log_with_transactions_is_left_as_it_is() {
    let disk = MemoryDisk::new(1);
    let (_directory, mut log) = open(&disk, &config());
    let mut batch = Builder::new(0, 0);
    batch.producer(4, 0, 0).transactional().record(1, Some(b"key"), Some(b"x"), &[]);
    try_append(&mut log, &batch.finish()).unwrap();
    fill(&mut log);
    let before = read_all(&log, 700);
    let told = log.compact(bounds(1_000)).unwrap_err();
    assert!(matches!(&told, LogError::Unreadable(why) if why.contains("transactions")), "{told}");
    assert_eq!(read_all(&log, 700), before);
}

#[test]
fn a_full_disk_ends_the_compaction_and_nothing_else() {
    let disk = MemoryDisk::new(1);
    let (directory, mut log) = open(&disk, &config());
    fill(&mut log);
    log.flush().unwrap();
    directory.checkpoint([&log]).unwrap();
    let before = read_all(&log, 700);
    let mut compaction = log.begin_compaction(bounds(1_000)).unwrap().unwrap();
    disk.set_faults(Faults { capacity: Some(10), ..Faults::default() });
    let told = compaction.work().unwrap_err();
    assert!(matches!(told, LogError::Unreadable(_)), "{told}");
    disk.set_faults(Faults::default());
    assert!(directory.poisoned().is_none());
    let left = disk.list(log.dir()).unwrap();
    assert!(left.iter().all(|entry| !entry.name.ends_with(".cleaned")), "{left:?}");
    assert_eq!(read_all(&log, 700), before);
    assert!(log.compact(bounds(1_000)).unwrap());
    assert!(log.size() < before.len() as u64);
}

#[test]
fn a_record_that_waits_too_long_is_compacted_whatever_the_ratio_says() {
    let disk = MemoryDisk::new(1);
    let config = Config { min_cleanable_dirty_ratio: 1.0, ..config() };
    let (_directory, mut log) = open(&disk, &config);
    fill(&mut log);
    assert_eq!(log.dirtiness(1_000, i64::MAX).unwrap(), None, "the ratio is never above 1");
    log.set_config(Config { max_compaction_lag_ms: 900, ..config.clone() });
    // the oldest dirty batch counts, not the newest
    assert_eq!(log.dirtiness(900, i64::MAX).unwrap(), None);
    let dirt = log.dirtiness(1_000, i64::MAX).unwrap().unwrap();
    assert_eq!((dirt.overdue_ms, dirt.ratio.to_bits()), (100, 1.0_f64.to_bits()));
    log.set_config(Config { compact: false, max_compaction_lag_ms: 900, ..config });
    assert_eq!(log.dirtiness(1_000, i64::MAX).unwrap(), None, "it is not to be compacted");
}

/// Lets so many bytes pass.
#[derive(Debug)]
struct Few(AtomicU64);

impl Brake for Few {
    fn spent(&self, bytes: u64) -> bool {
        self.0.fetch_sub(bytes.min(self.0.load(Ordering::Relaxed)), Ordering::Relaxed) > bytes
    }
}

#[test]
fn a_compaction_that_is_told_to_stop_leaves_what_it_found() {
    for few in [0, 500, 5_000, 12_000, 18_000, 25_000] {
        let disk = MemoryDisk::new(1);
        let (directory, mut log) = open(&disk, &config());
        fill(&mut log);
        log.flush().unwrap();
        directory.checkpoint([&log]).unwrap();
        let brake = std::sync::Arc::new(Few(AtomicU64::new(few)));
        let bounds = Bounds { brake: Some(brake), ..bounds(1_000) };
        let mut compaction = log.begin_compaction(bounds).unwrap().unwrap();
        while compaction.work().unwrap() == Turn::Log {
            log.take_up(&mut compaction).unwrap();
        }
        assert!(!compaction.outcome().complete);
        let left = disk.list(log.dir()).unwrap();
        let staged = |name: &str| {
            let stage = name.rsplit('.').next();
            stage == Some("cleaned") || stage == Some("swap")
        };
        assert!(left.iter().all(|entry| !staged(&entry.name)), "{few}: {left:?}");
        assert!(log.first_dirty() == 0, "what was not seen was noted as clean");
        let last = batches(&read_all(&log, 700)).last().unwrap().unwrap().0;
        assert_eq!(last.next_offset(), 120);
    }
}

#[test]
fn a_compaction_that_outlives_its_log_touches_nothing_of_the_next_one() {
    for turns in 0..5 {
        let disk = MemoryDisk::new(1);
        let (dir, mut log) = open(&disk, &config());
        fill(&mut log);
        log.flush().unwrap();
        dir.checkpoint([&log]).unwrap();
        let mut compaction = log.begin_compaction(bounds(1_000)).unwrap().unwrap();
        for _ in 0..turns {
            assert_eq!(compaction.work().unwrap(), Turn::Log);
            log.take_up(&mut compaction).unwrap();
        }
        dir.delete_log(log).unwrap();
        let mut log = dir.open_log(partition(), None, config()).unwrap();
        put(&mut log, 1, "another log");
        let held = read_all(&log, 700);
        let before = disk.list(log.dir()).unwrap();
        while compaction.work().unwrap() == Turn::Log {
            log.take_up(&mut compaction).unwrap();
        }
        assert!(!compaction.outcome().complete);
        assert!(dir.poisoned().is_none(), "a topic was deleted, and the directory is offline");
        assert_eq!(disk.list(log.dir()).unwrap(), before, "after {turns} turns");
        drop((log, dir));
        disk.kill();
        let dir = directory(&disk, common::ROOT);
        let log = dir.open_log(partition(), None, config()).unwrap();
        assert_eq!(read_all(&log, 700), held);
    }
}

#[test]
fn a_log_that_is_compacted_no_more_keeps_what_it_has() {
    let disk = MemoryDisk::new(1);
    let (directory, mut log) = open(&disk, &config());
    fill(&mut log);
    log.flush().unwrap();
    directory.checkpoint([&log]).unwrap();
    let mut compaction = log.begin_compaction(bounds(1_000)).unwrap().unwrap();
    assert_eq!(compaction.work().unwrap(), Turn::Log);
    let before = read_all(&log, 700);
    log.set_config(Config { compact: false, delete: true, ..config() });
    while compaction.work().unwrap() == Turn::Log {
        log.take_up(&mut compaction).unwrap();
    }
    assert_eq!(read_all(&log, 700), before);
    log.set_config(config());
    assert!(log.compact(bounds(1_000)).unwrap(), "and back again");
    assert!(read_all(&log, 700).len() < before.len());
}
