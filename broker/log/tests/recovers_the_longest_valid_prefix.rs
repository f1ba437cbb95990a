//! After an unclean end the log is the longest valid prefix: for a tail cut at every byte, for
//! every flipped bit of the last batch, for zeros behind the end, for lost indexes.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[cfg(test)]
mod common;

use std::path::{Path, PathBuf};

use common::{ROOT, append, batch, directory, open, partition, read_all, small, try_append};
use kastellan_core::log::Log as _;
use kastellan_log::{
    Config, Disk,
    disk::{File as _, MemoryDisk, Open},
    name::Kind,
};
use kastellan_protocol::batch::Scratch;

/// A log of some segments, killed; its batches, and the path of the last segment.
fn killed() -> (MemoryDisk, Vec<Vec<u8>>, PathBuf) {
    let disk = MemoryDisk::new(1);
    let (directory, mut log) = open(&disk, &small());
    let mut batches: Vec<_> =
        (0..40).map(|at| append(&mut log, at / 9, 1 + i64::from(at % 4))).collect();
    // the last segment holds at least three
    while log.segment_count() < 6 || last_segment(&disk, &log).1 < 300 {
        batches.push(append(&mut log, 5, 2));
    }
    let (path, _) = last_segment(&disk, &log);
    drop((log, directory));
    disk.kill();
    (disk, batches, path)
}

fn is_log(name: &str) -> bool {
    kastellan_log::name::parse(name).is_some_and(|(_, kind, _)| kind == Kind::Log)
}

fn last_segment(disk: &MemoryDisk, log: &kastellan_log::Log<MemoryDisk>) -> (PathBuf, usize) {
    let names = disk.list(log.dir()).unwrap();
    let last = names.iter().rev().find(|entry| is_log(&entry.name)).unwrap();
    let path = log.dir().join(&last.name);
    let len = disk.contents(&path).unwrap().len();
    (path, len)
}

/// Opens, checks that the log holds exactly the first `count` batches, and that it goes on.
fn holds(disk: &MemoryDisk, batches: &[Vec<u8>], count: usize, what: &str) {
    let (directory, mut log) = open(disk, &small());
    assert_eq!(read_all(&log, 1_000), batches[..count].concat(), "{what}");
    let mut expected = batches[..count].concat();
    expected.extend(append(&mut log, 9, 3));
    assert_eq!(read_all(&log, 1_000), expected, "{what}, one more");
    directory.close([log]).unwrap();
    let (_directory, log) = open(disk, &small());
    assert_eq!(read_all(&log, 1_000), expected, "{what}, opened again");
}

#[test]
fn a_tail_cut_at_any_byte_loses_only_the_batch_it_cuts() {
    let (disk, batches, path) = killed();
    let bytes = disk.contents(&path).unwrap();
    let before: usize = batches.iter().map(Vec::len).sum::<usize>() - bytes.len();
    for cut in 0..=bytes.len() {
        let disk = disk.fork(1);
        disk.corrupt(&path, bytes[..cut].to_vec());
        let mut left = before + cut;
        let whole = batches.iter().take_while(|batch| {
            let fits = batch.len() <= left;
            left = left.saturating_sub(batch.len());
            fits
        });
        holds(&disk, &batches, whole.count(), &format!("cut at {cut}"));
    }
}

#[test]
fn any_flipped_bit_of_the_last_batch_costs_that_batch() {
    let (disk, batches, path) = killed();
    let bytes = disk.contents(&path).unwrap();
    let start = bytes.len() - batches.last().unwrap().len();
    for bit in 0..(bytes.len() - start) * 8 {
        let (byte, mask) = (bit / 8, 1 << (bit % 8));
        if (12..16).contains(&byte) {
            // the leader epoch lies outside of the CRC: see the next test
            continue;
        }
        let disk = disk.fork(1);
        let mut bytes = bytes.clone();
        bytes[start + byte] ^= mask;
        disk.corrupt(&path, bytes);
        let (_directory, log) = open(&disk, &small());
        assert_eq!(
            read_all(&log, 1_000),
            batches[..batches.len() - 1].concat(),
            "bit {bit} of the last batch"
        );
    }
}

