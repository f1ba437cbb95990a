//! Topics come.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_protocol::ErrorCode;

use super::{
    Controller, CreatedTopic, Effect, Failure, MAX_PARTITIONS_PER_REQUEST, NewTopic, Reply, decide,
    placement::{check_assignment, place},
    repeated,
};
use crate::{
    config::{self, Overrides},
    id::{BrokerId, Uuid},
    machine::Ticket,
    metadata::{
        CLUSTER_METADATA, ConfigRecord, Image, NO_LEADER, PartitionRecord, Record, ResourceKind,
        TopicRecord, is_internal, validate_name,
    },
};

impl Controller {
    pub(super) fn create_topics(
        &mut self,
        ticket: Ticket,
        topics: Vec<NewTopic>,
        validate_only: bool,
        effects: &mut Vec<Effect>,
    ) {
        let twice = repeated(topics.iter().map(|topic| topic.name.as_str()));
        // the topics of one request see each other: their names may collide, and placement goes on
        let mut image = self.image.clone();
        let mut records = Vec::new();
        let mut created = Vec::with_capacity(topics.len());
        let mut answered = BTreeSet::new();
        let mut room = MAX_PARTITIONS_PER_REQUEST;
        for topic in topics {
            // a name that occurs twice is answered once: clients look results up by name
            if !answered.insert(topic.name.clone()) {
                continue;
            }
            let decided = if twice.contains(&topic.name) {
                Err(Failure::new(
                    ErrorCode::InvalidRequest,
                    format!("topic {:?} occurs more than once in the request", topic.name),
                ))
            } else {
                self.create_topic(&image, &topic, room).and_then(|plan| {
                    self.check_total(&topic.name, self.placed(room) + plan.partitions.len())?;
                    self.mutations.charge(plan.partitions.len())?;
                    Ok(plan)
                })
            };
            created.push(match decided {
                Ok(plan) => {
                    room -= plan.partitions.len();
                    let new = plan.records(&topic);
                    apply_all(&mut image, &new);
                    records.extend(new);
                    plan.created(topic, validate_only)
                }
                Err(failure) => refused(topic.name, failure),
            });
        }
        decide(ticket, records, Reply::Created(created), validate_only, effects);
    }

    fn create_topic(&self, image: &Image, topic: &NewTopic, room: usize) -> Result<Plan, Failure> {
        check_name(image, &topic.name)?;
        let overrides = self.check_configs(topic)?;
        let replicas = if topic.assignments.is_empty() {
            self.place_topic(image, topic, room)?
        } else {
            by_hand(image, topic)?
        };
        if replicas.len() > room {
            return Err(Failure::new(
                ErrorCode::PolicyViolation,
                format!(
                    "one request creates at most {MAX_PARTITIONS_PER_REQUEST} partitions: split it"
                ),
            ));
        }
        let partitions = replicas
            .into_iter()
            .zip(0..)
            .map(|(replicas, index)| new_partition(image, topic.id, index, replicas))
            .collect();
        Ok(Plan { partitions, overrides })
    }

    fn check_configs(&self, topic: &NewTopic) -> Result<Overrides, Failure> {
        let invalid = |message: String| Failure::new(ErrorCode::InvalidConfig, message);
        let mut overrides = Overrides::new();
        for (name, value) in &topic.configs {
            let Some(value) = value else {
                return Err(invalid(format!("{name} has no value: leave it out for its default")));
            };
            overrides.insert(name.clone(), value.clone());
        }
        config::check_topic(&overrides, &self.config)
            .map_err(|error| invalid(error.to_string()))?;
        Ok(overrides)
    }

    fn place_topic(
        &self,
        image: &Image,
        topic: &NewTopic,
        room: usize,
    ) -> Result<Vec<Vec<BrokerId>>, Failure> {
        let count = match topic.partitions {
            -1 => self.config.num_partitions,
            count => count,
        };
        let count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or_else(|| {
            Failure::new(
                ErrorCode::InvalidPartitions,
                format!("{count} partitions: a topic has 1 or more (-1 for the broker's default)"),
            )
        })?;
        let factor = match topic.replication_factor {
            -1 => self.config.default_replication_factor,
            factor => factor,
        };
        let factor =
            usize::try_from(factor).ok().filter(|factor| *factor > 0).ok_or_else(|| {
                Failure::new(
                    ErrorCode::InvalidReplicationFactor,
                    format!("replication factor {factor}: 1 or more (-1 for the broker's default)"),
                )
            })?;
        // one topic goes on where the last one ended, so that leaders stay even over small topics;
        // no more than can be used: the caller refuses what does not fit, and `count` is a client's
        place(image, self.placed(room), count.min(room + 1), factor)
    }

    /// Whether there may be so many partitions in all, with those that a topic is to get.
    pub(super) fn check_total(&self, topic: &str, partitions: usize) -> Result<(), Failure> {
        let most = self.config.max_partitions;
        if partitions <= most || is_internal(topic) {
            return Ok(());
        }
        let why = format!(
            "the cluster would have {partitions} partitions, and kastellan.max.partitions is \
             {most}: delete topics, or raise it"
        );
        Err(Failure::new(ErrorCode::PolicyViolation, why))
    }

