//! Reads return exactly the bytes appended, whatever the limits, the rolls and the restarts.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[cfg(test)]
mod common;

use common::{append, batch, open, read_all, small, try_append};
use kastellan_core::log::{Log as _, LogError};
use kastellan_log::{Config, Disk as _, disk::MemoryDisk};

#[test]
fn everything_appended_is_read_back_byte_for_byte_across_segments() {
    let disk = MemoryDisk::new(1);
    let (directory, mut log) = open(&disk, &small());
    let mut all = Vec::new();
    for count in 0..100 {
        all.extend(append(&mut log, 0, 1 + count % 5));
    }
    assert!(log.segment_count() > 5);
    for max_bytes in [1, 100, 1_000, 1 << 20] {
        assert_eq!(read_all(&log, max_bytes), all);
    }
    let end = log.end();
    directory.close([log]).unwrap();
    let (_directory, log) = open(&disk, &small());
    assert_eq!(log.recovery().scanned_bytes, 0, "a clean log was scanned");
    assert_eq!((log.start(), log.end()), (0, end));
    assert_eq!(read_all(&log, 300), all);
}

#[test]
fn a_log_goes_on_where_it_was_closed() {
    let disk = MemoryDisk::new(1);
    let mut all = Vec::new();
    for round in 0..20 {
        let (directory, mut log) = open(&disk, &small());
        for _ in 0..round {
            all.extend(append(&mut log, round, 2));
        }
        assert_eq!(read_all(&log, 4_000), all);
        directory.close([log]).unwrap();
    }
}

#[test]
fn an_empty_log_costs_a_directory_and_nothing_else() {
    let disk = MemoryDisk::new(1);
    let (_directory, log) = open(&disk, &Config::default());
    assert_eq!(disk.list(log.dir()).unwrap(), []);
    assert_eq!((log.start(), log.end(), log.latest_epoch()), (0, 0, -1));
    assert!(log.read(0, 0, 100, true).unwrap().is_empty());
    assert!(matches!(log.read(1, 1, 100, true), Err(LogError::OutOfRange { .. })));
}

#[test]
fn a_reader_gets_batches_below_until_only() {
    let disk = MemoryDisk::new(1);
    let (_directory, mut log) = open(&disk, &small());
    let batches: Vec<_> = (0..60).map(|_| append(&mut log, 0, 10)).collect();
    for from in [0, 5, 10, 123, 590] {
        for until in [from + 1, from + 10, from + 11, 400, 600] {
            // whole batches that hold `from` or lie behind it, and end at or before `until`
            let whole: Vec<u8> = (from / 10..until / 10)
                .flat_map(|at| batches[usize::try_from(at).unwrap()].clone())
                .collect();
            let slice = log.read(from, until, usize::MAX, true).unwrap().to_vec().unwrap();
            assert!(whole.starts_with(&slice), "{from}..{until}");
            assert_eq!(slice.is_empty(), whole.is_empty(), "{from}..{until}");
        }
    }
}

#[test]
fn the_first_batch_comes_whole_when_asked_for() {
    let disk = MemoryDisk::new(1);
    let (_directory, mut log) = open(&disk, &small());
    let first = append(&mut log, 0, 5);
    append(&mut log, 0, 5);
    assert_eq!(log.read(0, 10, 10, true).unwrap().to_vec().unwrap(), first);
    assert_eq!(log.read(0, 10, 10, false).unwrap().to_vec().unwrap(), first[..10]);
    assert!(log.read(0, 10, 0, false).unwrap().is_empty());
}

#[test]
fn several_batches_in_one_append_are_one_write() {
    let disk = MemoryDisk::new(1);
    let (_directory, mut log) = open(&disk, &Config::default());
    append(&mut log, 0, 1);
    let before = disk.operations();
    let mut bytes = batch(1, 0, 3, 5);
    bytes.extend(batch(4, 0, 2, 9));
    try_append(&mut log, &bytes).unwrap();
    assert_eq!(disk.operations() - before, 1);
    assert_eq!(log.end(), 6);
}

#[test]
fn an_append_that_does_not_fit_the_end_is_refused() {
    let disk = MemoryDisk::new(1);
    let (_directory, mut log) = open(&disk, &small());
    append(&mut log, 0, 3);
    let refused = try_append(&mut log, &batch(2, 0, 1, 5));
    assert_eq!(refused, Err(LogError::OutOfRange { offset: 2, start: 0, end: 3 }));
}

#[test]
fn segments_roll_by_time_index_size_and_relative_offset() {
    for config in [
        Config { segment_ms: 10, ..Config::default() },
        Config { segment_index_bytes: 24, index_interval_bytes: 1, ..Config::default() },
        Config { segment_bytes: 100, ..Config::default() },
    ] {
        let disk = MemoryDisk::new(1);
        let (_directory, mut log) = open(&disk, &config);
        for _ in 0..50 {
            append(&mut log, 0, 1);
        }
        assert!(log.segment_count() > 3, "{config:?}");
        assert_eq!(read_all(&log, 1_000).len() as u64, log.size());
    }
}

#[test]
fn closing_what_did_not_change_writes_nothing_into_its_directory() {
    let disk = MemoryDisk::new(1);
    let (directory, mut log) = open(&disk, &small());
    let all: Vec<u8> = (0..30).flat_map(|_| append(&mut log, 0, 2)).collect();
    directory.close([log]).unwrap();
    let (directory, log) = open(&disk, &small());
    let before = disk.operations();
    log.close().unwrap();
    assert_eq!(disk.operations(), before);
    directory.close([]).unwrap();
    let (_directory, log) = open(&disk, &small());
    assert_eq!(log.recovery().scanned_bytes, 0);
    assert_eq!(read_all(&log, 500), all);
}
