//! Compaction keeps the last record of every key, lets tombstones be seen and then go, bounds its
//! memory, and survives a crash at each of its steps.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[cfg(test)]
mod common;

use std::collections::BTreeMap;

use common::{open, read_all, small, try_append};
use kastellan_core::log::Log as _;
use kastellan_log::{
    Bounds, Config, Log, Turn,
    disk::{Faults, MemoryDisk},
};
use kastellan_protocol::batch::{Builder, Scratch, batches, for_each_record};

type Record = (i64, Vec<u8>, Option<Vec<u8>>);
type Values = BTreeMap<Vec<u8>, (i64, Option<Vec<u8>>)>;

fn config() -> Config {
    Config {
        compact: true,
        delete: false,
        min_cleanable_dirty_ratio: 0.0,
        delete_retention_ms: 1_000,
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

/// Appends one batch of `key -> value` records; `None` deletes.
fn put(log: &mut Log<MemoryDisk>, records: &[(&str, Option<&str>)]) {
    let mut batch = Builder::new(log.end(), 0);
    for (key, value) in records {
        let headers: [(&[u8], Option<&[u8]>); 2] = [(b"h", Some(b"1")), (b"h", None)];
        batch.record(log.end(), Some(key.as_bytes()), value.map(str::as_bytes), &headers);
    }
    try_append(log, &batch.finish()).unwrap();
}

/// All records in offset order, as (offset, key, value).
fn records(log: &Log<MemoryDisk>) -> Vec<Record> {
    let mut all = Vec::new();
    let mut scratch = Scratch::default();
    let bytes = read_all(log, 600);
    for batch in batches(&bytes) {
        for_each_record(batch.unwrap().1, &mut scratch, |record| {
            assert_eq!(record.headers().count(), 2, "repeated headers were lost");
            let value = record.value.map(<[u8]>::to_vec);
            all.push((record.offset, record.key.unwrap().to_vec(), value));
            Ok::<_, kastellan_protocol::batch::Malformed>(())
        })
        .unwrap();
    }
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0), "offsets do not ascend");
    all
}

/// What a reader of the whole log ends up with; deleted keys are left out.
fn values(log: &Log<MemoryDisk>) -> Values {
    let mut values = Values::new();
    for (offset, key, value) in records(log) {
        values.insert(key, (offset, value));
    }
    values.retain(|_, (_, value)| value.is_some());
    values
}

fn fill(log: &mut Log<MemoryDisk>, rounds: usize) {
    for round in 0..rounds {
        for key in 0..10 {
            let (key, value) = (format!("key-{key}"), format!("value {round}"));
            put(log, &[(&key, Some(&value)), ("hot", Some(&value))]);
        }
    }
}

#[test]
fn the_last_value_of_every_key_stays_and_older_ones_go() {
    let disk = MemoryDisk::new(1);
    let (directory, mut log) = open(&disk, &config());
    fill(&mut log, 20);
    let (before, end, size) = (values(&log), log.end(), log.size());
    assert!(log.compact(bounds(0)).unwrap());
    assert_eq!(values(&log), before);
    assert_eq!((log.start(), log.end()), (0, end));
    assert!(log.size() < size / 3, "{} of {size} bytes are left", log.size());
    assert!(!log.compact(bounds(0)).unwrap(), "a clean log was compacted again");
    put(&mut log, &[("new", Some("x"))]);
    let (before, held) = (values(&log), records(&log));
    directory.close([log]).unwrap();
    let (_directory, log) = open(&disk, &config());
    assert_eq!((values(&log), records(&log)), (before, held));
    for from in 0..log.end() {
        let slice = log.read(from, log.end(), 1, true).unwrap();
        assert!(!slice.is_empty(), "nothing to read at {from}");
    }
}

#[test]
fn a_crash_after_compaction_finds_the_gaps_it_left_legitimate() {
    let disk = MemoryDisk::new(1);
    let (directory, mut log) = open(&disk, &config());
    fill(&mut log, 20);
    assert!(log.compact(bounds(0)).unwrap());
    fill(&mut log, 1);
    let held = records(&log);
    drop((log, directory));
    disk.kill();
    let (_directory, log) = open(&disk, &config());
    assert_eq!(records(&log), held);
}