#[test]
fn a_leader_epoch_that_goes_back_costs_the_batch() {
    let disk = MemoryDisk::new(1);
    let (directory, mut log) = open(&disk, &small());
    let first = append(&mut log, 7, 2);
    let mut all = first.clone();
    all.extend(append(&mut log, 7, 2));
    let path = last_segment(&disk, &log).0;
    drop((log, directory));
    disk.kill();
    all[first.len() + 15] = 3;
    disk.corrupt(&path, all);
    let (_directory, log) = open(&disk, &small());
    assert_eq!(read_all(&log, 1_000), first);
}

#[test]
fn zeros_and_garbage_behind_the_end_are_cut() {
    let (disk, batches, path) = killed();
    let bytes = disk.contents(&path).unwrap();
    let repeated = batches.last().unwrap().clone();
    for tail in [vec![0; 1], vec![0; 5_000], vec![0xff; 700], repeated] {
        let disk = disk.fork(1);
        disk.corrupt(&path, [bytes.clone(), tail.clone()].concat());
        holds(&disk, &batches, batches.len(), &format!("{} bytes behind the end", tail.len()));
    }
}

#[test]
fn a_batch_lost_in_an_earlier_segment_ends_the_log_there() {
    let (disk, batches, _) = killed();
    let (first, second) = {
        let names = disk.list(&Path::new(ROOT).join("t-0")).unwrap();
        let mut logs = names.iter().filter(|entry| is_log(&entry.name));
        (logs.next().unwrap().name.clone(), logs.next().unwrap().name.clone())
    };
    let dir = Path::new(ROOT).join("t-0");
    let bytes = disk.contents(&dir.join(&first)).unwrap();
    let mut holed = bytes.clone();
    holed[batches[0].len()..batches[0].len() + 61].fill(0);
    let damaged = disk.fork(1);
    damaged.corrupt(&dir.join(&first), holed);
    holds(&damaged, &batches, 1, "a hole in the first segment");

    let lost = disk.fork(1);
    lost.remove(&dir.join(&second)).unwrap();
    let mut size = 0;
    let whole = batches.iter().take_while(|batch| {
        size += batch.len();
        size <= bytes.len()
    });
    holds(&lost, &batches, whole.count(), "the second segment is gone");
}

#[test]
fn indexes_that_are_lost_cut_or_wrong_are_built_again() {
    let disk = MemoryDisk::new(1);
    let (directory, mut log) = open(&disk, &small());
    let all: Vec<u8> = (0..60).flat_map(|_| append(&mut log, 0, 2)).collect();
    directory.close([log]).unwrap();
    let dir = Path::new(ROOT).join("t-0");
    let indexes: Vec<_> = disk
        .list(&dir)
        .unwrap()
        .into_iter()
        .filter(|entry| entry.name.ends_with("index"))
        .map(|entry| dir.join(entry.name))
        .collect();
    assert!(indexes.len() >= 6);
    for path in &indexes {
        let bytes = disk.contents(path).unwrap();
        let damaged = [
            None,
            Some(vec![]),
            Some(vec![0; bytes.len()]),
            Some(vec![0xff; bytes.len()]),
            Some(bytes[..bytes.len() / 2].to_vec()),
        ];
        for damage in damaged {
            let disk = disk.fork(1);
            match damage {
                Some(bytes) => disk.corrupt(path, bytes),
                None => disk.remove(path).unwrap(),
            }
            let (_directory, log) = open(&disk, &small());
            assert_eq!(read_all(&log, 1_000), all, "{}", path.display());
            for from in 0..log.end() {
                assert!(!log.read(from, log.end(), 1, true).unwrap().is_empty());
            }
        }
    }
}

