//! `AlterPartition` (KIP-497): a leader found other replicas to be in sync.

use std::sync::Arc;

use kastellan_core::{
    id::BrokerId,
    metadata::{Failure, Input, IsrProposal, Partition, Reply},
};
use kastellan_protocol::{
    Refused,
    messages::{
        self, AlterPartitionRequest, AlterPartitionResponse,
        alter_partition_request::PartitionData as Proposed,
        alter_partition_response::{PartitionData, TopicData},
    },
};

use crate::{broker::Broker, call::Call};

/// From here on members of an ISR are named with their registrations (KIP-903).
const EPOCHS: i16 = 3;

/// Answers once it is committed. A peer speaks for nobody but itself.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: AlterPartitionRequest = call.decode()?;
    if !call.may_speak_as(request.broker_id.0) {
        call.reply.close("a peer that proposes for another broker");
        return Ok(());
    }
    let with_epochs = call.version() >= EPOCHS;
    let topics: Vec<_> = request
        .topics
        .iter()
        .map(|topic| {
            let proposals = topic.partitions.iter().map(|it| proposal(it, with_epochs));
            (topic.topic_id, proposals.collect())
        })
        .collect();
    let (leader, epoch) = (BrokerId(request.broker_id.0), request.broker_epoch);
    broker.controller.ask(
        move |ticket| Input::AlterPartition { ticket, broker: leader, epoch, topics },
        move |reply| call.reply.send(&response(reply)),
    );
    Ok(())
}

fn proposal(wanted: &Proposed, with_epochs: bool) -> IsrProposal {
    let isr = if with_epochs {
        let known = |epoch: i64| Some(epoch).filter(|epoch| *epoch >= 0);
        let members = wanted.new_isr_with_epochs.iter();
        members.map(|it| (BrokerId(it.broker_id.0), known(it.broker_epoch))).collect()
    } else {
        wanted.new_isr.iter().map(|id| (BrokerId(id.0), None)).collect()
    };
    IsrProposal {
        partition: wanted.partition_index,
        leader_epoch: wanted.leader_epoch,
        partition_epoch: wanted.partition_epoch,
        isr,
        leader_recovery_state: wanted.leader_recovery_state,
    }
}

fn response(reply: Reply) -> AlterPartitionResponse {
    let response = AlterPartitionResponse::default();
    match reply {
        Reply::Altered(topics) => {
            let topic = |(id, results): (_, Vec<_>)| {
                let partitions = results.into_iter().map(partition);
                TopicData::default().with_topic_id(id).with_partitions(partitions.collect())
            };
            response.with_topics(topics.into_iter().map(topic).collect())
        }
        other => response.with_error_code(other.failure().code.code()),
    }
}

fn partition((index, result): (i32, Result<Partition, Failure>)) -> PartitionData {
    let data = PartitionData::default().with_partition_index(index);
    match result {
        Ok(state) => data
            .with_leader_id(messages::BrokerId(state.leader.map_or(-1, |leader| leader.0)))
            .with_leader_epoch(state.leader_epoch)
            .with_isr(state.isr.iter().map(|id| messages::BrokerId(id.0)).collect())
            .with_leader_recovery_state(state.leader_recovery_state)
            .with_partition_epoch(state.partition_epoch),
        Err(why) => data.with_error_code(why.code.code()),
    }
}
