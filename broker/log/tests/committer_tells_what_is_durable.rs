//! The committer: what it says is durable survives any crash, and one failed sync ends it all.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[cfg(test)]
mod common;

use std::sync::mpsc;

use common::{append, open, read_all, small, try_append};
use kastellan_core::log::{Log as _, LogError};
use kastellan_log::{
    Committer, Pace,
    disk::{Faults, MemoryDisk},
};

#[test]
fn what_was_committed_survives_every_crash() {
    for seed in 0..100 {
        let disk = MemoryDisk::new(seed);
        let (directory, mut log) = open(&disk, &small());
        let (done, durable) = mpsc::channel();
        let committer = Committer::start(&directory, Pace::default(), move |end| {
            drop(done.send(end));
        })
        .unwrap();
        let mut all = Vec::new();
        for _ in 0..20 {
            all.extend(append(&mut log, 0, 3));
        }
        committer.commit(1, log.take_unsynced().unwrap().unwrap());
        let end = durable.recv().unwrap();
        assert_eq!(end.key, 1);
        assert_eq!(log.synced(end.outcome.unwrap()), 60);
        append(&mut log, 0, 3);
        drop((committer, log, directory));
        disk.crash();
        let (_directory, log) = open(&disk, &small());
        assert!(log.end() >= 60, "seed {seed}: {}", log.end());
        assert!(read_all(&log, 500).starts_with(&all), "seed {seed}");
    }
}

#[test]
fn commits_handed_in_together_all_get_an_answer() {
    let disk = MemoryDisk::new(1);
    let (directory, mut log) = open(&disk, &small());
    let (done, durable) = mpsc::channel();
    let pace = Pace { threads: 3, dirty_bytes: 10 };
    let committer = Committer::start(&directory, pace, move |end| drop(done.send(end))).unwrap();
    for _ in 0..50 {
        append(&mut log, 0, 1);
        if let Some(range) = log.take_write_back(100) {
            committer.write_back(range);
        }
        committer.commit(9, log.take_unsynced().unwrap().unwrap());
    }
    while log.durable_end() < log.end() {
        log.synced(durable.recv().unwrap().outcome.unwrap());
    }
    drop(committer);
    assert!(log.take_unsynced().unwrap().is_none());
}

#[test]
fn a_failed_sync_poisons_the_directory_and_is_never_tried_again() {
    let disk = MemoryDisk::new(1);
    let (directory, mut log) = open(&disk, &small());
    append(&mut log, 0, 1);
    let first = log.take_unsynced().unwrap().unwrap();
    append(&mut log, 0, 1);
    let second = log.take_unsynced().unwrap().unwrap();
    disk.set_faults(Faults { syncs_until_failure: Some(0), ..Faults::default() });
    let (done, durable) = mpsc::channel();
    let committer =
        Committer::start(&directory, Pace::default(), move |end| drop(done.send(end))).unwrap();
    committer.commit(1, first);
    assert!(matches!(durable.recv().unwrap().outcome, Err(LogError::Poisoned(_))));
    let syncs = disk.syncs();
    committer.commit(1, second);
    assert!(matches!(durable.recv().unwrap().outcome, Err(LogError::Poisoned(_))));
    assert_eq!(disk.syncs(), syncs, "a sync was tried again after one had failed");
    assert!(directory.poisoned().is_some());
    let bytes = common::batch(2, 0, 1, 5);
    assert!(matches!(try_append(&mut log, &bytes), Err(LogError::Poisoned(_))));
    assert!(matches!(log.flush(), Err(LogError::Poisoned(_))));
    assert!(!log.read(0, 2, 100, true).unwrap().is_empty(), "reads go on");
    drop(committer);
    assert!(directory.close([log]).is_err(), "a poisoned directory closed as clean");
    assert!(!common::directory(&disk, common::ROOT).was_clean());
}
