//! `DescribeLogDirs`: what lies in which log directory, how large it is and how far behind
//! (KIP-113, with the file system's size since KIP-827).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DescribeLogDirsRequest, DescribeLogDirsResponse, TopicName,
        describe_log_dirs_response::{
            DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
        },
    },
    protocol::StrBytes,
};

use crate::{
    access::needs::DESCRIBE_LOG_DIRS,
    broker::Broker,
    call::Call,
    log_dirs::LogDir,
    partition::{Lying, Partition},
};

/// From here on the answer has room for an error of the request as a whole.
const TOP_LEVEL_ERROR: i16 = 3;

/// What is described of each directory.
type Contents = BTreeMap<String, Vec<DescribeLogDirsPartition>>;

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DescribeLogDirsRequest = call.decode()?;
    if !broker.judge(&call.client).may_cluster(DESCRIBE_LOG_DIRS) {
        // before v3 there is no room for why there is nothing
        let tells = call.version() >= TOP_LEVEL_ERROR;
        let code = if tells { ErrorCode::ClusterAuthorizationFailed.code() } else { 0 };
        call.reply.send(&DescribeLogDirsResponse::default().with_error_code(code));
        return Ok(());
    }
    let partitions: Vec<Arc<Partition>> = match request.topics {
        None => broker.partitions.all(),
        Some(topics) => {
            // each once, however often it is asked for
            let wanted: BTreeSet<_> = topics
                .iter()
                .flat_map(|topic| topic.partitions.iter().map(|index| (&*topic.topic, *index)))
                .collect();
            let found = wanted.iter().map(|(topic, index)| broker.partitions.get(topic, *index));
            found.filter_map(Result::ok).collect()
        }
    };
    let mut by_dir = BTreeMap::<usize, Contents>::new();
    for partition in partitions {
        let Ok(lying) = partition.lying() else { continue };
        for Lying { place, size, lag, future } in lying {
            let described = DescribeLogDirsPartition::default()
                .with_partition_index(partition.index())
                .with_partition_size(size)
                .with_offset_lag(lag)
                .with_is_future_key(future);
            let topics = by_dir.entry(place).or_default();
            topics.entry(partition.topic().name().to_owned()).or_default().push(described);
        }
    }
    let dirs = broker.partitions.dirs();
    let open = dirs.open().iter().map(|dir| {
        let contents = by_dir.remove(&dir.place()).unwrap_or_default();
        working(dir, contents).unwrap_or_else(|| offline(dir.path()))
    });
    let mut results: Vec<_> = open.collect();
    results.extend(dirs.broken().iter().map(|broken| offline(&broken.path)));
    call.reply.send(&DescribeLogDirsResponse::default().with_results(results));
    Ok(())
}

fn text(path: &Path) -> StrBytes {
    StrBytes::from_string(path.display().to_string())
}

/// `None` where the directory does not work.
fn working(dir: &LogDir, contents: Contents) -> Option<DescribeLogDirsResult> {
    if dir.failed().is_some() {
        return None;
    }
    let space = dir.space().ok()?;
    let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let topic = |(name, partitions)| {
        DescribeLogDirsTopic::default()
            .with_name(TopicName(StrBytes::from_string(name)))
            .with_partitions(partitions)
    };
    Some(
        DescribeLogDirsResult::default()
            .with_log_dir(text(dir.path()))
            .with_topics(contents.into_iter().map(topic).collect())
            .with_total_bytes(bytes(space.total))
            .with_usable_bytes(bytes(space.usable)),
    )
}

fn offline(path: &Path) -> DescribeLogDirsResult {
    DescribeLogDirsResult::default()
        .with_error_code(ErrorCode::KafkaStorageError.code())
        .with_log_dir(text(path))
        .with_total_bytes(-1)
        .with_usable_bytes(-1)
}
