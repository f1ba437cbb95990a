//! What the counted requests are about: one topic, single batches, and a group's coordinator.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use kastellan_protocol::{
    batch::Builder,
    messages::{
        BrokerId, CreateAclsRequest, FetchRequest, FetchResponse, FindCoordinatorRequest,
        ProduceRequest,
        create_acls_request::AclCreation,
        fetch_request::{FetchPartition, FetchTopic},
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    protocol::StrBytes,
};

use crate::client::{Client, topic_name};

/// The only topic.
pub(crate) const TOPIC: &str = "t";

impl Client {
    /// Appends a batch to the topic `t`.
    pub(crate) fn produce(&mut self, acks: i16, batch: &Bytes) {
        let answer = self.call(9, &produce(acks, batch));
        let answer = &answer.responses[0].partition_responses[0];
        assert_eq!(answer.error_code, 0, "{answer:?}");
    }

    /// Lets everybody do everything with what begins as `name` does.
    pub(crate) fn allow_all_by_prefix(&mut self, name: &str) {
        let text = |text: &str| StrBytes::from_string(text.to_owned());
        // Kafka's numbers: a topic, prefixed, all operations, allow
        let entry = AclCreation::default()
            .with_resource_type(2)
            .with_resource_name(text(name))
            .with_resource_pattern_type(4)
            .with_principal(text("User:ANONYMOUS"))
            .with_host(text("*"))
            .with_operation(2)
            .with_permission_type(3);
        let request = CreateAclsRequest::default().with_creations(vec![entry]);
        let answer = self.call(3, &request);
        assert_eq!(answer.results[0].error_code, 0, "{answer:?}");
    }

    /// Waits until groups are coordinated.
    pub(crate) fn find_coordinator(&mut self) {
        let request = FindCoordinatorRequest::default().with_key(StrBytes::from_static_str("g"));
        let began = Instant::now();
        while self.call(1, &request).error_code != 0 {
            assert!(began.elapsed() < Duration::from_secs(20), "no coordinator");
        }
    }
}

fn produce(acks: i16, batch: &Bytes) -> ProduceRequest {
    let data = PartitionProduceData::default().with_index(0).with_records(Some(batch.clone()));
    let topic =
        TopicProduceData::default().with_name(topic_name(TOPIC)).with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(acks).with_timeout_ms(10_000).with_topic_data(vec![topic])
}

/// A fetch of one batch of the topic `t`; `session` is id and epoch.
pub(crate) fn fetch(offset: i64, session: (i32, i32)) -> FetchRequest {
    let wanted = FetchPartition::default()
        .with_partition(0)
        .with_fetch_offset(offset)
        // The first batch comes whole, and none besides.
        .with_partition_max_bytes(1);
    let topic = FetchTopic::default().with_topic(topic_name(TOPIC)).with_partitions(vec![wanted]);
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(10_000)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_id(session.0)
        .with_session_epoch(session.1)
        .with_topics(vec![topic])
}

/// Whether a fetch brought records.
pub(crate) fn has_records(response: &FetchResponse) -> bool {
    let records = response.responses[0].partitions[0].records.as_ref();
    records.is_some_and(|records| !records.is_empty())
}

/// A batch of one record whose value has `len` bytes.
pub(crate) fn batch(len: usize) -> Bytes {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let mut builder = Builder::new(0, -1);
    builder.record(i64::try_from(now).unwrap(), None, Some(&vec![b'x'; len]), &[]);
    builder.finish().into()
}
