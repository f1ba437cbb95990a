//! What the faulty disk promises to tests: it forgets, refuses and fills up as it should.

use super::*;
use crate::disk::read_full;

fn bytes(disk: &MemoryDisk, path: &str) -> Option<Vec<u8>> {
    disk.contents(Path::new(path))
}

#[test]
fn what_was_synced_with_its_directory_survives_every_crash() {
    for seed in 0..50 {
        let disk = MemoryDisk::new(seed);
        let file = disk.open(Path::new("/a"), Open::Create).unwrap();
        file.write_at(&[7; 10_000], 0).unwrap();
        file.sync().unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        file.write_at(&[8; 10_000], 10_000).unwrap();
        disk.crash();
        let left = bytes(&disk, "/a").unwrap();
        // the block that both halves share was rewritten by the second write
        assert_eq!(left[..8192], [7; 8192]);
        assert_eq!(left[8192..10_000], [7; 1808]);
    }
}

#[test]
fn unsynced_blocks_are_kept_and_lost_one_by_one() {
    let (mut lost, mut kept, mut holes) = (0, 0, 0);
    for seed in 0..200 {
        let disk = MemoryDisk::new(seed);
        let file = disk.open(Path::new("/a"), Open::Create).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        file.write_at(&vec![1; 4096 * 8], 0).unwrap();
        disk.crash();
        let left = bytes(&disk, "/a").unwrap();
        let blocks: Vec<bool> = left.chunks(4096).map(|block| block.contains(&1)).collect();
        kept += usize::from(blocks.len() == 8 && blocks.iter().all(|kept| *kept));
        lost += usize::from(!blocks.contains(&true));
        holes += usize::from(blocks.windows(2).any(|pair| !pair[0] && pair[1]));
    }
    assert!(lost > 5 && kept > 5 && holes > 5, "{lost} {kept} {holes}");
}

#[test]
fn names_that_were_not_synced_come_and_go_in_any_order() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let disk = MemoryDisk::new(seed);
        disk.create_dir(Path::new("/d")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        for name in ["/d/a", "/d/b"] {
            disk.open(Path::new(name), Open::Create).unwrap();
        }
        disk.rename(Path::new("/d/a"), Path::new("/d/c")).unwrap();
        disk.crash();
        let names: Vec<_> =
            disk.list(Path::new("/d")).unwrap().into_iter().map(|e| e.name).collect();
        seen.insert(names.join(" "));
    }
    for expected in ["", "a", "b", "c", "a b", "b c"] {
        assert!(seen.contains(expected), "{expected:?} never happened: {seen:?}");
    }
}

#[test]
fn a_failed_sync_loses_what_a_later_one_reports_as_safe() {
    let disk = MemoryDisk::new(1);
    let file = disk.open(Path::new("/a"), Open::Create).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    file.write_at(b"lost", 0).unwrap();
    disk.set_faults(Faults { syncs_until_failure: Some(0), ..Faults::default() });
    assert!(file.sync().is_err());
    assert!(file.sync().is_ok());
    let mut read = [0; 4];
    assert_eq!(read_full(&file, &mut read, 0).unwrap(), 4);
    assert_eq!(&read, b"lost");
    disk.crash();
    assert_ne!(bytes(&disk, "/a").unwrap(), b"lost");
}

#[test]
fn a_full_disk_takes_what_fits() {
    let disk = MemoryDisk::new(1);
    let file = disk.open(Path::new("/a"), Open::Create).unwrap();
    disk.set_faults(Faults { capacity: Some(10), ..Faults::default() });
    let error = file.write_at(&[1; 16], 0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.len().unwrap(), 10);
}

#[test]
fn after_a_power_cut_nothing_works_until_the_restart() {
    let disk = MemoryDisk::new(1);
    let file = disk.open(Path::new("/a"), Open::Create).unwrap();
    disk.set_faults(Faults { operations_until_power_cut: Some(1), ..Faults::default() });
    file.write_at(b"x", 0).unwrap();
    assert!(file.write_at(b"y", 1).is_err());
    assert!(file.read_at(&mut [0], 0).is_err());
    assert!(disk.open(Path::new("/a"), Open::Read).is_err());
    disk.crash();
    assert!(file.read_at(&mut [0], 0).is_err(), "an old handle outlived the crash");
}

#[test]
fn a_lock_is_held_once_and_let_go_by_a_crash() {
    let disk = MemoryDisk::new(1);
    let held = disk.lock(Path::new("/.lock")).unwrap();
    assert!(held.is_some());
    assert!(disk.lock(Path::new("/.lock")).unwrap().is_none());
    drop(held);
    let held = disk.lock(Path::new("/.lock")).unwrap();
    disk.crash();
    let next = disk.lock(Path::new("/.lock")).unwrap();
    assert!(next.is_some());
    drop(held);
    assert!(disk.lock(Path::new("/.lock")).unwrap().is_none(), "a dead lock let go of a live one");
}

#[test]
fn a_killed_process_loses_nothing_until_the_power_is_cut() {
    let mut lost = 0;
    for seed in 0..40 {
        let disk = MemoryDisk::new(seed);
        let file = disk.open(Path::new("/a"), Open::Create).unwrap();
        file.write_at(b"seen", 0).unwrap();
        disk.kill();
        assert!(file.len().is_err(), "an old handle outlived its process");
        assert_eq!(bytes(&disk, "/a").unwrap(), b"seen");
        disk.crash();
        lost += usize::from(bytes(&disk, "/a").is_none_or(|left| left != b"seen"));
    }
    assert!(lost > 5, "{lost}");
}
