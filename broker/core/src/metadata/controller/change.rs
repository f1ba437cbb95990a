//! Requests that change partitions one by one, each with an answer of its own: elections and
//! reassignments.

use super::{
    Controller, Effect, Failure, MAX_PARTITIONS_PER_REQUEST, PartitionResults, Reply,
    create_topics::apply_all, decide,
};
use crate::{
    id::Uuid,
    machine::Ticket,
    metadata::{Image, Partition, PartitionChangeRecord, Record, Topic},
};
use kastellan_protocol::ErrorCode;

impl Controller {
    /// Decides about one partition after the other, each on top of the ones before it.
    /// `decide_one` gives the change, if any. Answers with [`Reply::Partitions`].
    pub(super) fn change_partitions<T>(
        &self,
        ticket: Ticket,
        topics: Vec<(String, Vec<(i32, T)>)>,
        mut decide_one: impl FnMut(
            &Image,
            Place<'_>,
            T,
        ) -> Result<Option<PartitionChangeRecord>, Failure>,
        effects: &mut Vec<Effect>,
    ) {
        let mut image = self.image.clone();
        let mut records = Vec::new();
        let mut answers: PartitionResults = Vec::with_capacity(topics.len());
        for (name, partitions) in topics {
            let mut results = Vec::with_capacity(partitions.len());
            for (index, wanted) in partitions {
                let found = image.topic(&name).cloned();
                let place = found.as_deref().and_then(|topic| {
                    let state = topic.partitions.get(&index)?;
                    Some(Place { topic, index, state })
                });
                let decided = match place {
                    None => Err(Failure::new(
                        ErrorCode::UnknownTopicOrPartition,
                        "there is no such partition",
                    )),
                    Some(_) if records.len() >= MAX_PARTITIONS_PER_REQUEST => Err(too_many()),
                    Some(place) => decide_one(&image, place, wanted),
                };
                let result = decided.map(|change| {
                    let change = change.map(Record::PartitionChange);
                    apply_all(&mut image, change.as_slice());
                    records.extend(change);
                });
                results.push((index, result));
            }
            answers.push((name, results));
        }
        decide(ticket, records, Reply::Partitions(answers), false, effects);
    }
}

/// A partition that exists.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) topic: &'a Topic,
    pub(super) index: i32,
    pub(super) state: &'a Partition,
}

impl<'a> Place<'a> {
    /// The partition `index` of `topic` in `image`.
    pub(super) fn of(image: &'a Image, topic: &Uuid, index: i32) -> Option<Self> {
        let topic = image.topic_by_id(topic)?;
        let state = topic.partitions.get(&index)?;
        Some(Self { topic, index, state })
    }

    /// A change of this partition that changes nothing yet.
    pub(super) fn change(&self) -> PartitionChangeRecord {
        PartitionChangeRecord::new(self.topic.id, self.index)
    }
}

fn too_many() -> Failure {
    Failure::new(
        ErrorCode::PolicyViolation,
        format!("one request changes at most {MAX_PARTITIONS_PER_REQUEST} partitions: split it"),
    )
}