    /// How many partitions there are when the request has room for `room` more.
    pub(super) fn placed(&self, room: usize) -> usize {
        self.index.partitions() + (MAX_PARTITIONS_PER_REQUEST - room)
    }
}

/// A topic that will be created.
struct Plan {
    partitions: Vec<PartitionRecord>,
    overrides: Overrides,
}

impl Plan {
    fn records(&self, topic: &NewTopic) -> Vec<Record> {
        let (name, id) = (topic.name.clone(), topic.id);
        let mut records = vec![Record::Topic(TopicRecord { name, id })];
        records.extend(self.overrides.iter().map(|(name, value)| {
            Record::Config(ConfigRecord {
                resource_type: ResourceKind::Topic.code(),
                resource_name: topic.name.clone(),
                name: name.clone(),
                value: Some(value.clone()),
            })
        }));
        records.extend(self.partitions.iter().cloned().map(Record::Partition));
        records
    }

    fn created(self, topic: NewTopic, validate_only: bool) -> CreatedTopic {
        let replicas = self.partitions.first().map_or(0, |partition| partition.replicas.len());
        CreatedTopic {
            name: topic.name,
            id: if validate_only { Uuid::nil() } else { topic.id },
            partitions: i32::try_from(self.partitions.len()).unwrap_or(i32::MAX),
            replication_factor: i16::try_from(replicas).unwrap_or(i16::MAX),
            overrides: self.overrides,
            result: Ok(()),
        }
    }
}

fn refused(name: String, failure: Failure) -> CreatedTopic {
    CreatedTopic {
        name,
        id: Uuid::nil(),
        partitions: -1,
        replication_factor: -1,
        overrides: Overrides::new(),
        result: Err(failure),
    }
}

fn check_name(image: &Image, name: &str) -> Result<(), Failure> {
    let invalid = |message: String| Err(Failure::new(ErrorCode::InvalidTopicException, message));
    if let Err(error) = validate_name(name) {
        return invalid(error.to_string());
    }
    if name == CLUSTER_METADATA {
        let message = format!("{CLUSTER_METADATA} is the log of cluster metadata, not a topic");
        return Err(Failure::new(ErrorCode::InvalidRequest, message));
    }
    if image.topic(name).is_some() {
        let message = format!("topic {name} exists already");
        return Err(Failure::new(ErrorCode::TopicAlreadyExists, message));
    }
    if let Some(other) = image.colliding(name) {
        return invalid(format!(
            "topic {name} collides with {other}: metrics cannot tell \".\" from \"_\""
        ));
    }
    Ok(())
}

/// The replicas as they were asked for, in the order of the partitions.
fn by_hand(image: &Image, topic: &NewTopic) -> Result<Vec<Vec<BrokerId>>, Failure> {
    if topic.partitions != -1 || topic.replication_factor != -1 {
        return Err(Failure::new(
            ErrorCode::InvalidRequest,
            "with an assignment by hand, the number of partitions and the replication factor have \
             to be -1: the assignment says both",
        ));
    }
    let refuse = |message| Err(Failure::new(ErrorCode::InvalidReplicaAssignment, message));
    let mut partitions = BTreeMap::new();
    for (index, replicas) in &topic.assignments {
        if partitions.insert(*index, replicas).is_some() {
            return refuse(format!("partition {index} is assigned twice"));
        }
    }
    let factor = partitions.values().next().map_or(0, |replicas| replicas.len());
    for (expected, (index, replicas)) in (0..).zip(&partitions) {
        if *index != expected {
            return refuse(format!("partitions count up from 0: {expected} is missing"));
        }
        check_assignment(image, *index, replicas, factor)?;
    }
    Ok(partitions.into_values().cloned().collect())
}

/// A partition with its first leader: the first running broker among its replicas.
pub(super) fn new_partition(
    image: &Image,
    topic: Uuid,
    partition: i32,
    replicas: Vec<BrokerId>,
) -> PartitionRecord {
    let running = |id: &&BrokerId| image.broker(**id).is_some_and(|broker| broker.is_active());
    let isr: Vec<_> = replicas.iter().filter(running).copied().collect();
    let directory = |id: &BrokerId| match image.broker(*id).map(|broker| &broker.log_dirs[..]) {
        Some([only]) => *only,
        _ => Uuid::nil(),
    };
    PartitionRecord {
        partition,
        topic,
        directories: replicas.iter().map(directory).collect(),
        leader: isr.first().copied().unwrap_or(NO_LEADER),
        replicas,
        isr,
        removing: Vec::new(),
        adding: Vec::new(),
        leader_recovery_state: 0,
        leader_epoch: 0,
        partition_epoch: 0,
        elr: Vec::new(),
        last_known_elr: Vec::new(),
    }
}

pub(super) fn apply_all(image: &mut Image, records: &[Record]) {
    for record in records {
        image.apply(record).expect("records that were just decided follow the image");
    }
}
