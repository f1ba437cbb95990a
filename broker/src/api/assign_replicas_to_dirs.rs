//! `AssignReplicasToDirs` (KIP-858): a broker of the fleet has put replicas into its log
//! directories.

use std::{collections::BTreeMap, sync::Arc};

use kastellan_core::{
    id::{BrokerId, Uuid},
    metadata::{DirectoryAssignment, Failure, Input, Reply},
};
use kastellan_protocol::{
    Refused,
    messages::{
        AssignReplicasToDirsRequest, AssignReplicasToDirsResponse,
        assign_replicas_to_dirs_response::{DirectoryData, PartitionData, TopicData},
    },
};

use crate::{broker::Broker, call::Call};

/// Answers once it is committed. A peer speaks for nobody but itself.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: AssignReplicasToDirsRequest = call.decode()?;
    if !call.may_speak_as(request.broker_id.0) {
        call.reply.close("a peer that assigns for another broker");
        return Ok(());
    }
    let (asking, epoch) = (BrokerId(request.broker_id.0), Some(request.broker_epoch));
    let wanted = assignments(&request);
    let assignments = wanted.clone();
    broker.controller.ask(
        move |ticket| Input::AssignDirectories { ticket, broker: asking, epoch, assignments },
        move |reply| call.reply.send(&response(wanted, reply)),
    );
    Ok(())
}

fn assignments(request: &AssignReplicasToDirsRequest) -> Vec<DirectoryAssignment> {
    let mut wanted = Vec::new();
    for directory in &request.directories {
        for topic in &directory.topics {
            wanted.extend(topic.partitions.iter().map(|partition| DirectoryAssignment {
                topic: topic.topic_id,
                partition: partition.partition_index,
                directory: directory.id,
            }));
        }
    }
    wanted
}

fn response(wanted: Vec<DirectoryAssignment>, reply: Reply) -> AssignReplicasToDirsResponse {
    let response = AssignReplicasToDirsResponse::default();
    match reply {
        Reply::Assigned(results) => response.with_directories(directories(wanted, results)),
        other => response.with_error_code(other.failure().code.code()),
    }
}

/// The results by directory and topic.
fn directories(
    wanted: Vec<DirectoryAssignment>,
    results: Vec<Result<(), Failure>>,
) -> Vec<DirectoryData> {
    let mut sorted: BTreeMap<Uuid, BTreeMap<Uuid, Vec<PartitionData>>> = BTreeMap::new();
    for (assignment, result) in wanted.into_iter().zip(results) {
        let data = PartitionData::default()
            .with_partition_index(assignment.partition)
            .with_error_code(result.err().map_or(0, |why| why.code.code()));
        let topics = sorted.entry(assignment.directory).or_default();
        topics.entry(assignment.topic).or_default().push(data);
    }
    let topic = |(id, partitions): (Uuid, Vec<PartitionData>)| {
        TopicData::default().with_topic_id(id).with_partitions(partitions)
    };
    let directory = |(id, topics): (Uuid, BTreeMap<Uuid, Vec<PartitionData>>)| {
        DirectoryData::default().with_id(id).with_topics(topics.into_iter().map(topic).collect())
    };
    sorted.into_iter().map(directory).collect()
}
