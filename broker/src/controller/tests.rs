//! What was answered is there after a power cut; what was not is there as a whole or not at all.

use std::path::PathBuf;

use kastellan_core::{
    config::Overrides,
    metadata::{CONSUMER_OFFSETS, NewTopic, TopicRef},
};
use kastellan_log::{
    Budget, Directory, Properties,
    disk::{Disk, Faults, MemoryDisk},
};

use super::*;

const ME: BrokerId = BrokerId(1);
const ROOT: &str = "/data";

/// A driver on a disk in memory.
struct Bench {
    disk: MemoryDisk,
    settings: BrokerConfig,
    directory: Arc<Directory<MemoryDisk>>,
    driver: Driver<MemoryDisk>,
}

fn settings(pairs: &[(&str, &str)]) -> BrokerConfig {
    let settings: Overrides =
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    BrokerConfig::parse(settings).unwrap()
}

fn registration() -> RegisterBroker {
    RegisterBroker {
        broker: ME,
        incarnation: Uuid::from_u128(1),
        epoch: -1,
        endpoints: Vec::new(),
        features: Vec::new(),
        rack: None,
        fenced: false,
        in_controlled_shutdown: false,
        log_dirs: Vec::new(),
    }
}

fn open(
    disk: &MemoryDisk,
    settings: &BrokerConfig,
) -> Result<(Arc<Directory<MemoryDisk>>, Driver<MemoryDisk>), ControllerError> {
    let (cluster_id, directory_id) = ("test".to_owned(), Uuid::from_u128(5));
    let properties = Properties { cluster_id, node_id: ME.0, directory_id };
    let root = PathBuf::from(ROOT);
    let directory = Arc::new(Directory::open(disk.clone(), &root, properties, Budget::default())?);
    let quorum = replica(ME, directory.properties().directory_id, settings);
    let opening =
        Opening { quorum, fixed: settings, clock: Clock::new(), outbox: None, dial: None };
    let mut driver = Driver::open(&directory, opening)?;
    driver.start()?;
    driver.register(registration())?;
    Ok((directory, driver))
}

impl Bench {
    fn new(pairs: &[(&str, &str)]) -> Self {
        let (disk, settings) = (MemoryDisk::new(7), settings(pairs));
        let (directory, driver) = open(&disk, &settings).unwrap();
        Self { disk, settings, directory, driver }
    }

    /// Cuts the power: what was not synced may be gone.
    fn power_cut(self) -> Self {
        let Self { disk, settings, directory, driver } = self;
        disk.crash();
        drop((directory, driver));
        let (directory, driver) = open(&disk, &settings).unwrap();
        Self { disk, settings, directory, driver }
    }

    /// Decides these in one round.
    fn round(&mut self, inputs: Vec<Input>) -> Vec<Reply> {
        let (sender, receiver) = mpsc::channel();
        let asks = inputs
            .into_iter()
            .map(|input| {
                let sender = sender.clone();
                let ask: Box<dyn FnOnce(Ticket) -> Input + Send> =
                    Box::new(move |ticket| with(input, ticket));
                let answer: Answer = Box::new(move |reply| sender.send(reply).unwrap());
                (ask, answer)
            })
            .collect();
        self.driver.round(asks);
        receiver.try_iter().collect()
    }

    fn create(&mut self, name: &str, partitions: i32) -> Reply {
        self.round(vec![create(name, partitions)]).remove(0)
    }

    fn image(&self) -> Arc<Image> {
        self.driver.image().load_full()
    }

    fn names(&self) -> Vec<String> {
        self.image().topics().map(|topic| topic.name.as_ref().to_owned()).collect()
    }

    fn snapshots(&self) -> Vec<String> {
        let entries = self.disk.list(&self.driver.log().dir()).unwrap();
        let names = entries.into_iter().map(|entry| entry.name);
        names.filter(|name| name.ends_with(".checkpoint")).collect()
    }
}

fn create(name: &str, partitions: i32) -> Input {
    let topic = NewTopic {
        name: name.to_owned(),
        id: new_id(),
        partitions,
        replication_factor: 1,
        assignments: Vec::new(),
        configs: vec![("retention.ms".to_owned(), Some("1000".to_owned()))],
    };
    Input::CreateTopics { ticket: Ticket(0), topics: vec![topic], validate_only: false }
}

fn delete(name: &str) -> Input {
    Input::DeleteTopics { ticket: Ticket(0), topics: vec![TopicRef::Name(name.to_owned())] }
}

fn with(mut input: Input, new: Ticket) -> Input {
    match &mut input {
        Input::CreateTopics { ticket, .. }
        | Input::DeleteTopics { ticket, .. }
        | Input::AllocateProducerIds { ticket, .. } => *ticket = new,
        other => panic!("not in these tests: {other:?}"),
    }
    input
}

#[test]
fn what_was_answered_survives_a_power_cut() {
    let mut bench = Bench::new(&[]);
    bench.create("a", 2);
    bench.create("b", 1);
    bench.round(vec![delete("a")]);
    let ids = Input::AllocateProducerIds { ticket: Ticket(0), broker: ME, epoch: None };
    let Reply::ProducerIds { first: 0, count: 1000 } = bench.round(vec![ids.clone()])[0] else {
        panic!("not the first block")
    };
    let mut bench = bench.power_cut();
    assert_eq!(bench.names(), ["b"]);
    assert_eq!(bench.image().topic_overrides("b")["retention.ms"], "1000");
    let Reply::ProducerIds { first: 1000, .. } = bench.round(vec![ids])[0] else {
        panic!("a block was given twice")
    };
}

