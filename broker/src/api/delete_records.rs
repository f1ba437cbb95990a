//! `DeleteRecords`: the log of a partition starts later from now on (KIP-107).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kastellan_core::{id::Offset, metadata::is_internal};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DeleteRecordsRequest, DeleteRecordsResponse, TopicName,
        delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
    },
};

use tokio::{sync::oneshot, time::Instant};

use crate::{
    access::needs::DELETE_RECORDS,
    broker::Broker,
    call::{Call, ClientInfo},
    maintenance::write_checkpoints,
    partition::Partition,
};

/// Where a partition starts from now on, or why not.
type Deleted = Result<(Arc<Partition>, Offset), ErrorCode>;

/// What was done, by topic and partition.
type Done = Vec<(TopicName, Vec<(i32, Deleted)>)>;

/// Answers once the new starts are on the disk and every replica in sync has taken them over: what
/// a client knows to be deleted does not come back, whoever is killed. A partition whose followers
/// do not get there in the request's time is answered by 7 `REQUEST_TIMED_OUT`, and gets there
/// later.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DeleteRecordsRequest = call.decode()?;
    let patience = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let until = Instant::now() + patience;
    let broker = Arc::clone(broker);
    tokio::spawn(async move {
        let client = Arc::clone(&call.client);
        let work = tokio::task::spawn_blocking(move || delete_all(&broker, &client, request));
        let Ok(done) = work.await else {
            return call.reply.send(&DeleteRecordsResponse::default());
        };
        call.reply.send(&answer(done, until).await);
    });
    Ok(())
}

fn delete_all(broker: &Broker, client: &ClientInfo, request: DeleteRecordsRequest) -> Done {
    // The last word counts where a partition is named twice, as in Kafka.
    let mut wanted: BTreeMap<TopicName, BTreeMap<i32, Offset>> = BTreeMap::new();
    for topic in request.topics.into_iter().filter(|topic| !topic.partitions.is_empty()) {
        let partitions = topic.partitions.iter().map(|it| (it.partition_index, it.offset));
        wanted.entry(topic.name).or_default().extend(partitions);
    }
    let judge = broker.judge(client);
    let done: Done = wanted
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
    write_down(broker, &done);
    done
}

async fn answer(done: Done, until: Instant) -> DeleteRecordsResponse {
    let mut topics = Vec::with_capacity(done.len());
    for (topic, partitions) in done {
        let mut results = Vec::with_capacity(partitions.len());
        for (index, deleted) in partitions {
            let known = match deleted {
                Ok((partition, start)) => everywhere(&partition, start, until).await,
                Err(code) => Err(code),
            };
            let result = DeleteRecordsPartitionResult::default()
                .with_partition_index(index)
                .with_low_watermark(known.unwrap_or(-1))
                .with_error_code(known.err().map_or(0, |code| code.code()));
            results.push(result);
        }
        let result = DeleteRecordsTopicResult::default().with_name(topic).with_partitions(results);
        topics.push(result);
    }
    DeleteRecordsResponse::default().with_topics(topics)
}

/// Waits until no replica in sync has anything before `start`, which is where they begin then.
async fn everywhere(
    partition: &Partition,
    start: Offset,
    until: Instant,
) -> Result<Offset, ErrorCode> {
    if !partition.is_start_durable(start) {
        return Err(ErrorCode::KafkaStorageError);
    }
    let (told, hears) = oneshot::channel();
    partition.when_deleted(start, move |outcome| {
        // who has waited long enough hears nothing
        let _gone = told.send(outcome);
    });
    match tokio::time::timeout_at(until, hears).await {
        Ok(Ok(outcome)) => outcome.map(|()| start),
        // whoever was to tell is gone with the partition
        Ok(Err(_gone)) => Err(ErrorCode::NotLeaderOrFollower),
        Err(_elapsed) => Err(ErrorCode::RequestTimedOut),
    }
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
fn write_down(broker: &Broker, done: &Done) {
    let all = done.iter().flat_map(|(_, partitions)| partitions);
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
