//! Requests, and what matters of their answers: an error is the code where there is one.

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::{
    BrokerId, FetchRequest, FindCoordinatorRequest, InitProducerIdRequest, ListOffsetsRequest,
    MetadataRequest, OffsetCommitRequest, OffsetFetchRequest,
};

use crate::batch;
use crate::wire::{Wire, text};

/// How long a fetch waits for records, in milliseconds.
const WAIT_MS: i32 = 100;

/// Who leads the partition.
pub(super) fn leader(wire: &mut Wire, topic: &str, partition: i32) -> Result<i32> {
    let wanted = MetadataRequestTopic::default().with_name(Some(text(topic).into()));
    let request = MetadataRequest::default().with_topics(Some(vec![wanted]));
    let answer = wire.call(8, &request)?;
    let topic = answer.topics.first().context("no topic in the answer")?;
    let of = topic.partitions.iter().find(|it| it.partition_index == partition);
    let leader = of.context("no such partition")?.leader_id.0;
    ensure!(leader >= 0, "nobody leads");
    Ok(leader)
}

/// Who coordinates the group.
pub(super) fn coordinator(wire: &mut Wire, group: &str) -> Result<i32> {
    let answer = wire.call(1, &FindCoordinatorRequest::default().with_key(text(group)))?;
    ensure!(answer.error_code == 0, "no coordinator: {}", answer.error_code);
    Ok(answer.node_id.0)
}

/// The id of a producer that is idempotent, and its epoch.
pub(super) fn producer(wire: &mut Wire) -> Result<(i64, i16)> {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(60_000);
    let answer = wire.call(1, &request)?;
    ensure!(answer.error_code == 0, "no producer id: {}", answer.error_code);
    Ok((answer.producer_id.0, answer.producer_epoch))
}

/// Where the partition ends.
pub(super) fn end(wire: &mut Wire, topic: &str, partition: i32) -> Result<Result<i64, i16>> {
    let part = ListOffsetsPartition::default().with_partition_index(partition).with_timestamp(-1);
    let topic =
        ListOffsetsTopic::default().with_name(text(topic).into()).with_partitions(vec![part]);
    let request =
        ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
    let answer = wire.call(4, &request)?;
    let part = answer.topics.first().and_then(|topic| topic.partitions.first());
    let part = part.context("no answer for the partition")?;
    Ok(if part.error_code == 0 { Ok(part.offset) } else { Err(part.error_code) })
}

/// Offsets and values of records from `from` on.
pub(super) type Fetched = Vec<(i64, Vec<u8>)>;

/// What there is from `from` on.
pub(super) fn fetch(
    wire: &mut Wire,
    (topic, partition): (&str, i32),
    from: i64,
) -> Result<Result<Fetched, i16>> {
    let part = FetchPartition::default()
        .with_partition(partition)
        .with_fetch_offset(from)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic(text(topic).into()).with_partitions(vec![part]);
    let request = FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(WAIT_MS)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    let answer = wire.call(11, &request)?;
    let part = answer.responses.first().and_then(|topic| topic.partitions.first());
    let part = part.context("no answer for the partition")?;
    if part.error_code != 0 {
        return Ok(Err(part.error_code));
    }
    let mut records = batch::read(part.records.as_deref().unwrap_or_default())?;
    // a batch is answered whole, also where the reader is in the middle of it
    records.retain(|(offset, _)| *offset >= from);
    Ok(Ok(records))
}

/// Commits an offset for the group that has the topic's name; the error code.
pub(super) fn commit(wire: &mut Wire, (topic, partition): (&str, i32), offset: i64) -> Result<i16> {
    let part = OffsetCommitRequestPartition::default()
        .with_partition_index(partition)
        .with_committed_offset(offset);
    let of = OffsetCommitRequestTopic::default()
        .with_name(text(topic).into())
        .with_partitions(vec![part]);
    let request = OffsetCommitRequest::default()
        .with_group_id(text(topic).into())
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![of]);
    let answer = wire.call(7, &request)?;
    let part = answer.topics.first().and_then(|topic| topic.partitions.first());
    Ok(part.context("no answer for the partition")?.error_code)
}

/// The committed offset of the group that has the topic's name.
pub(super) fn committed(wire: &mut Wire, topic: &str, partition: i32) -> Result<Result<i64, i16>> {
    let of = OffsetFetchRequestTopic::default()
        .with_name(text(topic).into())
        .with_partition_indexes(vec![partition]);
    let request =
        OffsetFetchRequest::default().with_group_id(text(topic).into()).with_topics(Some(vec![of]));
    let answer = wire.call(5, &request)?;
    if answer.error_code != 0 {
        return Ok(Err(answer.error_code));
    }
    let part = answer.topics.first().and_then(|topic| topic.partitions.first());
    let part = part.context("no answer for the partition")?;
    Ok(if part.error_code == 0 { Ok(part.committed_offset) } else { Err(part.error_code) })
}
