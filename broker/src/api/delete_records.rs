//! `DeleteRecords`: the log of a partition starts later from now on (KIP-107).

use std::{collections::BTreeMap, sync::Arc};

use kastellan_core::{id::Offset, metadata::is_internal};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DeleteRecordsRequest, DeleteRecordsResponse, TopicName,
        delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
    },
};

use crate::{
    access::needs::DELETE_RECORDS, broker::Broker, call::Call, maintenance::write_checkpoints,
    partition::Partition,
};

/// Where a partition starts from now on, or why not.
type Deleted = Result<(Arc<Partition>, Offset), ErrorCode>;

/// Answers once the new starts are on the disk: what a client knows to be deleted does not come
/// back. With one replica there is nobody else to wait for, so the request's time is never over.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DeleteRecordsRequest = call.decode()?;
    let broker = Arc::clone(broker);
    drop(tokio::task::spawn_blocking(move || answer(&broker, call, request)));
    Ok(())
}

fn answer(broker: &Broker, call: Call, request: DeleteRecordsRequest) {
    // The last word counts where a partition is named twice, as in Kafka.
    let mut wanted: BTreeMap<TopicName, BTreeMap<i32, Offset>> = BTreeMap::new();
    for topic in request.topics.into_iter().filter(|topic| !topic.partitions.is_empty()) {
        let partitions = topic.partitions.iter().map(|it| (it.partition_index, it.offset));
        wanted.entry(topic.name).or_default().extend(partitions);
    }
    let judge = broker.judge(&call.client);
    let deleted: Vec<(TopicName, Vec<(i32, Deleted)>)> = wanted
        .into_iter()
        .map(|(topic, partitions)| {
            let may = judge.may(DELETE_RECORDS, &topic);
            let delete = |(index, before)| {
                let denied = Err(ErrorCode::TopicAuthorizationFailed);
                (index, if may { delete(broker, &topic, index, before) } else { denied })
            };
            let partitions = partitions.into_iter().map(delete).collect();
            (topic, partitions)
        })
        .collect();
    drop(judge);
    write_down(broker, &deleted);
    let topics = deleted.into_iter().map(|(topic, partitions)| {
        let result = |(index, deleted): (i32, Deleted)| {
            let (code, low_watermark) = match deleted {
                Ok((partition, start)) if partition.is_start_durable(start) => (0, start),
                Ok(_) => (ErrorCode::KafkaStorageError.code(), -1),
                Err(code) => (code.code(), -1),
            };
            DeleteRecordsPartitionResult::default()
                .with_partition_index(index)
                .with_low_watermark(low_watermark)
                .with_error_code(code)
        };
        let partitions = partitions.into_iter().map(result).collect();
        DeleteRecordsTopicResult::default().with_name(topic).with_partitions(partitions)
    });
    call.reply.send(&DeleteRecordsResponse::default().with_topics(topics.collect()));
}

fn delete(broker: &Broker, topic: &str, index: i32, before: Offset) -> Deleted {
    let partition = broker.partitions.get(topic, index)?;
    if is_internal(topic) {
        return Err(ErrorCode::InvalidTopicException);
    }
    let start = partition.delete_records(before)?;
    Ok((partition, start))
}

/// Writes the new starts down, as far as their log directories take them.
fn write_down(broker: &Broker, deleted: &[(TopicName, Vec<(i32, Deleted)>)]) {
    let all = deleted.iter().flat_map(|(_, partitions)| partitions);
    let moved: Vec<_> = all
        .filter_map(|(_, deleted)| deleted.as_ref().ok())
        .map(|(partition, _)| Arc::clone(partition))
        .collect();
    if !moved.is_empty()
        && let Err(error) = write_checkpoints(&broker.partitions, &moved)
    {
        tracing::error!(%error, "cannot write down which records are deleted");
    }
}
