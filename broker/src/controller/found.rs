//! What lies in the log directories when the broker starts.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::{
    id::{BrokerId, TopicPartition, Uuid, uuid_to_text},
    metadata::{CLUSTER_METADATA, Image},
};
use kastellan_log::{Directory, StdDisk};

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

/// What the metadata says of the partitions that lie here.
pub(super) struct Known<'a> {
    /// This broker.
    pub(super) me: BrokerId,
    /// The metadata now.
    pub(super) image: &'a Image,
    /// The topics that were deleted since this broker had taken it up last.
    pub(super) deleted: &'a BTreeSet<Uuid>,
}

/// What a directory of a partition is.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// A replica of this broker.
    Held,
    /// What is left of one: it was deleted, or is held by others.
    Over,
    /// Of a topic that nobody has heard of.
    Stray,
}

impl Known<'_> {
    /// One without an id was being created when the broker stopped.
    fn judge(&self, partition: &TopicPartition, id: Option<Uuid>) -> Found {
        if partition.topic == CLUSTER_METADATA {
            return Found::Held;
        }
        let topic = self.image.topic(&partition.topic);
        let topic = topic.filter(|topic| id.is_none_or(|id| id == topic.id));
        match topic.and_then(|topic| topic.partitions.get(&partition.partition)) {
            Some(known) if id.is_some() && !known.replicas.contains(&self.me) => Found::Over,
            Some(_) => Found::Held,
            None if id.is_some_and(|id| self.deleted.contains(&id)) => Found::Over,
            None => Found::Stray,
        }
    }
}

/// Where each partition of the image lies. What is over is removed, as it is while a broker runs;
/// what belongs to no topic is set aside; one that lies in two directories refuses the start.
pub(super) fn locate(
    known: &Known<'_>,
    dirs: &LogDirs,
) -> Result<BTreeMap<TopicPartition, usize>, ControllerError> {
    settle_moved(dirs)?;
    let mut found = BTreeMap::new();
    for (place, dir) in dirs.open().iter().enumerate() {
        for partition in sort_out(known, dir.directory())? {
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

/// Returns the replicas of this broker. What is over is gone when this returns. Strays, data from
/// elsewhere perhaps, are renamed out of the way and kept, as Kafka keeps them.
fn sort_out(
    known: &Known<'_>,
    directory: &Directory<StdDisk>,
) -> Result<Vec<TopicPartition>, ControllerError> {
    let mut held = Vec::new();
    for (partition, id) in directory.partitions()? {
        match known.judge(&partition, id) {
            Found::Held => held.push(partition),
            Found::Over => {
                tracing::info!(%partition, "deleted or moved elsewhere meanwhile: removed here");
                directory.delete_partition(&partition)?;
            }
            Found::Stray => {
                let unique = id.unwrap_or_else(Uuid::new_v4).as_u128();
                let path = directory.set_stray_aside(&partition, unique)?;
                tracing::warn!(
                    %partition,
                    path = %path.display(),
                    "a log of no topic is set aside; delete it if nobody misses it"
                );
            }
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use kastellan_core::metadata::{PartitionRecord, Record, TopicRecord};

    use super::*;

    #[test]
    fn what_is_held_elsewhere_or_deleted_is_over_and_only_what_is_unknown_is_a_stray() {
        let (there, gone) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut image = Image::default();
        let topic = TopicRecord { name: "t".to_owned(), id: there };
        image.apply(&Record::Topic(topic)).unwrap();
        for (index, replica) in [(0, 1), (1, 2)] {
            let record = PartitionRecord {
                partition: index,
                topic: there,
                replicas: vec![BrokerId(replica)],
                isr: vec![BrokerId(replica)],
                removing: Vec::new(),
                adding: Vec::new(),
                leader: BrokerId(replica),
                leader_recovery_state: 0,
                leader_epoch: 0,
                partition_epoch: 0,
                elr: Vec::new(),
                last_known_elr: Vec::new(),
                directories: vec![Uuid::nil()],
            };
            image.apply(&Record::Partition(record)).unwrap();
        }
        let known = Known { me: BrokerId(1), image: &image, deleted: &BTreeSet::from([gone]) };
        let judge = |topic: &str, partition, id| {
            known.judge(&TopicPartition { topic: topic.to_owned(), partition }, id)
        };
        assert_eq!(judge("t", 0, Some(there)), Found::Held);
        assert_eq!(judge("t", 0, None), Found::Held, "it was being created");
        assert_eq!(judge("t", 0, Some(gone)), Found::Over, "the topic before this one");
        assert_eq!(judge("t", 1, Some(there)), Found::Over, "another broker holds it");
        assert_eq!(judge("u", 0, Some(gone)), Found::Over);
        for (name, index, id) in
            [("t", 0, Some(Uuid::from_u128(3))), ("t", 2, Some(there)), ("u", 0, None)]
        {
            assert_eq!(judge(name, index, id), Found::Stray, "{name}-{index} of {id:?}");
        }
        assert_eq!(judge(CLUSTER_METADATA, 0, None), Found::Held);
    }
}
