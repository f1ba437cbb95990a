//! Writing batches: one at a time per partition, each exactly once.
//!
//! With acks=all the producer is idempotent (KIP-98): a batch whose answer was lost is sent again
//! under the sequence it had, and the broker takes it once. One batch per partition is under way at
//! a time, so nothing overtakes.

use std::collections::BTreeMap;

use bytes::Bytes;
use kastellan_protocol::ErrorCode;
use kastellan_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kastellan_protocol::messages::{
    InitProducerIdRequest, ProduceRequest, ProducerId, TopicName, TransactionalId,
};
use tokio::time::Instant;

use super::answer::outcome;
use super::{Admin, AdminError, Metadata, Partition, Refusal, text};

/// Who writes: an id that the cluster gave, and its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Producer {
    /// The id.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
}

/// The first offset of each partition's batch, or why it was refused.
type Written = BTreeMap<i32, Result<i64, Refusal>>;

impl Admin {
    /// A new identity for an idempotent producer.
    pub async fn producer(&mut self) -> Result<Producer, AdminError> {
        let deadline = self.deadline();
        loop {
            let request = InitProducerIdRequest::default()
                .with_transactional_id(None::<TransactionalId>)
                .with_transaction_timeout_ms(0)
                .with_producer_id(ProducerId(-1))
                .with_producer_epoch(-1);
            let answer = self.ask(None, 4, &request).await?;
            match outcome(answer.error_code, None) {
                Ok(()) => {
                    let (id, epoch) = (answer.producer_id.0, answer.producer_epoch);
                    return Ok(Producer { id, epoch });
                }
                Err(why) if why.retriable && self.again(deadline).await => {}
                Err(why) => return Err(why.into()),
            }
        }
    }

    /// Writes one batch to each of some partitions of `topic`, and brings `metadata` up to date
    /// where they have moved. What is refused for a passing reason is sent again for as long as our
    /// patience lasts. The first offset of each batch (-1 when `acks` is 0), or why it was refused.
    pub async fn produce(
        &mut self,
        metadata: &mut Metadata,
        topic: &str,
        acks: i16,
        batches: &BTreeMap<i32, Bytes>,
    ) -> Result<Written, AdminError> {
        let deadline = self.deadline();
        let mut done = Written::new();
        let mut open = batches.clone();
        loop {
            let (written, failure) = self.produce_once(metadata, topic, acks, &open).await?;
            done.extend(written);
            open.retain(|number, _| match done.get(number) {
                Some(Err(why)) => why.retriable,
                Some(Ok(_)) => false,
                None => true,
            });
            if open.is_empty() {
                return Ok(done);
            }
            if Instant::now() >= deadline || !self.again(deadline).await {
                return match failure {
                    Some(why) if open.keys().any(|number| !done.contains_key(number)) => Err(why),
                    _ => Ok(done),
                };
            }
            *metadata = self.metadata(Some(&[topic.to_owned()])).await?;
        }
    }

    async fn produce_once(
        &mut self,
        metadata: &Metadata,
        topic: &str,
        acks: i16,
        batches: &BTreeMap<i32, Bytes>,
    ) -> Result<(Written, Option<AdminError>), AdminError> {
        let mut done = Written::new();
        let mut by_leader = BTreeMap::<i32, Vec<PartitionProduceData>>::new();
        for (number, batch) in batches {
            let place: Partition = (topic.to_owned(), *number);
            if let Some(leader) = metadata.leader(&place) {
                let data = PartitionProduceData::default();
                let data = data.with_index(*number).with_records(Some(batch.clone()));
                by_leader.entry(leader).or_default().push(data);
            } else {
                let code = ErrorCode::LeaderNotAvailable.code();
                done.insert(*number, outcome(code, None).map(|()| -1));
            }
        }
        let requests = by_leader.into_iter().map(|(leader, partitions)| {
            let topic = TopicProduceData::default()
                .with_name(TopicName(text(topic)))
                .with_partition_data(partitions);
            let request = ProduceRequest::default()
                .with_acks(acks)
                .with_timeout_ms(self.timeout_ms())
                .with_topic_data(vec![topic]);
            (leader, request)
        });
        let requests: BTreeMap<i32, ProduceRequest> = requests.collect();
        if acks == 0 {
            done.extend(self.produce_unheard(requests).await?);
            return Ok((done, None));
        }
        let mut failure = None;
        for (_, answer) in self.ask_each(9, &requests).await {
            let answer = match answer {
                Ok(answer) => answer,
                Err(why @ (AdminError::Silence(..) | AdminError::Foreign)) => return Err(why),
                Err(why) if why.may_pass() => {
                    failure = Some(why);
                    continue;
                }
                Err(why) => return Err(why),
            };
            for one in answer.responses.into_iter().flat_map(|topic| topic.partition_responses) {
                let written = match outcome(one.error_code, one.error_message.as_ref()) {
                    // the answer to it was lost, it was not
                    Err(why) if why.is(ErrorCode::DuplicateSequenceNumber) => Ok(one.base_offset),
                    other => other.map(|()| one.base_offset),
                };
                done.insert(one.index, written);
            }
        }
        Ok((done, failure))
    }

    /// acks=0: nobody answers, and nothing is known.
    async fn produce_unheard(
        &mut self,
        requests: BTreeMap<i32, ProduceRequest>,
    ) -> Result<Written, AdminError> {
        let mut done = Written::new();
        for (node, request) in requests {
            self.link(Some(node)).await?.send(9, &request).await?;
            let numbers = request.topic_data.iter().flat_map(|topic| &topic.partition_data);
            done.extend(numbers.map(|one| (one.index, Ok(-1))));
        }
        Ok(done)
    }
}
