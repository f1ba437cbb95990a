//! What lies in the log directories when the broker starts.

use std::collections::BTreeMap;

use kastellan_core::{
    id::{BrokerId, TopicPartition, Uuid, uuid_to_text},
    metadata::{CLUSTER_METADATA, Image},
};
use kastellan_log::{Directory, Disk as _, StdDisk};

use super::error::ControllerError;
use crate::log_dirs::LogDirs;

/// Refuses directories that hold data while there is no metadata: beginning a new cluster would
/// give that data away.
pub(super) fn check_new(dirs: &LogDirs) -> Result<(), ControllerError> {
    for dir in dirs.open() {
        let partitions = dir.directory().partitions()?;
        if partitions.iter().any(|(partition, _)| partition.topic != CLUSTER_METADATA) {
            return Err(ControllerError::MetadataLost(dir.path().to_path_buf()));
        }
    }
    Ok(())
}

/// Whether a directory that `me` has had at its last start is not there now.
pub(super) fn is_missing(image: &Image, me: BrokerId, dirs: &LogDirs) -> bool {
    let now = dirs.ids();
    let last = image.broker(me).map_or(&[][..], |broker| &broker.log_dirs);
    let gone: Vec<_> = last.iter().filter(|id| !now.contains(id)).copied().collect();
    for id in &gone {
        tracing::error!(
            id = uuid_to_text(*id),
            "a log directory of the last start is not among those that work now; what lies in it is \
             offline"
        );
    }
    !gone.is_empty()
}

/// Finishes the moves between directories that the last end of the broker cut short.
fn settle_moved(dirs: &LogDirs) -> Result<(), ControllerError> {
    for dir in dirs.open() {
        for (partition, copy) in dir.directory().moved()? {
            let mut taken = false;
            for other in dirs.open() {
                let there = other.directory().partitions()?;
                taken |= there.iter().any(|(known, _)| *known == partition);
            }
            dir.directory().settle_moved(&partition, &copy, taken)?;
        }
    }
    Ok(())
}

/// Where each partition of the image lies. What belongs to none is set aside; one that lies in two
/// directories refuses the start.
pub(super) fn locate(
    image: &Image,
    dirs: &LogDirs,
) -> Result<BTreeMap<TopicPartition, usize>, ControllerError> {
    settle_moved(dirs)?;
    let mut found = BTreeMap::new();
    for (place, dir) in dirs.open().iter().enumerate() {
        for partition in set_strays_aside(image, dir.directory())? {
            if partition.topic == CLUSTER_METADATA {
                continue;
            }
            if let Some(other) = found.insert(partition.clone(), place) {
                let root =
                    |place: usize| dirs.open().get(place).map(|dir| dir.path().to_path_buf());
                return Err(ControllerError::TwiceThere {
                    partition: partition.to_string(),
                    first: root(other).unwrap_or_default(),
                    second: dir.path().to_path_buf(),
                });
            }
        }
    }
    Ok(found)
}

/// Directories of partitions that the metadata does not know are renamed out of the way: a topic
/// that was deleted just before a crash, or data from elsewhere. Returns the others.
fn set_strays_aside(
    image: &Image,
    directory: &Directory<StdDisk>,
) -> Result<Vec<TopicPartition>, ControllerError> {
    let root = directory.root();
    let mut renamed = false;
    let mut kept = Vec::new();
    for (partition, id) in directory.partitions()? {
        if known(image, &partition, id) {
            kept.push(partition);
            continue;
        }
        let from = root.join(partition.to_string());
        let mark = id.unwrap_or_else(Uuid::nil).simple();
        let path = root.join(format!("{partition}.{mark}-stray"));
        tracing::warn!(
            partition = %partition,
            path = %path.display(),
            "a log of no topic is set aside; delete it if nobody misses it"
        );
        directory.disk().rename(&from, &path).map_err(|source| ControllerError::Io {
            doing: "rename",
            path: from,
            source,
        })?;
        renamed = true;
    }
    if renamed {
        let path = root.to_path_buf();
        directory.disk().sync_dir(root).map_err(|source| ControllerError::Io {
            doing: "sync",
            path,
            source,
        })?;
    }
    Ok(kept)
}

/// Whether a directory belongs to a partition of the image. One without an id was being created
/// when the broker stopped.
fn known(image: &Image, partition: &TopicPartition, id: Option<Uuid>) -> bool {
    if partition.topic == CLUSTER_METADATA {
        return true;
    }
    image.topic(&partition.topic).is_some_and(|topic| {
        topic.partitions.contains_key(&partition.partition) && id.is_none_or(|id| id == topic.id)
    })
}