#[test]
fn a_lost_or_damaged_epoch_checkpoint_is_derived_from_the_batches() {
    for clean in [true, false] {
        let disk = MemoryDisk::new(1);
        let (dir, mut log) = open(&disk, &small());
        for epoch in [0, 0, 3, 3, 4, 9] {
            for _ in 0..8 {
                append(&mut log, epoch, 2);
            }
        }
        let epochs = log.epochs().to_vec();
        assert_eq!(epochs, [(0, 0), (3, 32), (4, 64), (9, 80)]);
        if clean {
            dir.close([log]).unwrap();
        } else {
            drop((log, dir));
            disk.kill();
        }
        let path = Path::new(ROOT).join("t-0").join(kastellan_log::name::EPOCHS);
        for damage in [None, Some(b"0\n1\n".to_vec()), Some(b"0\n2\n3 1\n2 5\n".to_vec())] {
            let disk = disk.fork(1);
            match damage {
                Some(bytes) => disk.corrupt(&path, bytes),
                None => disk.remove(&path).unwrap(),
            }
            let (_directory, log) = open(&disk, &small());
            assert_eq!(log.epochs(), epochs, "clean: {clean}");
        }
    }
}

#[test]
fn below_the_recovery_point_nothing_is_read_again() {
    let disk = MemoryDisk::new(1);
    let (dir, mut log) = open(&disk, &small());
    let mut all: Vec<u8> = (0..60).flat_map(|_| append(&mut log, 0, 2)).collect();
    log.flush().unwrap();
    dir.checkpoint([&log]).unwrap();
    all.extend(append(&mut log, 0, 2));
    let size = log.size();
    drop((log, dir));
    disk.kill();
    let (_dir, log) = open(&disk, &small());
    assert_eq!(read_all(&log, 1_000), all);
    assert!(log.recovery().scanned_bytes < size / 2, "{:?} of {size}", log.recovery());
}

#[test]
fn a_mark_of_a_clean_shutdown_is_gone_while_the_log_is_open() {
    let disk = MemoryDisk::new(1);
    let (dir, mut log) = open(&disk, &Config::default());
    append(&mut log, 0, 2);
    dir.close([log]).unwrap();
    let (dir, mut log) = open(&disk, &Config::default());
    assert!(dir.was_clean());
    append(&mut log, 0, 2);
    drop((log, dir));
    disk.kill();
    assert!(!directory(&disk, ROOT).was_clean());
}

#[test]
fn a_log_opened_again_without_being_closed_is_scanned() {
    let disk = MemoryDisk::new(1);
    let (dir, mut log) = open(&disk, &Config::default());
    append(&mut log, 0, 2);
    dir.close([log]).unwrap();
    let (dir, mut log) = open(&disk, &Config::default());
    try_append(&mut log, &batch(2, 0, 2, 5)).unwrap();
    drop(log);
    let log = dir.open_log(partition(), None, Config::default()).unwrap();
    assert_eq!(log.end(), 4);
    assert!(log.recovery().scanned_bytes > 0);
    assert!(disk.contents(&log.dir().join(Kind::Log.file(0))).is_some());
}

#[test]
fn a_segment_that_lost_all_takes_up_no_times_of_what_it_held() {
    let (disk, batches, path) = killed();
    let (offsets, times) = (path.with_extension("index"), path.with_extension("timeindex"));
    let stale = [&90_000_i64.to_be_bytes()[..], &[0, 0, 0, 1]].concat();
    for (path, bytes) in [(&path, &[][..]), (&offsets, &[][..]), (&times, &stale[..])] {
        let file = disk.open(path, Open::Truncate).unwrap();
        file.write_at(bytes, 0).unwrap();
    }
    let (directory, log) = open(&disk, &small());
    let newest = log.offset_of_max_timestamp(&mut Scratch::default()).unwrap();
    assert!(newest.is_some() && log.end() > 0 && log.size() < batches.concat().len() as u64);
    directory.close([log]).unwrap();
    let (_directory, log) = open(&disk, &small());
    assert_eq!(log.offset_of_max_timestamp(&mut Scratch::default()), Ok(newest));
}
