//! The tests' client with what these tests ask for: topics, batches, fetches.

use std::time::Duration;

use bytes::Bytes;
use kastellan_protocol::{
    batch::Builder,
    messages::{
        ApiKey, BrokerId, CreateTopicsRequest, FetchRequest, FetchResponse, ProduceRequest,
        ProduceResponse,
        create_topics_request::CreatableTopic,
        fetch_request::{FetchPartition, FetchTopic},
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    protocol::{Encodable, StrBytes},
};
use uuid::Uuid;

pub(super) use super::wire::{Client, topic_name};

/// A topic as a client knows it.
#[derive(Debug, Clone)]
pub(super) struct Topic {
    pub(super) name: &'static str,
    pub(super) id: Uuid,
}

/// What a fetch asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) version: i16,
    pub(super) max_wait_ms: i32,
    pub(super) min_bytes: i32,
    pub(super) max_bytes: i32,
    pub(super) partition_max_bytes: i32,
    pub(super) session: (i32, i32),
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            version: 12,
            max_wait_ms: 0,
            min_bytes: 1,
            max_bytes: 50 << 20,
            partition_max_bytes: 1 << 20,
            session: (0, -1),
        }
    }
}

impl Client {
    /// Whether nothing comes for a moment.
    pub(super) fn hears_nothing(&mut self) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let heard = self.stream.peek(&mut [0]);
        self.stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        heard.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }

    /// Creates a topic with these settings.
    pub(super) fn create(
        &mut self,
        name: &'static str,
        partitions: i32,
        settings: &[(&'static str, &'static str)],
    ) -> Topic {
        use kastellan_protocol::messages::create_topics_request::CreatableTopicConfig;
        let settings = settings.iter().map(|(name, value)| {
            CreatableTopicConfig::default()
                .with_name(StrBytes::from_static_str(name))
                .with_value(Some(StrBytes::from_static_str(value)))
        });
        let topic = CreatableTopic::default()
            .with_name(topic_name(name))
            .with_num_partitions(partitions)
            .with_replication_factor(1)
            .with_configs(settings.collect());
        let request =
            CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
        let response = self.call(7, &request);
        assert_eq!(response.topics[0].error_code, 0, "{response:?}");
        Topic { name, id: response.topics[0].topic_id }
    }

    pub(super) fn produce(
        &mut self,
        (version, acks): (i16, i16),
        topic: &Topic,
        batches: &[(i32, Bytes)],
    ) -> ProduceResponse {
        let request = produce_request((version, acks), topic, batches);
        self.call(version, &request)
    }

    /// Produces one batch with acks=all; returns (error code, base offset).
    pub(super) fn put(&mut self, topic: &Topic, partition: i32, batch: Bytes) -> (i16, i64) {
        let response = self.produce((9, -1), topic, &[(partition, batch)]);
        let answer = &response.responses[0].partition_responses[0];
        (answer.error_code, answer.base_offset)
    }

    pub(super) fn fetch(&mut self, ask: Ask, topic: &Topic, from: &[(i32, i64)]) -> FetchResponse {
        self.call(ask.version, &fetch_request(ask, topic, from))
    }
}

pub(super) fn produce_request(
    (version, acks): (i16, i16),
    topic: &Topic,
    batches: &[(i32, Bytes)],
) -> ProduceRequest {
    let partitions = batches.iter().map(|(index, batch)| {
        PartitionProduceData::default().with_index(*index).with_records(Some(batch.clone()))
    });
    let mut data = TopicProduceData::default().with_partition_data(partitions.collect());
    if version >= 13 {
        data.topic_id = topic.id;
    } else {
        data.name = topic_name(topic.name);
    }
    ProduceRequest::default().with_acks(acks).with_timeout_ms(10_000).with_topic_data(vec![data])
}

pub(super) fn fetch_request(ask: Ask, topic: &Topic, from: &[(i32, i64)]) -> FetchRequest {
    let partitions = from.iter().map(|(index, offset)| {
        FetchPartition::default()
            .with_partition(*index)
            .with_fetch_offset(*offset)
            .with_partition_max_bytes(ask.partition_max_bytes)
    });
    let mut wanted = FetchTopic::default().with_partitions(partitions.collect());
    if ask.version >= 13 {
        wanted.topic_id = topic.id;
    } else {
        wanted.topic = topic_name(topic.name);
    }
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(ask.max_wait_ms)
        .with_min_bytes(ask.min_bytes)
        .with_max_bytes(ask.max_bytes)
        .with_session_id(ask.session.0)
        .with_session_epoch(ask.session.1)
        .with_topics(if from.is_empty() { vec![] } else { vec![wanted] })
}

/// A batch of records with these values.
pub(super) fn batch(values: &[&str]) -> Bytes {
    let mut builder = Builder::new(0, -1);
    let now = crate::clock::Clock::new().now().wall;
    for value in values {
        builder.record(now, Some(b"key"), Some(value.as_bytes()), &[]);
    }
    builder.finish().into()
}

/// A batch of an idempotent producer.
pub(super) fn idempotent(id: i64, epoch: i16, sequence: i32, values: &[&str]) -> Bytes {
    let mut builder = Builder::new(0, -1);
    let now = crate::clock::Clock::new().now().wall;
    builder.producer(id, epoch, sequence);
    for value in values {
        builder.record(now, Some(b"key"), Some(value.as_bytes()), &[]);
    }
    builder.finish().into()
}

/// The values in a partition's records, with their offsets.
pub(super) fn values(records: Option<&Bytes>) -> Vec<(i64, String)> {
    let mut values = Vec::new();
    for one in kastellan_protocol::batch::batches(records.map_or(&[], |bytes| bytes)) {
        let (_, bytes) = one.unwrap();
        assert!(kastellan_protocol::batch::check_crc(bytes));
        let mut scratch = kastellan_protocol::batch::Scratch::default();
        kastellan_protocol::batch::for_each_record(bytes, &mut scratch, |record| {
            let value = String::from_utf8(record.value.unwrap_or_default().to_vec()).unwrap();
            values.push((record.offset, value));
            Ok::<_, kastellan_protocol::batch::Malformed>(())
        })
        .unwrap();
    }
    values
}

/// The frame of a request whose body is the caller's.
pub(super) fn raw_frame(api: ApiKey, version: i16, body: &impl Encodable) -> Vec<u8> {
    let mut bytes = Vec::new();
    body.encode(&mut bytes, version).unwrap();
    super::wire::frame(api, version, &bytes)
}
