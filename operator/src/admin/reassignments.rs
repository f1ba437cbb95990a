//! Partitions that move between brokers (KIP-455), what is elected once they have (KIP-460), and
//! brokers that are gone for good (KIP-631).

use std::collections::BTreeMap;

use kastellan_core::placement::Move;
use kastellan_protocol::ErrorCode;
use kastellan_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kastellan_protocol::messages::elect_leaders_request::TopicPartitions;
use kastellan_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, ElectLeadersRequest,
    ListPartitionReassignmentsRequest, TopicName, UnregisterBrokerRequest,
};

use super::answer::outcome;
use super::{Admin, AdminError, Answers, Partition, by_topic, text};

/// How a partition moves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reassigned {
    /// Who shall hold it, the preferred leader first.
    pub goal: Vec<i32>,
    /// Those of them who did not hold it before.
    pub added: Vec<i32>,
}

impl Admin {
    /// The partitions that move, and how. Empty where brokers do not tell.
    pub async fn reassignments(&mut self) -> Result<BTreeMap<Partition, Reassigned>, AdminError> {
        if !self.serves::<ListPartitionReassignmentsRequest>(0) {
            return Ok(BTreeMap::new());
        }
        let request = ListPartitionReassignmentsRequest::default()
            .with_timeout_ms(self.timeout_ms())
            .with_topics(None);
        let answer = self.ask(None, 0, &request).await?;
        outcome(answer.error_code, answer.error_message.as_ref())?;
        let moving = answer.topics.into_iter().flat_map(|topic| {
            let name = topic.name.as_str().to_owned();
            topic.partitions.into_iter().map(move |partition| {
                let goes = |id: &&_| !partition.removing_replicas.contains(id);
                let goal = partition.replicas.iter().filter(goes).map(|id| id.0).collect();
                let added = partition.adding_replicas.iter().map(|id| id.0).collect();
                ((name.clone(), partition.partition_index), Reassigned { goal, added })
            })
        });
        Ok(moving.collect())
    }

    /// Has partitions move; what was refused and why, by `topic-partition`.
    pub async fn reassign(&mut self, moves: &[Move]) -> Result<Answers, AdminError> {
        let targets = moves.iter().map(|step| {
            let ids = step.to.iter().map(|id| BrokerId(id.0)).collect();
            ((step.topic.as_ref().to_owned(), step.index), ids)
        });
        let topics = by_topic(targets).into_iter().map(|(name, partitions)| {
            let partitions = partitions.into_iter().map(|(index, ids)| {
                ReassignablePartition::default()
                    .with_partition_index(index)
                    .with_replicas(Some(ids))
            });
            ReassignableTopic::default()
                .with_name(TopicName(text(&name)))
                .with_partitions(partitions.collect())
        });
        let request = AlterPartitionReassignmentsRequest::default()
            .with_timeout_ms(self.timeout_ms())
            .with_topics(topics.collect());
        let answer = self.ask(None, 0, &request).await?;
        outcome(answer.error_code, answer.error_message.as_ref())?;
        let answers = answer.responses.into_iter().flat_map(|topic| {
            let name = topic.name.as_str().to_owned();
            topic.partitions.into_iter().map(move |it| {
                let outcome = outcome(it.error_code, it.error_message.as_ref());
                (format!("{name}-{}", it.partition_index), outcome)
            })
        });
        Ok(answers.collect())
    }

    /// Has the preferred replicas of these partitions lead them; what was refused and why, by
    /// `topic-partition`. That one leads already is no refusal.
    pub async fn elect(&mut self, partitions: &[Partition]) -> Result<Answers, AdminError> {
        let asked = partitions.iter().map(|partition| (partition.clone(), ()));
        let topics = by_topic(asked).into_iter().map(|(name, partitions)| {
            TopicPartitions::default()
                .with_topic(TopicName(text(&name)))
                .with_partitions(partitions.into_iter().map(|(index, ())| index).collect())
        });
        let request = ElectLeadersRequest::default()
            .with_election_type(0)
            .with_timeout_ms(self.timeout_ms())
            .with_topic_partitions(Some(topics.collect()));
        let answer = self.ask(None, 2, &request).await?;
        outcome(answer.error_code, None)?;
        let answers = answer.replica_election_results.into_iter().flat_map(|topic| {
            let name = topic.topic.as_str().to_owned();
            topic.partition_result.into_iter().map(move |it| {
                let outcome = match outcome(it.error_code, it.error_message.as_ref()) {
                    Err(why) if why.is(ErrorCode::ElectionNotNeeded) => Ok(()),
                    outcome => outcome,
                };
                (format!("{name}-{}", it.partition_id), outcome)
            })
        });
        Ok(answers.collect())
    }

    /// Forgets a broker that does not come back. One that is not registered is forgotten already.
    pub async fn unregister(&mut self, id: i32) -> Result<(), AdminError> {
        let request = UnregisterBrokerRequest::default().with_broker_id(BrokerId(id));
        let answer = self.ask(None, 0, &request).await?;
        match outcome(answer.error_code, answer.error_message.as_ref()) {
            Err(why) if !why.is(ErrorCode::BrokerIdNotRegistered) => Err(why.into()),
            _ => Ok(()),
        }
    }
}
