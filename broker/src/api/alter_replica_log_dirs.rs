//! `AlterReplicaLogDirs`: a replica moves to another log directory of its broker (KIP-113).
//!
//! Answered once the move has begun; `DescribeLogDirs` tells how far it is. Errors: 57
//! `LOG_DIR_NOT_FOUND`, 56 `KAFKA_STORAGE_ERROR` where a directory or the replica is offline, 17
//! `INVALID_TOPIC_EXCEPTION` for a name that leaves no room for the copy's, 3
//! `UNKNOWN_TOPIC_OR_PARTITION`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use kastellan_core::{
    id::BrokerId,
    metadata::{DirectoryAssignment, Input},
};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, TopicName,
        alter_replica_log_dirs_response::{
            AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
        },
    },
};

use crate::{
    access::needs::ALTER_REPLICA_LOG_DIRS, broker::Broker, call::Call, log_dirs::LogDir,
    partitions::Move,
};

/// The longest name of a directory.
const NAME_MAX: usize = 255;
/// What stands behind the name of a copy: a dot, an id, a suffix.
const BEHIND: usize = 1 + 32 + "-future".len();

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: AlterReplicaLogDirsRequest = call.decode()?;
    // the last directory named for a replica counts
    let mut wanted = BTreeMap::<TopicName, BTreeMap<i32, PathBuf>>::new();
    for dir in request.dirs {
        let path = PathBuf::from(dir.path.as_str());
        for topic in dir.topics {
            let indexes = wanted.entry(topic.name).or_default();
            indexes.extend(topic.partitions.into_iter().map(|index| (index, path.clone())));
        }
    }
    let may = broker.judge(&call.client).may_cluster(ALTER_REPLICA_LOG_DIRS);
    let results = wanted.into_iter().map(|(name, indexes)| {
        let partition = |(index, path): (i32, PathBuf)| {
            let begun = if may {
                begin(broker, &name, index, &path)
            } else {
                Err(ErrorCode::ClusterAuthorizationFailed)
            };
            let code = begun.err().map_or(0, |code| code.code());
            AlterReplicaLogDirPartitionResult::default()
                .with_partition_index(index)
                .with_error_code(code)
        };
        let partitions = indexes.into_iter().map(partition).collect();
        AlterReplicaLogDirTopicResult::default().with_topic_name(name).with_partitions(partitions)
    });
    let results = results.collect();
    call.reply.send(&AlterReplicaLogDirsResponse::default().with_results(results));
    Ok(())
}

fn begin(broker: &Arc<Broker>, topic: &str, index: i32, path: &Path) -> Result<(), ErrorCode> {
    if format!("{topic}-{index}").len() + BEHIND > NAME_MAX {
        return Err(ErrorCode::InvalidTopicException);
    }
    let to = destination(broker, path)?;
    let partition = broker.partitions.get(topic, index)?;
    let (id, assigned) = (BrokerId(broker.config.node_id), to.id());
    let topic = partition.topic().id();
    let controller = Arc::downgrade(&broker.controller);
    let then = move || {
        let Some(controller) = controller.upgrade() else { return };
        let one = DirectoryAssignment { topic, partition: index, directory: assigned };
        controller.ask(
            move |ticket| Input::AssignDirectories {
                ticket,
                broker: id,
                epoch: None,
                assignments: vec![one],
            },
            |reply| tracing::debug!(?reply, "where a replica lies now is noted"),
        );
    };
    broker.partitions.relocate(Move { partition, to, then: Box::new(then) })
}

fn destination(broker: &Broker, path: &Path) -> Result<Arc<LogDir>, ErrorCode> {
    let dirs = broker.partitions.dirs();
    let open = dirs.open().iter().find(|dir| dir.path() == path);
    match open {
        Some(dir) if dir.failed().is_none() => Ok(Arc::clone(dir)),
        Some(_) => Err(ErrorCode::KafkaStorageError),
        None if dirs.broken().iter().any(|broken| broken.path == path) => {
            Err(ErrorCode::KafkaStorageError)
        }
        None => Err(ErrorCode::LogDirNotFound),
    }
}