#[test]
fn every_start_is_an_epoch_of_its_own_for_the_quorum_and_for_the_partitions() {
    let mut bench = Bench::new(&[]);
    bench.create("a", 1);
    let (epoch, registered) = (bench.driver.epoch(), bench.image().broker(ME).unwrap().epoch);
    let bench = bench.power_cut().power_cut();
    assert_eq!(bench.driver.epoch(), epoch + 2);
    assert!(bench.image().broker(ME).unwrap().epoch > registered);
    let partition = Arc::clone(&bench.image().topic("a").unwrap().partitions[&0]);
    assert_eq!((partition.leader, partition.leader_epoch), (Some(ME), 2));
}

#[test]
fn many_requests_share_one_sync() {
    let mut bench = Bench::new(&[]);
    let before = bench.disk.syncs();
    let replies = bench.round((0..50).map(|n| create(&format!("t{n}"), 1)).collect());
    assert_eq!((replies.len(), bench.image().topic_count()), (50, 50));
    assert_eq!(bench.disk.syncs() - before, 1);
}

#[test]
fn a_failed_sync_is_answered_and_never_published() {
    let mut bench = Bench::new(&[]);
    bench.create("a", 1);
    bench.disk.set_faults(Faults { syncs_until_failure: Some(0), ..Faults::default() });
    for name in ["b", "c"] {
        let Reply::Failed(failure) = bench.create(name, 1) else { panic!("it was taken") };
        assert_eq!(failure.code, ErrorCode::KafkaStorageError);
    }
    assert_eq!(bench.names(), ["a"]);
    bench.disk.set_faults(Faults::default());
    let bench = bench.power_cut();
    assert!(bench.names().contains(&"a".to_owned()));
}

const OFTEN: &[(&str, &str)] = &[("metadata.log.max.record.bytes.between.snapshots", "4000")];

#[test]
fn a_snapshot_stands_for_the_log_before_it() {
    let mut bench = Bench::new(OFTEN);
    for n in 0..100 {
        bench.create(&format!("t{n}"), 1);
    }
    assert_eq!(bench.snapshots().len(), 1, "older ones are removed");
    assert!(bench.driver.log().start() > 0);
    let before = bench.names();
    let bench = bench.power_cut();
    assert_eq!(bench.names(), before);
    assert_eq!(bench.image().topic_overrides("t7")["retention.ms"], "1000");
}

#[test]
fn a_power_cut_at_any_step_of_a_snapshot_loses_nothing() {
    for steps in 0..40 {
        let mut bench = Bench::new(&[]);
        for n in 0..20 {
            bench.create(&format!("t{n}"), 1);
        }
        let mut bench = {
            // the next commit is followed by a snapshot
            let Bench { disk, directory, driver, .. } = bench;
            drop((directory, driver));
            let settings = settings(&[("metadata.log.max.record.bytes.between.snapshots", "1")]);
            disk.set_faults(Faults {
                operations_until_power_cut: Some(steps),
                ..Faults::default()
            });
            let opened = open(&disk, &settings).or_else(|_| {
                disk.set_faults(Faults::default());
                disk.crash();
                open(&disk, &settings)
            });
            let (directory, driver) = opened.unwrap();
            Bench { disk, settings, directory, driver }
        };
        let taken = matches!(bench.create("last", 1), Reply::Created(_));
        bench.disk.set_faults(Faults::default());
        let bench = bench.power_cut();
        let names = bench.names();
        assert!(names.len() >= 20, "{steps}: {names:?}");
        assert!(!taken || names.contains(&"last".to_owned()), "{steps}");
    }
}

#[test]
fn a_log_whose_snapshot_is_gone_or_damaged_is_refused_not_begun_anew() {
    for damage in [true, false] {
        let mut bench = Bench::new(OFTEN);
        for n in 0..100 {
            bench.create(&format!("t{n}"), 1);
        }
        let path = bench.driver.log().dir().join(&bench.snapshots()[0]);
        let Bench { disk, settings, directory, driver } = bench;
        drop((directory, driver));
        if damage {
            let mut bytes = disk.contents(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            disk.corrupt(&path, bytes);
        } else {
            disk.remove(&path).unwrap();
        }
        let refused = open(&disk, &settings).map(drop);
        assert!(matches!(refused, Err(ControllerError::Gap { .. })), "{refused:?}");
    }
}

#[test]
fn data_without_metadata_is_refused() {
    let disk = MemoryDisk::new(1);
    disk.create_dir(&PathBuf::from(ROOT).join("orders-0")).unwrap();
    let refused = open(&disk, &settings(&[])).map(drop);
    let Err(error) = refused else { panic!("a second cluster was formed over the first one") };
    assert_eq!(
        error.to_string(),
        "/data holds data but no cluster metadata: restore its __cluster_metadata-0, or choose an \
         empty directory for a new cluster"
    );
}

#[test]
fn the_internal_topic_has_as_many_replicas_as_there_are_brokers() {
    let bench = Bench::new(&[("offsets.topic.num.partitions", "3")]);
    let topic = topics::new_topic(CONSUMER_OFFSETS.to_owned(), &bench.settings, &bench.image());
    assert_eq!((topic.partitions, topic.replication_factor), (3, 1));
    assert!(topic.configs.contains(&("cleanup.policy".to_owned(), Some("compact".to_owned()))));
}
