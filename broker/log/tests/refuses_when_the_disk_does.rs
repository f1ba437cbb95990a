//! A full or failing disk: the append fails, the directory is poisoned, reads go on, and a restart
//! with space serves exactly what was acknowledged.
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
use kastellan_log::disk::{Faults, MemoryDisk};
use kastellan_protocol::batch::Scratch;

/// Appends until the disk refuses; what was acknowledged before.
fn until_refused(faults: Faults) -> (MemoryDisk, Vec<u8>) {
    let disk = MemoryDisk::new(3);
    let (directory, mut log) = open(&disk, &small());
    let mut acknowledged: Vec<u8> = (0..5).flat_map(|_| append(&mut log, 0, 2)).collect();
    disk.set_faults(faults);
    let refused = loop {
        let bytes = batch(log.end(), 0, 2, 5);
        match try_append(&mut log, &bytes) {
            Ok(()) => acknowledged.extend(bytes),
            Err(error) => break error,
        }
    };
    assert!(matches!(&refused, LogError::Poisoned(why) if !why.is_empty()), "{refused}");
    assert_eq!(read_all(&log, 500), acknowledged, "reads go on");
    disk.set_faults(Faults::default());
    let bytes = batch(log.end(), 0, 2, 5);
    assert_eq!(try_append(&mut log, &bytes), Err(refused.clone()), "a poisoned log took a write");
    assert_eq!(directory.poisoned(), Some(refused.to_string().split_once(": ").unwrap().1));
    assert!(directory.close([log]).is_err());
    (disk, acknowledged)
}

#[test]
fn a_full_disk_ends_writes_at_any_byte_and_a_restart_has_all_that_was_acknowledged() {
    for capacity in (1_500..4_500).step_by(37) {
        let (disk, acknowledged) =
            until_refused(Faults { capacity: Some(capacity), ..Faults::default() });
        disk.kill();
        let (_directory, mut log) = open(&disk, &small());
        assert_eq!(read_all(&log, 500), acknowledged, "capacity {capacity}");
        append(&mut log, 0, 1);
    }
}

#[test]
fn a_failed_write_leaves_no_trace() {
    for writes in 0..60 {
        let faults = Faults { writes_until_failure: Some(writes), ..Faults::default() };
        let (disk, acknowledged) = until_refused(faults);
        disk.kill();
        let (_directory, log) = open(&disk, &small());
        assert_eq!(read_all(&log, 500), acknowledged, "write {writes}");
    }
}

#[test]
fn a_write_that_failed_is_not_found_by_its_time() {
    let disk = MemoryDisk::new(3);
    let (_directory, mut log) = open(&disk, &small());
    try_append(&mut log, &batch(0, 0, 2, 10)).unwrap();
    disk.set_faults(Faults { writes_until_failure: Some(0), ..Faults::default() });
    assert!(try_append(&mut log, &batch(2, 0, 2, 99)).is_err());
    let newest = log.offset_of_max_timestamp(&mut Scratch::default()).unwrap();
    assert_eq!(newest.map(|found| (found.offset, found.timestamp)), Some((0, 10)));
    assert_eq!(log.offset_for_time(11, &mut Scratch::default()), Ok(None));
}

#[test]
fn every_sync_that_fails_poisons() {
    for syncs in 0..10 {
        let disk = MemoryDisk::new(3);
        let (directory, mut log) = open(&disk, &small());
        disk.set_faults(Faults { syncs_until_failure: Some(syncs), ..Faults::default() });
        let mut outcome = Ok(());
        while outcome.is_ok() {
            for _ in 0..20 {
                append(&mut log, 0, 2);
            }
            outcome = log.flush().and_then(|()| directory.checkpoint([&log]));
        }
        assert!(matches!(outcome, Err(LogError::Poisoned(_))));
        let held = disk.syncs();
        assert!(log.flush().is_err() && directory.checkpoint([&log]).is_err());
        assert_eq!(disk.syncs(), held, "sync {syncs} was tried again");
    }
}