#[test]
fn a_tombstone_is_seen_until_its_horizon_and_then_goes() {
    let disk = MemoryDisk::new(1);
    let (_directory, mut log) = open(&disk, &config());
    put(&mut log, &[("gone", Some("x")), ("kept", Some("y"))]);
    put(&mut log, &[("gone", None)]);
    fill(&mut log, 3);
    let tombstones =
        |log: &Log<MemoryDisk>| records(log).iter().filter(|(_, key, _)| key == b"gone").count();
    assert!(log.compact(bounds(10_000)).unwrap());
    assert_eq!(tombstones(&log), 1, "the tombstone is there, the value not");
    fill(&mut log, 3);
    assert!(log.compact(bounds(10_999)).unwrap());
    assert_eq!(tombstones(&log), 1);
    fill(&mut log, 3);
    assert!(log.compact(bounds(11_000)).unwrap());
    assert_eq!(tombstones(&log), 0);
    assert!(values(&log).contains_key(b"kept".as_slice()));
    // timestamps survived the delete horizon in the header
    let found = log.offset_for_time(0, &mut Scratch::default()).unwrap().unwrap();
    assert_eq!((found.offset, found.timestamp), (1, 0));
}

#[test]
fn the_active_segment_and_what_lies_behind_the_bound_stay() {
    let disk = MemoryDisk::new(1);
    let (_directory, mut log) = open(&disk, &config());
    fill(&mut log, 10);
    let held = records(&log);
    assert!(log.compact(Bounds { upto: 100, ..bounds(0) }).unwrap());
    let left = records(&log);
    let behind = |records: &[Record]| {
        records.iter().filter(|(offset, ..)| *offset >= 100).cloned().collect::<Vec<_>>()
    };
    assert_eq!(behind(&left), behind(&held));
    assert!(left.len() < held.len());
}

#[test]
fn little_memory_means_more_rounds_and_the_same_result() {
    let disk = MemoryDisk::new(1);
    let (_directory, mut log) = open(&disk, &config());
    fill(&mut log, 12);
    let before = values(&log);
    let mut rounds = 0;
    while log.compact(Bounds { key_bytes: 300, ..bounds(0) }).unwrap() {
        rounds += 1;
        assert_eq!(values(&log), before);
        assert!(rounds < 200);
    }
    assert!(rounds > 5, "{rounds}");
    // what the last round left is what one large round leaves
    let other = MemoryDisk::new(1);
    let (_other_directory, mut large) = open(&other, &config());
    fill(&mut large, 12);
    assert!(large.compact(bounds(0)).unwrap());
    let closed = |log: &Log<MemoryDisk>| records(log).len();
    assert_eq!(closed(&log), closed(&large));
}

#[test]
fn the_ratio_and_the_lag_decide_when() {
    let disk = MemoryDisk::new(1);
    let (_directory, mut log) = open(&disk, &config());
    fill(&mut log, 10);
    assert!(log.compact(bounds(0)).unwrap());
    fill(&mut log, 1);
    log.set_config(Config { min_cleanable_dirty_ratio: 0.9, ..config() });
    assert!(!log.compact(bounds(1_000)).unwrap());
    log.set_config(Config {
        min_cleanable_dirty_ratio: 0.9,
        max_compaction_lag_ms: 100,
        ..config()
    });
    assert!(log.compact(bounds(1_000)).unwrap());
    fill(&mut log, 5);
    log.set_config(Config { min_compaction_lag_ms: 1_000_000, ..config() });
    assert!(!log.compact(bounds(1_000)).unwrap());
    log.set_config(Config { compact: false, ..config() });
    assert!(!log.compact(bounds(i64::MAX)).unwrap());
}

