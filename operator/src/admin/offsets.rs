//! Where partitions begin and end, and what lies at a time.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_protocol::ErrorCode;
use kastellan_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kastellan_protocol::messages::list_offsets_response::ListOffsetsTopicResponse;
use kastellan_protocol::messages::{BrokerId, ListOffsetsRequest, TopicName};

use super::answer::outcome;
use super::{Admin, AdminError, Metadata, Partition, Refusal, by_topic, text};

/// A place in a partition, other than by offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// Its first record.
    Earliest,
    /// Behind its last record.
    Latest,
    /// The first record with this timestamp or a later one, in milliseconds since 1970; where there
    /// is none, behind the last record.
    Time(i64),
}

impl Spot {
    /// As `ListOffsets` has it.
    fn timestamp(self) -> i64 {
        match self {
            Self::Earliest => -2,
            Self::Latest => -1,
            Self::Time(at) => at,
        }
    }
}

/// An offset of each partition, or why there is none.
type Found = BTreeMap<Partition, Result<i64, Refusal>>;

impl Admin {
    /// The offset of `spot` in each of the partitions, all of which `metadata` has. Partitions that
    /// move are asked for again.
    pub async fn offsets(
        &mut self,
        metadata: &Metadata,
        partitions: &[Partition],
        spot: Spot,
    ) -> Result<Found, AdminError> {
        let mut found = self.offsets_until(metadata, partitions, spot).await?;
        if let Spot::Time(_) = spot {
            let beyond = |(partition, offset): (&Partition, &Result<i64, Refusal>)| {
                (*offset == Ok(-1)).then(|| partition.clone())
            };
            let late: Vec<Partition> = found.iter().filter_map(beyond).collect();
            if !late.is_empty() {
                found.extend(self.offsets_until(metadata, &late, Spot::Latest).await?);
            }
        }
        Ok(found)
    }

    async fn offsets_until(
        &mut self,
        metadata: &Metadata,
        partitions: &[Partition],
        spot: Spot,
    ) -> Result<Found, AdminError> {
        let deadline = self.deadline();
        let mut newer = None;
        let mut found = BTreeMap::new();
        let mut open: BTreeSet<Partition> = partitions.iter().cloned().collect();
        while !open.is_empty() {
            let metadata = newer.as_ref().unwrap_or(metadata);
            let (answers, failure) = self.offsets_once(metadata, &open, spot).await?;
            found.extend(answers);
            open.retain(|partition| match found.get(partition) {
                Some(Err(why)) => why.retriable,
                Some(Ok(_)) => false,
                None => true,
            });
            if open.is_empty() {
                break;
            }
            if !self.again(deadline).await {
                // what has a reason of its own keeps it
                let silent = open.iter().any(|partition| !found.contains_key(partition));
                return match failure {
                    Some(why) if silent => Err(why),
                    _ => Ok(found),
                };
            }
            let topics: BTreeSet<String> = open.iter().map(|(topic, _)| topic.clone()).collect();
            let topics: Vec<String> = topics.into_iter().collect();
            newer = Some(self.metadata(Some(&topics)).await?);
        }
        Ok(found)
    }

    /// What the leaders say, and the last failure of a connection.
    async fn offsets_once(
        &mut self,
        metadata: &Metadata,
        partitions: &BTreeSet<Partition>,
        spot: Spot,
    ) -> Result<(Found, Option<AdminError>), AdminError> {
        let mut found = Found::new();
        let mut by_leader = BTreeMap::<i32, Vec<(Partition, ())>>::new();
        for partition in partitions {
            if let Some(leader) = metadata.leader(partition) {
                by_leader.entry(leader).or_default().push((partition.clone(), ()));
                continue;
            }
            let error = if metadata.topics.contains_key(&partition.0) {
                ErrorCode::LeaderNotAvailable
            } else {
                ErrorCode::UnknownTopicOrPartition
            };
            found.insert(partition.clone(), outcome(error.code(), None).map(|()| -1));
        }
        let requests = by_leader.into_iter().map(|(leader, partitions)| {
            let topics = by_topic(partitions).into_iter().map(|(topic, partitions)| {
                let partitions = partitions.into_iter().map(|(number, ())| {
                    ListOffsetsPartition::default()
                        .with_partition_index(number)
                        .with_current_leader_epoch(-1)
                        .with_timestamp(spot.timestamp())
                });
                ListOffsetsTopic::default()
                    .with_name(TopicName(text(&topic)))
                    .with_partitions(partitions.collect())
            });
            let request = ListOffsetsRequest::default()
                .with_replica_id(BrokerId(-1))
                .with_topics(topics.collect());
            (leader, request)
        });
        let mut failure = None;
        for (_, answer) in self.ask_each(7, &requests.collect()).await {
            match answer {
                Ok(answer) => found.extend(answer.topics.into_iter().flat_map(told)),
                Err(why) if why.may_pass() => failure = Some(why),
                Err(why) => return Err(why),
            }
        }
        Ok((found, failure))
    }
}

/// What a leader says of a topic's partitions.
fn told(
    topic: ListOffsetsTopicResponse,
) -> impl Iterator<Item = (Partition, Result<i64, Refusal>)> {
    let name = topic.name.0.as_str().to_owned();
    topic.partitions.into_iter().map(move |partition| {
        let offset = outcome(partition.error_code, None).map(|()| partition.offset);
        ((name.clone(), partition.partition_index), offset)
    })
}
