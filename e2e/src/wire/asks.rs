//! What most tests ask of a broker: a topic, and batches into it.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{CreateTopicsRequest, ProduceRequest, ProduceResponse};
use kafka_protocol::protocol::StrBytes;

use super::Wire;
use crate::process::pause;

/// A version of `Produce` that names topics and that Apache Kafka serves as we do.
pub const PRODUCE: i16 = 9;
/// The same of `CreateTopics`.
const CREATE: i16 = 5;

/// A text as messages have it.
pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// One batch for one partition, with acks=all.
pub fn produce(topic: &str, index: i32, batch: impl Into<Bytes>) -> ProduceRequest {
    let data = PartitionProduceData::default().with_index(index).with_records(Some(batch.into()));
    let topic =
        TopicProduceData::default().with_name(text(topic).into()).with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(-1).with_timeout_ms(30_000).with_topic_data(vec![topic])
}

/// What became of the batch of [`produce`]: its offset, or the error code.
pub fn produced(answer: &ProduceResponse) -> Result<Result<i64, i16>> {
    let part = answer.responses.first().and_then(|topic| topic.partition_responses.first());
    let part = part.context("no answer for the partition")?;
    Ok(if part.error_code == 0 { Ok(part.base_offset) } else { Err(part.error_code) })
}

impl Wire {
    /// Creates a topic with one replica.
    pub fn create(&mut self, topic: &str, partitions: i32, configs: &[(&str, &str)]) -> Result<()> {
        let code = self.try_create(topic, partitions, configs)?;
        ensure!(code == 0, "creating {topic} answered {code}");
        Ok(())
    }

    /// Creates a topic with as many replicas as the brokers give it by themselves.
    pub fn create_by_default(&mut self, topic: &str, partitions: i32) -> Result<()> {
        let code = self.create_with(topic, partitions, -1, &[])?;
        ensure!(code == 0, "creating {topic} answered {code}");
        Ok(())
    }

    /// [`Wire::create`], for whom refusals are no failures; the error code.
    pub fn try_create(
        &mut self,
        topic: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Result<i16> {
        self.create_with(topic, partitions, 1, configs)
    }

    fn create_with(
        &mut self,
        topic: &str,
        partitions: i32,
        replicas: i16,
        configs: &[(&str, &str)],
    ) -> Result<i16> {
        let config = |(name, value): &(&str, &str)| {
            CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
        };
        let wanted = CreatableTopic::default()
            .with_name(text(topic).into())
            .with_num_partitions(partitions)
            .with_replication_factor(replicas)
            .with_configs(configs.iter().map(config).collect());
        let request =
            CreateTopicsRequest::default().with_topics(vec![wanted]).with_timeout_ms(60_000);
        let answer = self.call(CREATE, &request)?;
        Ok(answer.topics.first().context("no answer for the topic")?.error_code)
    }

    /// Writes a batch with acks=all; its offset. Waits where the partition is not led yet: Kafka
    /// tells of a leader before that leader knows.
    pub fn produce(&mut self, topic: &str, index: i32, batch: impl Into<Bytes>) -> Result<i64> {
        let request = produce(topic, index, batch);
        loop {
            match produced(&self.call(PRODUCE, &request)?)? {
                Ok(offset) => return Ok(offset),
                Err(3 | 6) => pause(),
                Err(code) => bail!("{topic}-{index} refused a batch with {code}"),
            }
        }
    }
}
