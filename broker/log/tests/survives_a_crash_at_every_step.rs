//! A power cut before each single operation on the disk, of every act that changes files: what
//! opens afterwards is a prefix that holds all that was synced, and it goes on.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[cfg(test)]
mod common;

use common::{ROOT, append, directory, open, partition, read_all, small};
use kastellan_core::log::Log as _;
use kastellan_log::{
    Config, Directory, Log,
    disk::{Faults, MemoryDisk},
};

/// What a log was when the act under test began.
struct Before {
    disk: MemoryDisk,
    /// Every batch, in order.
    batches: Vec<Vec<u8>>,
}

/// A log of several segments, all but the last batches of it durable and checkpointed.
fn before(seed: u64, config: &Config) -> Before {
    let disk = MemoryDisk::new(seed);
    let (directory, mut log) = open(&disk, config);
    let mut batches: Vec<_> = (0..45).map(|at| append(&mut log, at / 20, 2)).collect();
    log.store_snapshot(40, b"snapshot at 40").unwrap();
    log.store_snapshot(80, b"snapshot at 80").unwrap();
    log.flush().unwrap();
    directory.checkpoint([&log]).unwrap();
    directory.close([log]).unwrap();
    let (directory, mut log) = open(&disk, config);
    batches.extend((0..5).map(|_| append(&mut log, 3, 2)));
    drop((directory, log));
    Before { disk, batches }
}

/// Does `act` on fresh copies of the disk, cutting the power before operation 0, 1, 2, ... until it
/// gets through, and shows each result to `check` together with whether the act got through.
fn at_every_step(
    config: &Config,
    act: impl Fn(&Directory<MemoryDisk>, &mut Log<MemoryDisk>),
    check: impl Fn(&Log<MemoryDisk>, &[Vec<u8>], bool),
) {
    let mut steps = 0;
    for seed in 0..6 {
        let before = before(seed, config);
        for step in 0.. {
            let disk = before.disk.fork(seed * 1_000 + step);
            let (directory, mut log) = open(&disk, config);
            assert_eq!(log.end(), 100);
            disk.set_faults(Faults { operations_until_power_cut: Some(step), ..Faults::default() });
            act(&directory, &mut log);
            let through = directory.poisoned().is_none();
            drop((directory, log));
            disk.crash();
            let (first, log) = open(&disk, config);
            check(&log, &before.batches, through);
            // opening is idempotent, whatever the first opening changed
            let (end, all) = (log.end(), read_all(&log, 700));
            drop((first, log));
            disk.crash();
            let (_directory, mut log) = open(&disk, config);
            let again = read_all(&log, 700);
            assert!(all.starts_with(&again), "step {step}: opening twice changed the log");
            let _ = end;
            append(&mut log, 9, 1);
            read_all(&log, 700);
            steps += 1;
            if through {
                break;
            }
        }
    }
    assert!(steps > 12, "only {steps} steps: nothing was tested");
}

fn is_prefix(log: &Log<MemoryDisk>, batches: &[Vec<u8>], at_least: usize, what: &str) {
    let all = read_all(log, 700);
    let skipped: usize =
        batches.iter().take(usize::try_from(log.start() / 2).unwrap()).map(Vec::len).sum();
    assert!(batches.concat()[skipped..].starts_with(&all), "{what}: no prefix");
    let end = usize::try_from(log.end()).unwrap();
    assert!(end >= at_least, "{what}: ends at {end}, {at_least} was durable");
    for offset in log.snapshots() {
        assert!(*offset <= log.end(), "{what}: a snapshot of records that are gone");
    }
}

#[test]
fn truncation_within_the_active_segment() {
    at_every_step(
        &small(),
        |_, log| drop(log.truncate(96)),
        |log, batches, through| {
            is_prefix(log, batches, 90, "truncate to 96");
            assert!(!through || log.end() <= 96);
        },
    );
}

#[test]
fn truncation_over_several_segments() {
    at_every_step(
        &small(),
        |_, log| drop(log.truncate(31)),
        |log, batches, through| {
            is_prefix(log, batches, 30, "truncate to 31");
            assert!(!through || log.end() == 30);
        },
    );
}

#[test]
fn truncation_to_the_edge_of_a_segment_and_to_nothing() {
    for end in [0, 10, 20] {
        at_every_step(
            &small(),
            |_, log| drop(log.truncate(end)),
            |log, batches, through| {
                is_prefix(log, batches, usize::try_from(end).unwrap(), "truncate");
                assert!(!through || log.end() == end);
            },
        );
    }
}

#[test]
fn truncation_and_other_batches_behind_it() {
    // the old tail must never come back between or behind the new batches
    at_every_step(
        &small(),
        |_, log| {
            if log.truncate(50).is_err() {
                return;
            }
            for _ in 0..30 {
                let end = log.end();
                let bytes = common::batch(end, 7, 2, 5_000 + end);
                if common::try_append(log, &bytes).is_err() {
                    return;
                }
            }
            drop(log.flush());
        },
        |log, batches, through| {
            let all = read_all(log, 700);
            let old = batches.concat();
            let kept: usize = batches[..25].iter().map(Vec::len).sum();
            if all.len() > kept && all[kept + 15] == 7 {
                assert_eq!(all[..kept], old[..kept]);
                let mut epochs = Vec::new();
                log.for_each_header(50, |header| epochs.push(header.leader_epoch)).unwrap();
                assert!(
                    epochs.iter().all(|epoch| *epoch == 7),
                    "old batches came back: {epochs:?}"
                );
            } else {
                assert!(old.starts_with(&all));
                assert!(log.end() >= 50);
            }
            assert!(!through || log.end() == 110);
        },
    );
}

