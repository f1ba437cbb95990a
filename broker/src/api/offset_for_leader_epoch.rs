//! `OffsetForLeaderEpoch`: where an epoch ended, for readers that want to know whether what they
//! have read is still there (KIP-279, KIP-320).
//!
//! The replica id says who asks and changes nothing: the answer is the same for everybody. Only a
//! peer may claim to be a replica.

use std::sync::Arc;

use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
        offset_for_leader_epoch_request::OffsetForLeaderPartition,
        offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult},
    },
};

use crate::{
    access::needs::{EPOCH_ENDS, EPOCH_ENDS_ALL},
    broker::Broker,
    call::Call,
};

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: OffsetForLeaderEpochRequest = call.decode()?;
    let may_ask = call.may_speak_as(request.replica_id.0);
    let judge = broker.judge(&call.client);
    let may_see_all = judge.sees_cluster(EPOCH_ENDS_ALL);
    let topics = request.topics.into_iter().map(|topic| {
        let may_see = may_see_all || judge.may(EPOCH_ENDS, &topic.topic);
        let ended = |wanted: &OffsetForLeaderPartition| {
            if !may_ask {
                written(wanted, Err(ErrorCode::ClusterAuthorizationFailed))
            } else if may_see {
                ended(broker, &topic.topic, wanted)
            } else {
                written(wanted, Err(ErrorCode::TopicAuthorizationFailed))
            }
        };
        let partitions = topic.partitions.iter().map(ended).collect();
        OffsetForLeaderTopicResult::default().with_topic(topic.topic).with_partitions(partitions)
    });
    let response = OffsetForLeaderEpochResponse::default().with_topics(topics.collect());
    call.reply.send(&response);
    Ok(())
}

fn ended(broker: &Broker, topic: &str, wanted: &OffsetForLeaderPartition) -> EpochEndOffset {
    let partition = broker.partitions.get(topic, wanted.partition);
    let ended = partition.and_then(|partition| {
        partition.end_of_epoch(wanted.current_leader_epoch, wanted.leader_epoch)
    });
    written(wanted, ended)
}

fn written(
    wanted: &OffsetForLeaderPartition,
    ended: Result<Option<(i32, i64)>, ErrorCode>,
) -> EpochEndOffset {
    let (code, (epoch, end)) = match ended {
        Ok(ended) => (0, ended.unwrap_or((-1, -1))),
        Err(code) => (code.code(), (-1, -1)),
    };
    EpochEndOffset::default()
        .with_error_code(code)
        .with_partition(wanted.partition)
        .with_leader_epoch(epoch)
        .with_end_offset(end)
}
