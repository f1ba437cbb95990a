//! What the tests of the log share: batches, directories, reading everything back.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::allow_attributes,
    reason = "each test uses a part of it"
)]

use std::path::Path;

use kastellan_core::{
    id::TopicPartition,
    log::{Appended, Log as _, LogError},
};
use kastellan_log::{Budget, Config, Directory, Disk, Log, Properties};
use kastellan_protocol::batch::{Builder, Header, batches};
use uuid::Uuid;

pub const ROOT: &str = "/data";

pub fn partition() -> TopicPartition {
    TopicPartition { topic: "t".to_owned(), partition: 0 }
}

pub fn properties() -> Properties {
    Properties { cluster_id: "c".to_owned(), node_id: 1, directory_id: Uuid::from_u128(1) }
}

pub fn directory<D: Disk>(disk: &D, root: &str) -> Directory<D> {
    Directory::open(disk.clone(), Path::new(root), properties(), Budget::default()).unwrap()
}

/// The log of the one partition, in a directory at [`ROOT`].
pub fn open<D: Disk>(disk: &D, config: &Config) -> (Directory<D>, Log<D>) {
    let directory = directory(disk, ROOT);
    let log = directory.open_log(partition(), None, config.clone()).unwrap();
    (directory, log)
}

/// Small segments and a dense index, so that little data reaches every corner.
pub fn small() -> Config {
    Config { segment_bytes: 2_000, index_interval_bytes: 200, ..Config::default() }
}

/// A batch of `count` records, told apart by their offsets.
pub fn batch(base: i64, epoch: i32, count: i64, timestamp: i64) -> Vec<u8> {
    let mut builder = Builder::new(base, epoch);
    for offset in base..base + count {
        let value = format!("value {offset} of epoch {epoch}");
        let key = format!("k{}", offset % 7);
        builder.record(timestamp, Some(key.as_bytes()), Some(value.as_bytes()), &[]);
    }
    builder.finish()
}

pub fn appended(bytes: &[u8]) -> Appended {
    let headers: Vec<Header> = batches(bytes).map(|batch| batch.unwrap().0).collect();
    let (first, last) = (headers.first().unwrap(), headers.last().unwrap());
    let newest = headers.iter().max_by_key(|header| header.max_timestamp).unwrap();
    Appended {
        first: first.base_offset,
        last: last.last_offset(),
        max_timestamp: newest.max_timestamp,
        offset_of_max_timestamp: newest.last_offset(),
        epoch: last.leader_epoch,
    }
}

pub fn try_append<D: Disk>(log: &mut Log<D>, bytes: &[u8]) -> Result<(), LogError> {
    log.append(bytes, appended(bytes))
}

/// Appends a batch of `count` records at the end.
pub fn append<D: Disk>(log: &mut Log<D>, epoch: i32, count: i64) -> Vec<u8> {
    let end = log.end();
    let bytes = batch(end, epoch, count, 1_000 + end);
    try_append(log, &bytes).unwrap();
    bytes
}

/// All bytes from the start to the end, as a reader gets them in steps of `max_bytes`.
pub fn read_all<D: Disk>(log: &Log<D>, max_bytes: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut from = log.start();
    while from < log.end() {
        let slice = log.read(from, log.end(), max_bytes, true).unwrap();
        let bytes = slice.to_vec().unwrap();
        assert_eq!(bytes.len(), slice.len, "the file is shorter than the slice");
        let mut whole = 0;
        for batch in batches(&bytes) {
            let (header, raw) = batch.unwrap();
            assert!(kastellan_protocol::batch::check_crc(raw), "a bad batch was served");
            assert!(header.last_offset() >= from, "a batch before the offset was served");
            whole += raw.len();
            from = header.next_offset();
        }
        assert!(whole > 0, "no whole batch at {from} of {}", log.end());
        all.extend_from_slice(&bytes[..whole]);
    }
    all
}