#[test]
fn rolls_appends_and_syncs() {
    at_every_step(
        &small(),
        |_, log| {
            for _ in 0..25 {
                let end = log.end();
                let bytes = common::batch(end, 4, 2, 1_000 + end);
                if common::try_append(log, &bytes).is_err() {
                    return;
                }
                if end % 10 == 0 && log.flush().is_err() {
                    return;
                }
            }
            drop(log.flush());
        },
        |log, batches, through| {
            let mut batches = batches.to_vec();
            for at in 0..25 {
                batches.push(common::batch(100 + at * 2, 4, 2, 1_100 + at * 2));
            }
            is_prefix(log, &batches, if through { 150 } else { 90 }, "roll");
        },
    );
}

#[test]
fn checkpoints_and_snapshots() {
    at_every_step(
        &small(),
        |directory, log| {
            if log.flush().is_err() || directory.checkpoint([&*log]).is_err() {
                return;
            }
            if log.store_snapshot(100, b"snapshot at 100").is_err() || log.flush().is_err() {
                return;
            }
            drop(log.advance_start(20));
            drop(directory.checkpoint([&*log]));
        },
        |log, batches, through| {
            is_prefix(log, batches, if through { 100 } else { 90 }, "checkpoint");
            if through {
                assert_eq!(log.start(), 20);
                assert_eq!(log.load_snapshot(100).unwrap().unwrap(), b"snapshot at 100");
            }
        },
    );
}

#[test]
fn retention() {
    let config = Config { retention_bytes: 3_000, file_delete_delay_ms: 0, ..small() };
    at_every_step(
        &config,
        |directory, log| {
            if log.expire(0, 90).is_err() || directory.checkpoint([&*log]).is_err() {
                return;
            }
            if log.remove_expired(0).is_ok() {
                drop(log.remove_expired(1));
            }
        },
        |log, batches, through| {
            assert!(log.end() >= 90, "retention lost the tail: {}", log.end());
            assert_eq!(log.start() % 2, 0);
            is_prefix(log, batches, 90, "retention");
            assert!(!through || log.start() > 0);
        },
    );
}

#[test]
fn starting_over_far_behind() {
    at_every_step(
        &small(),
        |_, log| drop(log.restart_at(500)),
        |log, batches, through| {
            if through || log.end() == 500 {
                assert_eq!((log.start(), log.end()), (500, 500));
            } else {
                is_prefix(log, batches, 0, "restart");
            }
        },
    );
}

#[test]
fn deleting_a_log_and_creating_one_of_its_name() {
    for seed in 0..6 {
        let before = before(seed, &small());
        for step in 0.. {
            let disk = before.disk.fork(seed * 1_000 + step);
            let (dir, log) = open(&disk, &small());
            disk.set_faults(Faults { operations_until_power_cut: Some(step), ..Faults::default() });
            let deleted = dir.delete_log(log).is_ok();
            let again = dir.open_log(partition(), None, small()).ok();
            let synced = again.map(|mut log| {
                let bytes = common::batch(0, 0, 1, 7);
                common::try_append(&mut log, &bytes).is_ok() && log.flush().is_ok()
            });
            drop(dir);
            disk.crash();
            let dir = directory(&disk, ROOT);
            let log = dir.open_log(partition(), None, small()).unwrap();
            let all = read_all(&log, 700);
            let new = common::batch(0, 0, 1, 7);
            if deleted {
                assert!(
                    new.starts_with(&all),
                    "seed {seed}, step {step}: deleted records came back"
                );
                assert_eq!(dir.partitions().unwrap().len(), 1);
            }
            if deleted && synced == Some(true) {
                assert_eq!(all, new);
                break;
            }
        }
    }
}

#[test]
fn checkpoints_that_are_out_of_date_are_not_written() {
    let disk = MemoryDisk::new(1);
    let (dir, mut log) = open(&disk, &small());
    for _ in 0..50 {
        append(&mut log, 0, 2);
    }
    log.flush().unwrap();
    let before_truncation = log.checkpoints();
    log.truncate(30).unwrap();
    dir.write_checkpoints(&[before_truncation]).unwrap();
    let point = |name: &str| {
        let bytes = disk.contents(&std::path::Path::new(ROOT).join(name)).unwrap_or_default();
        kastellan_log::checkpoint::offsets_from_bytes(&bytes).unwrap_or_default()
    };
    let recovery = || point(kastellan_log::name::RECOVERY_POINTS).get(&partition()).copied();
    assert!(recovery().is_none_or(|point| point <= 30), "{:?}", recovery());
    dir.checkpoint([&log]).unwrap();
    assert_eq!(recovery(), Some(30));
    log.advance_start(20).unwrap();
    let of_the_deleted = log.checkpoints();
    dir.delete_log(log).unwrap();
    let log = dir.open_log(partition(), None, small()).unwrap();
    dir.write_checkpoints(&[of_the_deleted]).unwrap();
    assert_eq!(point(kastellan_log::name::LOG_STARTS).get(&partition()), None);
    assert_eq!(log.start(), 0);
}
