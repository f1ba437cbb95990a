//! A directory is used by one process at a time, and by one cluster and node for ever; what is
//! said when it is not tells what to do.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[cfg(test)]
mod common;

use std::{
    io::{BufRead, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
};

use common::{partition, properties};
use kastellan_core::id::TopicPartition;
use kastellan_log::{Budget, Config, Directory, Error, Properties, StdDisk};
use uuid::Uuid;

const HOLD: &str = "KASTELLAN_TEST_HOLD";

/// Between its fork and its exec a child holds what its parent has locked: no directory is opened
/// again meanwhile.
static FORKING: Mutex<()> = Mutex::new(());

fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if dir.exists() {
        std::fs::remove_dir_all(&dir).unwrap();
    }
    dir
}

fn open(dir: &Path, properties: Properties) -> Result<Directory<StdDisk>, Error> {
    Directory::open(StdDisk, dir, properties, Budget::default())
}

#[test]
fn a_second_process_is_told_that_the_directory_is_in_use() {
    // the other process is this test once more, told what to hold
    if let Some(dir) = std::env::var_os(HOLD) {
        let held = open(Path::new(&dir), properties()).unwrap();
        println!("held");
        std::io::stdout().flush().unwrap();
        std::io::stdin().read_line(&mut String::new()).unwrap();
        drop(held);
        return;
    }
    let dir = scratch("in-use");
    let name = "a_second_process_is_told_that_the_directory_is_in_use";
    let forking = FORKING.lock().unwrap();
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(HOLD, &dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(forking);
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("held")));
    let error = open(&dir, properties()).unwrap_err();
    assert!(matches!(error, Error::InUse(_)));
    assert!(error.to_string().contains("in use by another process: stop it"), "{error}");
    other.kill().unwrap();
    other.wait().unwrap();
    // the kernel let go of the lock of the killed process
    open(&dir, properties()).unwrap();
}

#[test]
fn another_cluster_and_another_node_are_refused() {
    let dir = scratch("identity");
    drop(open(&dir, properties()).unwrap());
    let other = Properties { cluster_id: "other".to_owned(), ..properties() };
    let error = open(&dir, other).unwrap_err().to_string();
    assert!(error.contains("belongs to cluster c, this broker to other"), "{error}");
    let other = Properties { node_id: 7, ..properties() };
    let error = open(&dir, other).unwrap_err().to_string();
    assert!(error.contains("belongs to node 1, this broker is node 7"), "{error}");
    // the directory keeps the id it was formatted with
    let again = Properties { directory_id: Uuid::from_u128(9), ..properties() };
    assert_eq!(open(&dir, again).unwrap().properties(), &properties());
}

#[test]
fn damaged_properties_are_named_and_nothing_is_overwritten() {
    let dir = scratch("damaged");
    drop(open(&dir, properties()).unwrap());
    let path = dir.join("meta.properties");
    std::fs::write(&path, "version=1\nnode.id=1\n").unwrap();
    let error = open(&dir, properties()).unwrap_err().to_string();
    assert!(error.contains("meta.properties is damaged (it has no cluster.id)"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "version=1\nnode.id=1\n");
}

#[test]
fn a_log_of_an_earlier_topic_of_the_name_is_not_taken_for_the_new_one() {
    let dir = scratch("topic-id");
    let directory = open(&dir, properties()).unwrap();
    let (old, new) = (Uuid::from_u128(1), Uuid::from_u128(2));
    directory.open_log(partition(), Some(old), Config::default()).unwrap();
    assert_eq!(directory.partitions().unwrap(), [(partition(), Some(old))]);
    let error = directory.open_log(partition(), Some(new), Config::default()).unwrap_err();
    assert!(matches!(error, Error::OtherTopic { .. }), "{error}");
    directory.delete_partition(&partition()).unwrap();
    directory.open_log(partition(), Some(new), Config::default()).unwrap();
    assert_eq!(directory.partitions().unwrap(), [(partition(), Some(new))]);
}

#[test]
fn a_stray_with_the_longest_name_is_set_aside_and_another_one_of_that_name_is_too() {
    let directory = open(&scratch("strays"), properties()).unwrap();
    let partition = TopicPartition { topic: "t".repeat(249), partition: 1_000 };
    for unique in [1, 2] {
        drop(directory.open_log(partition.clone(), None, Config::default()).unwrap());
        let path = directory.set_stray_aside(&partition, unique).unwrap();
        assert!(path.is_dir() && path.to_str().unwrap().ends_with("-stray"), "{path:?}");
    }
    assert_eq!(directory.partitions().unwrap(), []);
}

#[test]
fn a_real_disk_keeps_a_log_over_restarts() {
    let _no_fork = FORKING.lock().unwrap();
    let dir = scratch("real");
    let config = Config { segment_bytes: 2_000, ..Config::default() };
    let mut all = Vec::new();
    for round in 0..4 {
        let directory = open(&dir, properties()).unwrap();
        assert_eq!(directory.was_clean(), round % 2 == 1);
        let mut log = directory.open_log(partition(), None, config.clone()).unwrap();
        assert_eq!(common::read_all(&log, 700), all);
        for _ in 0..30 {
            all.extend(common::append(&mut log, 0, 2));
        }
        log.flush().unwrap();
        directory.checkpoint([&log]).unwrap();
        if round % 2 == 0 {
            directory.close([log]).unwrap();
        }
    }
}

#[test]
fn creating_logs_waits_for_no_disk_and_the_first_sync_makes_them_durable() {
    for seed in 0..40 {
        let disk = kastellan_log::disk::MemoryDisk::new(seed);
        let directory = common::directory(&disk, common::ROOT);
        let before = disk.syncs();
        let topic_id = Some(Uuid::from_u128(5));
        let mut log = directory.open_log(partition(), topic_id, Config::default()).unwrap();
        assert_eq!(disk.syncs(), before, "creating a log waited for the disk");
        let all = common::append(&mut log, 0, 1);
        log.flush().unwrap();
        drop((log, directory));
        disk.crash();
        let directory = common::directory(&disk, common::ROOT);
        assert_eq!(directory.partitions().unwrap(), [(partition(), topic_id)], "seed {seed}");
        let log = directory.open_log(partition(), topic_id, Config::default()).unwrap();
        assert_eq!(common::read_all(&log, 100), all);
    }
}

#[test]
fn a_log_that_was_never_recovered_is_not_closed_as_clean() {
    let disk = kastellan_log::disk::MemoryDisk::new(1);
    let (directory, mut log) = common::open(&disk, &Config::default());
    common::append(&mut log, 0, 1);
    drop((log, directory));
    disk.kill();
    // a start that fails before it comes to this log, and shuts down in order
    common::directory(&disk, common::ROOT).close([]).unwrap();
    let directory = common::directory(&disk, common::ROOT);
    assert!(!directory.was_clean());
    let log = directory.open_log(partition(), None, Config::default()).unwrap();
    directory.close([log]).unwrap();
    assert!(common::directory(&disk, common::ROOT).was_clean());
}