#[test]
fn the_last_batch_of_a_known_producer_stays_if_only_empty() {
    let disk = MemoryDisk::new(1);
    let (_directory, mut log) = open(&disk, &config());
    let mut batch = Builder::new(0, 0);
    batch.producer(77, 0, 5).record(1, Some(b"key-1"), Some(b"x"), &[(b"h", None), (b"h", None)]);
    try_append(&mut log, &batch.finish()).unwrap();
    fill(&mut log, 5);
    let producers = BTreeMap::from([(77, 0)]);
    assert!(log.compact(Bounds { producers, ..bounds(0) }).unwrap());
    let bytes = read_all(&log, 600);
    let (first, _) = batches(&bytes).next().unwrap().unwrap();
    assert_eq!((first.producer_id, first.base_sequence, first.count), (77, 5, 0));
}

#[test]
fn a_read_located_before_a_compaction_is_resolved_after_it() {
    let disk = MemoryDisk::new(1);
    let (directory, mut log) = open(&disk, &config());
    fill(&mut log, 20);
    directory.close([log]).unwrap();
    let (_directory, mut log) = open(&disk, &config());
    let cold = log.locate(5, log.end(), 10_000, true).unwrap().unwrap();
    let held = log.read(5, log.end(), 10_000, true).unwrap().to_vec().unwrap();
    let warm = log.locate(5, log.end(), 10_000, true).unwrap().unwrap();
    assert!(log.compact(bounds(0)).unwrap());
    for located in [cold, warm] {
        let kastellan_log::Resolved::Slice(slice) = located.resolve().unwrap() else {
            panic!("the old segment holds the offset");
        };
        assert_eq!(slice.to_vec().unwrap(), held);
    }
}

#[test]
fn a_compaction_is_given_up_when_the_log_changes_under_it() {
    for turns in 0..4 {
        let disk = MemoryDisk::new(1);
        let (directory, mut log) = open(&disk, &config());
        fill(&mut log, 10);
        log.flush().unwrap();
        directory.checkpoint([&log]).unwrap();
        let mut compaction = log.begin_compaction(bounds(0)).unwrap().unwrap();
        for _ in 0..turns {
            assert_eq!(compaction.work().unwrap(), Turn::Log);
            log.take_up(&mut compaction).unwrap();
        }
        log.truncate(100).unwrap();
        let held = records(&log);
        while compaction.work().unwrap() == Turn::Log {
            log.take_up(&mut compaction).unwrap();
        }
        assert!(!compaction.outcome().complete);
        assert_eq!(records(&log), held);
        drop((log, directory));
        disk.crash();
        let (_directory, log) = open(&disk, &config());
        assert_eq!(records(&log), held, "after {turns} turns");
    }
}

#[test]
fn a_crash_at_any_step_keeps_every_last_value() {
    let mut swapped = 0;
    for seed in 0..10 {
        let disk = MemoryDisk::new(seed);
        let (directory, mut log) = open(&disk, &config());
        put(&mut log, &[("gone", Some("x"))]);
        put(&mut log, &[("gone", None)]);
        fill(&mut log, 8);
        // the tombstone's horizon is in the past for the compaction under test
        assert!(log.compact(bounds(0)).unwrap());
        put(&mut log, &[("gone later", Some("x"))]);
        fill(&mut log, 4);
        put(&mut log, &[("gone later", None)]);
        fill(&mut log, 4);
        let expected = values(&log);
        directory.close([log]).unwrap();
        for step in 0.. {
            let disk = disk.fork(seed * 1_000 + step);
            let (directory, mut log) = open(&disk, &config());
            disk.set_faults(Faults { operations_until_power_cut: Some(step), ..Faults::default() });
            let size = log.size();
            let done = log.compact(bounds(50_000)).is_ok();
            drop((log, directory));
            disk.crash();
            let (directory, mut log) = open(&disk, &config());
            assert_eq!(values(&log), expected, "seed {seed}, step {step}");
            swapped += usize::from(log.size() < size && !done);
            fill(&mut log, 2);
            log.compact(bounds(90_000)).unwrap();
            let after = values(&log);
            assert_eq!(after.len(), expected.len(), "seed {seed}, step {step}: came back");
            drop(directory);
            if done {
                break;
            }
        }
    }
    assert!(swapped > 10, "no crash fell between the swap and its end");
}
