//! How long a controller takes to start and to fence a broker where there are many partitions:
//! `cargo run --release -p kastellan-core --example controller_at_scale`.
#![expect(clippy::disallowed_types, clippy::print_stdout, reason = "it measures, and says so")]

use std::time::Instant;

use kastellan_core::{
    config::BrokerConfig,
    id::{BrokerId, Uuid},
    machine::{Machine as _, Millis, Now, Replicated as _, Ticket},
    metadata::{
        Controller, Effect, Image, Input, PartitionRecord, Record, RegisterBroker, TopicRecord,
    },
};

const BROKERS: i32 = 30;
const PARTITIONS: i32 = 100_000;
const PER_TOPIC: i32 = 100;

fn main() {
    let started = Instant::now();
    let mut image = Image::default();
    for record in records() {
        image.apply(&record).expect("records in order");
    }
    println!("image of {PARTITIONS} partitions: {:?}", started.elapsed());

    let started = Instant::now();
    let mut controller = Controller::new(image, BrokerId(0), BrokerConfig::default());
    println!("controller from it: {:?}", started.elapsed());

    let started = Instant::now();
    let (broker, epoch) = (BrokerId(1), 1);
    let now = Now { monotonic: Millis::ZERO, wall: 0 };
    let mut effects = Vec::new();
    controller.step(now, Input::Bootstrap { ticket: Ticket(0) }, &mut effects);
    println!("first input of a term: {:?}", started.elapsed());

    let started = Instant::now();
    effects.clear();
    controller.step(now, Input::Refused { broker, epoch }, &mut effects);
    let decided = started.elapsed();
    let mut changed = 0;
    for effect in effects {
        if let Effect::Append(records) = effect {
            changed += records.len() - 1;
            for record in &records {
                controller.apply(record);
            }
        }
    }
    println!(
        "one of {BROKERS} brokers fenced, {changed} partitions changed: decided in {decided:?}, \
         applied after {:?}",
        started.elapsed()
    );
}

fn records() -> impl Iterator<Item = Record> {
    let brokers = (0..BROKERS).map(|id| {
        Record::RegisterBroker(RegisterBroker {
            broker: BrokerId(id),
            incarnation: Uuid::from_u128(1),
            epoch: i64::from(id),
            endpoints: Vec::new(),
            features: Vec::new(),
            rack: None,
            fenced: false,
            in_controlled_shutdown: false,
            log_dirs: vec![Uuid::from_u128(u128::from(id.unsigned_abs()) + 1)],
        })
    });
    brokers.chain((0..PARTITIONS / PER_TOPIC).flat_map(|topic| {
        let id = Uuid::from_u128(u128::from(topic.unsigned_abs()) + 1);
        let created = Record::Topic(TopicRecord { name: format!("topic-{topic}"), id });
        let partition = move |index| partition(id, topic * PER_TOPIC, index);
        std::iter::once(created).chain((0..PER_TOPIC).map(partition))
    }))
}

fn partition(topic: Uuid, first: i32, index: i32) -> Record {
    let replicas: Vec<_> = (0..3).map(|it| BrokerId((first + index + it) % BROKERS)).collect();
    Record::Partition(PartitionRecord {
        partition: index,
        topic,
        isr: replicas.clone(),
        leader: replicas.first().copied().unwrap_or(BrokerId(0)),
        directories: vec![Uuid::nil(); 3],
        replicas,
        removing: Vec::new(),
        adding: Vec::new(),
        leader_recovery_state: 0,
        leader_epoch: 0,
        partition_epoch: 0,
        elr: Vec::new(),
        last_known_elr: Vec::new(),
    })
}
