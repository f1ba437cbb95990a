//! Readers that look without the log while it rolls, expires and closes files see what was
//! appended, and always make progress.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests"
)]

#[cfg(test)]
mod common;

use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use common::{append, partition, properties};
use kastellan_core::log::{Log as _, LogError};
use kastellan_log::{Budget, Config, Directory, Log, Resolved, StdDisk};
use kastellan_protocol::batch::{batches, check_crc};

/// Reads on from `from` as a consumer does; returns how many batches it saw.
fn follow(log: &Mutex<Log<StdDisk>>, done: &AtomicBool, max_bytes: usize) -> usize {
    let (mut from, mut seen) = (0, 0);
    loop {
        let last_round = done.load(Ordering::SeqCst);
        let located = {
            let log = log.lock().unwrap();
            match log.locate(from, log.end(), max_bytes, true) {
                Ok(located) => located,
                Err(LogError::OutOfRange { start, .. }) => {
                    from = start;
                    continue;
                }
                Err(error) => panic!("{error}"),
            }
        };
        let Some(located) = located else {
            if last_round {
                return seen;
            }
            thread::yield_now();
            continue;
        };
        let Resolved::Slice(slice) = located.resolve().unwrap() else {
            panic!("a gap without compaction")
        };
        let bytes = slice.to_vec().unwrap();
        assert_eq!(bytes.len(), slice.len, "cut short at {from}");
        let before = from;
        for batch in batches(&bytes) {
            let (header, raw) = batch.unwrap();
            assert!(header.base_offset <= from && header.last_offset() >= from);
            assert!(check_crc(raw), "torn at {from}");
            from = header.next_offset();
            seen += 1;
        }
        assert!(from > before, "no progress at {from}");
    }
}

#[test]
fn consumers_at_every_speed_see_every_batch() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rolling");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).unwrap();
    }
    // three files open at most: readers and the writer take them from each other
    let budget = Budget { open_files: 3, pinned_files: 2, index_bytes: 200 };
    let directory = Directory::open(StdDisk, &dir, properties(), budget).unwrap();
    let config = Config {
        segment_bytes: 4_000,
        index_interval_bytes: 300,
        retention_bytes: 60_000,
        file_delete_delay_ms: 0,
        ..Config::default()
    };
    let log = Mutex::new(directory.open_log(partition(), None, config).unwrap());
    let done = AtomicBool::new(false);
    let total = 4_000;
    thread::scope(|scope| {
        let readers = [1, 700, 5_000, 1 << 20].map(|max_bytes| {
            scope.spawn({
                let (log, done) = (&log, &done);
                move || follow(log, done, max_bytes)
            })
        });
        for round in 0..total {
            append(&mut log.lock().unwrap(), 0, 1 + round % 3);
            if round % 100 == 0 {
                let checkpoints = {
                    let mut log = log.lock().unwrap();
                    log.flush().unwrap();
                    let end = log.end();
                    log.expire(0, end).unwrap();
                    log.checkpoints()
                };
                directory.write_checkpoints(&[checkpoints]).unwrap();
                log.lock().unwrap().remove_expired(1).unwrap();
            }
        }
        done.store(true, Ordering::SeqCst);
        for reader in readers {
            assert!(reader.join().unwrap() > 10);
        }
    });
    let log = log.into_inner().unwrap();
    assert!(log.start() > 0 && log.segment_count() > 3);
}
