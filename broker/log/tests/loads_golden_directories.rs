//! Directories of earlier formats open and hold what they held; today's writer still writes the
//! same bytes.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[path = "../examples/write_sample.rs"]
#[expect(dead_code, unreachable_pub, reason = "it is an example")]
mod write_sample;

#[cfg(test)]
mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use common::read_all;
use kastellan_core::{id::TopicPartition, log::Log as _};
use kastellan_log::{Budget, Config, Directory, Properties, StdDisk};
use kastellan_protocol::batch::{Scratch, batches, for_each_record};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

/// A directory of this test's own, emptied.
fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if dir.exists() {
        fs::remove_dir_all(&dir).unwrap();
    }
    dir
}

/// Every file below `dir` but the empty lock, with its bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if !path.ends_with(".lock") {
                let name = path.strip_prefix(dir).unwrap().to_path_buf();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn open(dir: &Path) -> Directory<StdDisk> {
    let properties = Properties::read(&StdDisk, dir).unwrap().unwrap();
    Directory::open(StdDisk, dir, properties, Budget::default()).unwrap()
}

#[test]
fn the_first_format_holds_what_it_held() {
    for clean in [true, false] {
        let dir = scratch(&format!("golden-{clean}"));
        copy(&golden(), &dir);
        if !clean {
            fs::remove_file(dir.join(".kafka_cleanshutdown")).unwrap();
        }
        let directory = open(&dir);
        assert_eq!(directory.was_clean(), clean);
        assert_eq!(directory.properties().cluster_id, "5L6g3nShT-eMCtK--X86sw");
        let partitions = directory.partitions().unwrap();
        assert_eq!(partitions.len(), 2);
        for (partition, topic_id) in partitions {
            let log = directory.open_log(partition, topic_id, Config::default()).unwrap();
            assert_eq!(log.recovery().dropped_bytes, 0);
            let mut scratch = Scratch::default();
            let (mut records, mut next) = (0, log.start());
            for batch in batches(&read_all(&log, 3_000)) {
                let (header, bytes) = batch.unwrap();
                assert!(header.base_offset >= next);
                next = header.next_offset();
                for_each_record(bytes, &mut scratch, |_| {
                    records += 1;
                    Ok::<_, kastellan_protocol::batch::Malformed>(())
                })
                .unwrap();
            }
            match log.partition().topic.as_str() {
                "rider-updates" => {
                    assert_eq!((log.end(), records), (151, 151));
                    assert_eq!(log.epochs(), [(0, 0), (2, 100)]);
                    let found = log.offset_for_time(1_700_000_030_000, &mut scratch).unwrap();
                    assert_eq!(found.unwrap().offset, 73);
                    assert_eq!(log.load_snapshot(151).unwrap().unwrap(), b"opaque to the log");
                }
                "compacted" => {
                    assert_eq!(log.end(), 100);
                    assert!((8..60).contains(&records), "{records}");
                }
                other => panic!("an unknown topic {other}"),
            }
        }
    }
}

#[test]
fn todays_writer_writes_the_golden_bytes() {
    let dir = scratch("golden-today");
    write_sample::write(&dir).unwrap();
    let (expected, found) = (files(&golden()), files(&dir));
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    for (name, bytes) in &expected {
        // compressors may change their output between versions
        if !name.starts_with("rider-updates-0") {
            assert_eq!(&found[name], bytes, "{}", name.display());
        }
        assert!(bytes.len() < 64 << 10, "{} is too large", name.display());
    }
}

#[test]
fn a_kafka_directory_of_another_layout_version_is_refused_by_name() {
    let dir = scratch("golden-other");
    copy(&golden(), &dir);
    fs::write(dir.join("meta.properties"), "version=0\nbroker.id=1\n").unwrap();
    let error = Properties::read(&StdDisk, &dir).unwrap_err().to_string();
    assert!(error.contains("meta.properties is damaged (it has no version=1)"), "{error}");
    let partition = TopicPartition { topic: "x".to_owned(), partition: 0 };
    assert_eq!(partition.to_string(), "x-0");
}
