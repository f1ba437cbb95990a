//! What the controller decides, effect by effect.

mod acls;
mod brokers;
mod configs;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod directories;
mod elect_leaders;
mod fleet;
mod mutations;
mod placement;
mod quotas;
mod reassign;
mod registration;
mod scram;
mod tokens;

use kastellan_protocol::ErrorCode;

use super::*;
use crate::{
    config::Overrides,
    id::Uuid,
    metadata::{
        ConfigRecord, ELIGIBLE_LEADER_REPLICAS, NO_LEADER, Partition, PartitionChangeRecord,
        PartitionRecord, RegisterBroker, TopicRecord,
    },
};

const TICKET: Ticket = Ticket(7);

/// A controller with its log: what is appended is applied at once.
struct Bench {
    controller: Controller,
    log: Vec<Record>,
    now: Millis,
    /// In Unix milliseconds.
    wall: i64,
}

impl Bench {
    /// A cluster of unfenced brokers 1 to `brokers`, with settings.
    fn with(brokers: i32, settings: &[(&str, &str)]) -> Self {
        let settings: Overrides =
            settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let config = BrokerConfig::parse(settings).unwrap();
        let controller = Controller::new(Image::default(), BrokerId(1), config);
        let mut bench = Self { controller, log: Vec::new(), now: Millis::ZERO, wall: 0 };
        bench.run(Input::Bootstrap { ticket: TICKET });
        for id in 1..=brokers {
            bench.run(Input::RegisterBroker {
                ticket: TICKET,
                registration: broker(id),
                previous_epoch: None,
            });
        }
        bench
    }

    fn new(brokers: i32) -> Self {
        Self::with(brokers, &[])
    }

    /// The log takes a record that the controller did not decide.
    fn note(&mut self, record: Record) {
        self.controller.apply(&record);
        self.log.push(record);
        let end = i64::try_from(self.log.len()).unwrap();
        self.controller.advance(end - 1);
    }

    /// What the controller wants, without doing it.
    fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        let now = Now { monotonic: self.now, wall: self.wall };
        self.controller.step(now, input, &mut effects);
        effects
    }

    /// Does what the controller wants; the last reply.
    fn run(&mut self, input: Input) -> Reply {
        self.carry_out(input).unwrap()
    }

    /// The same for what nobody is answered.
    fn carry_out(&mut self, input: Input) -> Option<Reply> {
        let mut last = None;
        for effect in self.step(input) {
            match effect {
                Effect::Append(records) => {
                    for record in records {
                        self.note(record);
                    }
                }
                Effect::Reply(_, reply) => last = Some(reply),
                Effect::Dial { .. } => (),
            }
        }
        assert_eq!(self.controller.fault(), None);
        last
    }

    /// Creates topics, and the code of each.
    fn create(&mut self, topics: Vec<NewTopic>) -> Vec<Option<i16>> {
        let input = Input::CreateTopics { ticket: TICKET, topics, validate_only: false };
        let Reply::Created(created) = self.run(input) else { panic!("not the answer") };
        created.iter().map(|topic| code(&topic.result)).collect()
    }
}

fn code(result: &Result<(), Failure>) -> Option<i16> {
    result.as_ref().err().map(|failure| failure.code.code())
}

/// A topic, and the code of every partition.
type Codes = (String, Vec<(i32, Option<i16>)>);

fn codes(reply: Reply) -> Vec<Codes> {
    let Reply::Partitions(topics) = reply else { panic!("not the answer") };
    let of = |(name, results): TopicResults| {
        (name, results.iter().map(|(index, result)| (*index, code(result))).collect())
    };
    topics.into_iter().map(of).collect()
}

fn broker(id: i32) -> RegisterBroker {
    RegisterBroker {
        broker: BrokerId(id),
        incarnation: Uuid::from_u128(1),
        epoch: -1,
        endpoints: Vec::new(),
        features: Vec::new(),
        rack: None,
        fenced: false,
        in_controlled_shutdown: false,
        log_dirs: vec![Uuid::from_u128(99)],
    }
}

fn topic(name: &str, partitions: i32, replication_factor: i16) -> NewTopic {
    NewTopic {
        name: name.to_owned(),
        id: Uuid::from_u128(name.bytes().fold(1, |id, byte| (id << 8) | u128::from(byte))),
        partitions,
        replication_factor,
        assignments: Vec::new(),
        configs: Vec::new(),
    }
}

fn partition(topic: Uuid, index: i32, replicas: &[i32]) -> PartitionRecord {
    let replicas: Vec<_> = replicas.iter().copied().map(BrokerId).collect();
    PartitionRecord {
        partition: index,
        topic,
        isr: replicas.clone(),
        leader: replicas[0],
        directories: vec![Uuid::from_u128(99); replicas.len()],
        replicas,
        removing: Vec::new(),
        adding: Vec::new(),
        leader_recovery_state: 0,
        leader_epoch: 0,
        partition_epoch: 0,
        elr: Vec::new(),
        last_known_elr: Vec::new(),
    }
}

fn config(topic: &str, name: &str, value: Option<&str>) -> Record {
    Record::Config(ConfigRecord {
        resource_type: 2,
        resource_name: topic.to_owned(),
        name: name.to_owned(),
        value: value.map(str::to_owned),
    })
}
