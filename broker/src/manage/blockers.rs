//! What would suffer if brokers stopped: judged from the metadata alone.

use std::collections::BTreeSet;

use kastellan_core::{
    config::{BrokerConfig, TopicConfig},
    id::BrokerId,
    metadata::{Image, Partition, Topic},
};
use serde::Serialize;

/// How many partitions an answer names; the rest is counted.
const NAMED: usize = 100;

/// Why a partition keeps brokers from being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Reason {
    /// Fewer replicas than `min.insync.replicas` would be in sync: producers with acks=all would be
    /// refused.
    UnderMinIsr,
    /// No replica would be in sync: nobody could lead.
    Offline,
}

/// A partition that keeps brokers from being stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blocker {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) reason: Reason,
    /// The replicas in sync now.
    pub(super) isr: Vec<i32>,
    pub(super) min_insync_replicas: usize,
}

/// A partition with no other replica: it is away while its broker is, whatever one waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Sole {
    pub(super) topic: String,
    pub(super) partition: i32,
}

/// What would suffer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found {
    /// The first partitions that stand against it.
    pub(super) blockers: Vec<Blocker>,
    /// How many there are in all.
    pub(super) blocker_count: usize,
    /// The first partitions that would be away for as long.
    pub(super) unavailable: Vec<Sole>,
    /// How many there are in all.
    pub(super) unavailable_count: usize,
}

/// Looks at every partition. A broker that is out of sync with a partition takes nothing from it by
/// stopping: one that is broken can always be restarted.
pub(super) fn find(image: &Image, settings: &BrokerConfig, stopped: &BTreeSet<BrokerId>) -> Found {
    let mut found = Found::default();
    for topic in image.topics() {
        let mut config = None;
        for (index, partition) in &topic.partitions {
            if !partition.isr.iter().any(|id| stopped.contains(id)) {
                continue;
            }
            // most topics have no partition that is looked at so closely
            let min_isr = *config.get_or_insert_with(|| min_isr(image, topic, settings));
            found.look(topic, *index, partition, (min_isr, stopped));
        }
    }
    found
}

impl Found {
    fn look(
        &mut self,
        topic: &Topic,
        index: i32,
        partition: &Partition,
        (min_isr, stopped): (usize, &BTreeSet<BrokerId>),
    ) {
        let name = || topic.name.as_ref().to_owned();
        if partition.replicas.iter().all(|id| stopped.contains(id)) {
            self.unavailable_count += 1;
            if self.unavailable.len() < NAMED {
                self.unavailable.push(Sole { topic: name(), partition: index });
            }
            // with several replicas it would not have to be away
            if partition.replicas.len() == 1 {
                return;
            }
        }
        let left = partition.isr.iter().filter(|id| !stopped.contains(id)).count();
        let min_isr = min_isr.min(partition.replicas.len());
        let reason = match left {
            0 => Reason::Offline,
            _ if left < min_isr => Reason::UnderMinIsr,
            _ => return,
        };
        self.blocker_count += 1;
        if self.blockers.len() < NAMED {
            self.blockers.push(Blocker {
                topic: name(),
                partition: index,
                reason,
                isr: partition.isr.iter().map(|id| id.0).collect(),
                min_insync_replicas: min_isr,
            });
        }
    }
}

/// What `min.insync.replicas` asks of a topic.
pub(super) fn min_isr(image: &Image, topic: &Topic, settings: &BrokerConfig) -> usize {
    let config = TopicConfig::resolve(&image.topic_overrides(&topic.name), settings);
    usize::try_from(config.min_insync_replicas).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn ids(ids: &[i32]) -> Vec<BrokerId> {
        ids.iter().copied().map(BrokerId).collect()
    }

    fn look(replicas: &[i32], isr: &[i32], stopped: &[i32]) -> Found {
        let partition =
            Partition { replicas: ids(replicas), isr: ids(isr), ..Partition::default() };
        let topic = Topic {
            name: "t".into(),
            id: uuid::Uuid::nil(),
            partitions: std::iter::once((0, Arc::new(partition.clone()))).collect(),
        };
        let mut found = Found::default();
        let stopped = ids(stopped).into_iter().collect();
        found.look(&topic, 0, &partition, (2, &stopped));
        found
    }

    #[test]
    fn a_partition_that_keeps_enough_replicas_in_sync_blocks_nothing() {
        assert_eq!(look(&[1, 2, 3], &[1, 2, 3], &[1]), Found::default());
        assert_eq!(look(&[1, 2, 3], &[1, 2, 3], &[1]).blocker_count, 0);
    }

    #[test]
    fn one_that_would_have_too_few_blocks() {
        let found = look(&[1, 2, 3], &[1, 2], &[1]);
        assert_eq!(found.blockers[0].reason, Reason::UnderMinIsr);
        assert_eq!((found.blocker_count, found.unavailable_count), (1, 0));
        let found = look(&[1, 2, 3], &[1, 2, 3], &[1, 2]);
        assert_eq!(found.blockers[0].isr, [1, 2, 3]);
        // min.insync.replicas counts for no more than there are replicas
        assert_eq!(look(&[1, 2], &[1, 2], &[1]).blockers[0].min_insync_replicas, 2);
    }

    #[test]
    fn one_that_nobody_could_lead_blocks_and_one_without_other_replicas_does_not() {
        assert_eq!(look(&[1, 2, 3], &[1], &[1]).blockers[0].reason, Reason::Offline);
        let found = look(&[1, 2], &[1, 2], &[1, 2]);
        assert_eq!((found.blocker_count, found.unavailable_count), (1, 1));
        let found = look(&[1], &[1], &[1]);
        assert_eq!((found.blocker_count, found.unavailable_count), (0, 1));
        assert_eq!(found.unavailable, [Sole { topic: "t".to_owned(), partition: 0 }]);
    }
}
