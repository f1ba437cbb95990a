//! Topics get more partitions. They never get fewer: keys would move.

use std::collections::BTreeSet;

use kastellan_protocol::ErrorCode;

use super::{
    Controller, Effect, Failure, MAX_PARTITIONS_PER_REQUEST, NewPartitions, Reply,
    create_topics::{apply_all, new_partition},
    decide,
    placement::{check_assignment, place},
    repeated,
};
use crate::{
    id::BrokerId,
    machine::Ticket,
    metadata::{Image, Record, Topic, is_internal},
};

impl Controller {
    pub(super) fn create_partitions(
        &mut self,
        ticket: Ticket,
        topics: Vec<NewPartitions>,
        validate_only: bool,
        effects: &mut Vec<Effect>,
    ) {
        let twice = repeated(topics.iter().map(|topic| topic.topic.as_str()));
        let mut image = self.image.clone();
        let mut records = Vec::new();
        let mut results = Vec::with_capacity(topics.len());
        let mut answered = BTreeSet::new();
        for wanted in topics {
            if !answered.insert(wanted.topic.clone()) {
                continue;
            }
            let decided = if twice.contains(&wanted.topic) {
                Err(Failure::new(
                    ErrorCode::InvalidRequest,
                    format!("topic {:?} occurs more than once in the request", wanted.topic),
                ))
            } else {
                let room = MAX_PARTITIONS_PER_REQUEST - records.len();
                grow(&image, &wanted, room, self.placed(room)).and_then(|new| {
                    self.check_total(&wanted.topic, self.placed(room) + new.len())?;
                    self.mutations.charge(new.len())?;
                    Ok(new)
                })
            };
            let result = decided.map(|new| {
                apply_all(&mut image, &new);
                records.extend(new);
            });
            results.push((wanted.topic, result));
        }
        decide(ticket, records, Reply::Results(results), validate_only, effects);
    }
}

fn grow(
    image: &Image,
    wanted: &NewPartitions,
    room: usize,
    placed: usize,
) -> Result<Vec<Record>, Failure> {
    let topic = image.topic(&wanted.topic).ok_or_else(|| {
        Failure::new(ErrorCode::UnknownTopicOrPartition, "there is no such topic")
    })?;
    if is_internal(&wanted.topic) {
        return Err(Failure::new(
            ErrorCode::InvalidPartitions,
            format!(
                "{} keeps its number of partitions: it says where each group or id is kept, and \
                 with another number none would be found",
                wanted.topic
            ),
        ));
    }
    let current = topic.partitions.len();
    let added = usize::try_from(wanted.count)
        .ok()
        .and_then(|count| count.checked_sub(current))
        .filter(|added| *added > 0)
        .ok_or_else(|| {
            Failure::new(
                ErrorCode::InvalidPartitions,
                format!(
                    "topic {} has {current} partitions, {} would not be more",
                    wanted.topic, wanted.count
                ),
            )
        })?;
    if added > room {
        return Err(Failure::new(
            ErrorCode::PolicyViolation,
            format!(
                "one request creates at most {MAX_PARTITIONS_PER_REQUEST} partitions: split it"
            ),
        ));
    }
    let replicas = match &wanted.assignments {
        Some(assigned) => by_hand(image, topic, assigned, added)?,
        None => place(image, placed, added, factor(topic))?,
    };
    let first = i32::try_from(current).unwrap_or(i32::MAX);
    let record =
        |(index, replicas)| Record::Partition(new_partition(image, topic.id, index, replicas));
    Ok((first..).zip(replicas).map(record).collect())
}

/// New partitions get as many replicas as the first one has.
fn factor(topic: &Topic) -> usize {
    topic.partitions.get(&0).map_or(1, |partition| partition.replicas.len())
}

fn by_hand(
    image: &Image,
    topic: &Topic,
    assignments: &[Vec<BrokerId>],
    added: usize,
) -> Result<Vec<Vec<BrokerId>>, Failure> {
    if assignments.len() != added {
        return Err(Failure::new(
            ErrorCode::InvalidReplicaAssignment,
            format!("{added} partitions are added and {} are assigned", assignments.len()),
        ));
    }
    let first = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
    for (index, replicas) in (first..).zip(assignments) {
        check_assignment(image, index, replicas, factor(topic))?;
    }
    Ok(assignments.to_vec())
}
