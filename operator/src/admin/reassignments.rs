//! Partitions that move between brokers (KIP-455).

use std::collections::BTreeMap;

use kastellan_protocol::messages::ListPartitionReassignmentsRequest;

use super::answer::outcome;
use super::{Admin, AdminError, Partition};

impl Admin {
    /// The partitions that move, and who shall hold them. Empty where brokers do not tell.
    pub async fn reassignments(&mut self) -> Result<BTreeMap<Partition, Vec<i32>>, AdminError> {
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
                let stay = partition.replicas.iter().filter(goes).map(|id| id.0);
                ((name.clone(), partition.partition_index), stay.collect())
            })
        });
        Ok(moving.collect())
    }
}
