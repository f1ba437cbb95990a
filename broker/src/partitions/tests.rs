//! What becomes of partitions that cannot be served.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
};

use kastellan_core::{
    config::{BrokerConfig, Overrides},
    machine::{Millis, Now},
    partition::Assignment,
};

use super::*;

const NOW: Now = Now { monotonic: Millis::ZERO, wall: 1_000 };

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A directory that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kastellan-partitions-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn open(&self) -> Partitions {
        let config = crate::Config {
            node_id: 1,
            cluster_id: Some("c".to_owned()),
            log_dirs: vec![self.0.clone()],
            metadata_log_dir: None,
            management: crate::Management::default(),
            listeners: Vec::new(),
            peers: None,
            certificates: None,
            allowed_urls: Vec::new(),
            settings: BTreeMap::new(),
        };
        let opened = Opened::new(&config).unwrap();
        let (me, lag) = (BrokerId(1), Duration::from_secs(30));
        let clock = Clock::new();
        let settings = BrokerConfig::parse(BTreeMap::new()).unwrap();
        let standing = Arc::new(Standing::new(clock, &settings));
        let defaults = Defaults { me, clock, producers: 10, lag };
        Partitions::new(opened, defaults, standing).unwrap()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn wanted(topic: &str, id: u128, index: i32) -> Wanted {
    Wanted {
        topic: topic.to_owned(),
        id: Uuid::from_u128(id),
        index,
        assignment: Assignment::alone(BrokerId(1), 0),
        directory: Uuid::nil(),
        fresh: true,
        config: Arc::new(TopicConfig::resolve(&Overrides::new(), &BrokerConfig::default())),
    }
}

fn record() -> [(Option<bytes::Bytes>, Option<bytes::Bytes>); 1] {
    [(Some("k".into()), Some("v".into()))]
}

#[test]
fn a_panic_takes_one_partition_offline_and_no_other() {
    let dir = Dir::new();
    let partitions = dir.open();
    assert_eq!(partitions.open_all(&[wanted("t", 1, 0), wanted("t", 1, 1)]), 0);
    let hurt = partitions.get("t", 0).unwrap();
    hurt.append_records(&record(), NOW).unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        hurt.for_each_batch(0, |_, _| panic!("a bug in a coordinator"))
    }));
    assert!(panicked.is_err());
    assert_eq!(hurt.ends(), Err(ErrorCode::KafkaStorageError));
    assert_eq!(hurt.append_records(&record(), NOW), Err(ErrorCode::KafkaStorageError));
    let (tell, told) = mpsc::channel();
    hurt.when_committed(1, move |outcome| tell.send(outcome).unwrap());
    assert_eq!(told.recv(), Ok(Err(ErrorCode::KafkaStorageError)));

    let other = partitions.get("t", 1).unwrap();
    assert_eq!(other.append_records(&record(), NOW).unwrap().first, 0);
    assert_eq!(partitions.close()[&0], None, "no mark of a clean shutdown after that");
}

#[test]
fn a_partition_whose_directory_is_another_topics_is_offline() {
    let dir = Dir::new();
    let partitions = dir.open();
    partitions.create(&wanted("t", 1, 0)).unwrap();
    assert!(partitions.close().values().all(Option::is_some));
    drop(partitions);
    let partitions = dir.open();
    assert_eq!(partitions.open_all(&[wanted("t", 2, 0), wanted("t", 2, 1)]), 1);
    assert!(matches!(partitions.get("t", 0), Err(ErrorCode::KafkaStorageError)));
    assert!(partitions.get("t", 1).is_ok());
    assert!(matches!(partitions.get("t", 2), Err(ErrorCode::UnknownTopicOrPartition)));
    let unknown = partitions.get_by_id(Uuid::from_u128(7), 0);
    assert!(matches!(unknown, Err(ErrorCode::UnknownTopicId)));
}

#[test]
fn a_deletion_is_told_to_those_who_wait() {
    let dir = Dir::new();
    let partitions = dir.open();
    partitions.create(&wanted("t", 1, 0)).unwrap();
    let partition = partitions.get("t", 0).unwrap();
    let (tell, told) = mpsc::channel();
    partition.when_committed(5, move |outcome| tell.send(outcome).unwrap());
    partitions.delete("t");
    assert_eq!(told.recv(), Ok(Err(ErrorCode::UnknownTopicOrPartition)));
    assert!(partition.is_deleted());
    assert!(!dir.0.join("t-0").exists());
}

#[test]
fn what_waits_for_the_disk_is_told_from_the_disk() {
    let dir = Dir::new();
    let partitions = dir.open();
    let config = TopicConfig { fsync: true, ..TopicConfig::clone(&wanted("t", 1, 0).config) };
    let wanted = Wanted { config: Arc::new(config), ..wanted("t", 1, 0) };
    partitions.create(&wanted).unwrap();
    let partition = partitions.get("t", 0).unwrap();
    let done = partition.append_records(&record(), NOW).unwrap();
    let (tell, told) = mpsc::channel();
    partition.when_committed(done.last + 1, move |outcome| tell.send(outcome).unwrap());
    assert_eq!(told.recv(), Ok(Ok(())));
    assert_eq!(partition.high_watermark(), Ok(1));
}
