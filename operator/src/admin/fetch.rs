//! Reading partitions from an offset on.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kastellan_protocol::batch;
use kastellan_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kastellan_protocol::messages::{BrokerId, FetchRequest, TopicName};

use super::answer::outcome;
use super::{Admin, AdminError, Metadata, Partition, Refusal, by_topic, text};

/// What one partition gives at once, in bytes; its first batch comes whole even if it is larger.
const PARTITION_BYTES: i32 = 4 << 20;
/// What one broker gives at once, in bytes.
const BROKER_BYTES: i32 = 16 << 20;
/// Enough for the head of a batch.
const HEAD_BYTES: i32 = 1 << 10;

/// Where to go on reading a partition.
pub type Position = (Partition, i64);

/// What a partition gave.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Whole batches, and perhaps a piece of one more.
    pub records: Bytes,
    /// Behind the last record that every replica in sync has.
    pub high_watermark: i64,
}

/// What each partition gave, or why it gave nothing.
type Answers = BTreeMap<Partition, Result<Fetched, Refusal>>;

impl Admin {
    /// Reads from each position on, waiting up to `wait` for the first record. Partitions without a
    /// leader are left out.
    pub async fn fetch(
        &mut self,
        metadata: &Metadata,
        positions: &[Position],
        wait: Duration,
    ) -> Result<Answers, AdminError> {
        self.fetch_bytes(metadata, positions, wait, PARTITION_BYTES).await
    }

    async fn fetch_bytes(
        &mut self,
        metadata: &Metadata,
        positions: &[Position],
        wait: Duration,
        bytes: i32,
    ) -> Result<Answers, AdminError> {
        let mut by_leader = BTreeMap::<i32, Vec<Position>>::new();
        for position in positions {
            if let Some(leader) = metadata.leader(&position.0) {
                by_leader.entry(leader).or_default().push(position.clone());
            }
        }
        let requests = by_leader.into_iter().map(|(leader, positions)| {
            let topics = by_topic(positions).into_iter().map(|(topic, partitions)| {
                let partitions = partitions.into_iter().map(|(number, offset)| {
                    FetchPartition::default()
                        .with_partition(number)
                        .with_current_leader_epoch(-1)
                        .with_fetch_offset(offset)
                        .with_last_fetched_epoch(-1)
                        .with_log_start_offset(-1)
                        .with_partition_max_bytes(bytes)
                });
                FetchTopic::default()
                    .with_topic(TopicName(text(&topic)))
                    .with_partitions(partitions.collect())
            });
            let request = FetchRequest::default()
                .with_replica_id(BrokerId(-1))
                .with_max_wait_ms(i32::try_from(wait.as_millis()).unwrap_or(i32::MAX))
                .with_min_bytes(1)
                .with_max_bytes(BROKER_BYTES)
                // no fetch session (KIP-227)
                .with_session_id(0)
                .with_session_epoch(-1)
                .with_topics(topics.collect());
            (leader, request)
        });
        let mut found = Answers::new();
        for (_, answer) in self.ask_each(12, &requests.collect()).await {
            let answer = answer?;
            outcome(answer.error_code, None)?;
            for topic in answer.responses {
                for partition in topic.partitions {
                    let key = (topic.topic.as_str().to_owned(), partition.partition_index);
                    let fetched = outcome(partition.error_code, None).map(|()| Fetched {
                        records: partition.records.unwrap_or_default(),
                        high_watermark: partition.high_watermark,
                    });
                    found.insert(key, fetched);
                }
            }
        }
        Ok(found)
    }

    /// The timestamp of the batch that holds each position, in milliseconds since 1970: the first
    /// kilobyte of it is read, and no record. Positions at the end of a log have none.
    pub async fn timestamps(
        &mut self,
        metadata: &Metadata,
        positions: &[Position],
    ) -> Result<BTreeMap<Partition, i64>, AdminError> {
        let answers = self.fetch_bytes(metadata, positions, Duration::ZERO, HEAD_BYTES).await?;
        let timestamp = |(partition, fetched): (Partition, Result<Fetched, Refusal>)| {
            let header = batch::Header::parse(&fetched.ok()?.records).ok()?;
            let appended = header.log_append_time();
            let time = if appended { header.max_timestamp } else { header.base_timestamp };
            (time >= 0).then_some((partition, time))
        };
        Ok(answers.into_iter().filter_map(timestamp).collect())
    }
}
