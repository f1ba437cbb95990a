//! What survives a failover: the fold over the records of `__consumer_offsets`, and nothing else.

use std::collections::BTreeMap;

use super::{
    name::GroupId,
    record::{CommittedOffset, GroupMetadata, Record},
};

/// Every group that the log knows of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hard {
    groups: BTreeMap<GroupId, HardGroup>,
}

/// One group: the generation that stands, and what was committed; never neither.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HardGroup {
    /// None for a group that only keeps offsets.
    pub(super) metadata: Option<GroupMetadata>,
    /// By topic and partition.
    pub(super) offsets: BTreeMap<String, BTreeMap<i32, CommittedOffset>>,
}

impl Hard {
    /// What the log knows of `group`.
    pub(super) fn get(&self, group: &GroupId) -> Option<&HardGroup> {
        self.groups.get(group)
    }

    /// Every group in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&GroupId, &HardGroup)> {
        self.groups.iter()
    }

    /// Whether the log knows no group.
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Takes in one record.
    pub(super) fn apply(&mut self, record: &Record) {
        match record {
            Record::Offset { group, topic, partition, value: Some(value) } => {
                let offsets = &mut self.groups.entry(group.clone()).or_default().offsets;
                // a commit to a known topic is the common case: no second copy of its name
                match offsets.get_mut(topic) {
                    Some(partitions) => {
                        partitions.insert(*partition, value.clone());
                    }
                    None => {
                        offsets.insert(topic.clone(), [(*partition, value.clone())].into());
                    }
                }
            }
            Record::Offset { group, topic, partition, value: None } => {
                self.forget_offset(group, topic, *partition);
            }
            Record::Group { group, value: Some(value) } => {
                self.groups.entry(group.clone()).or_default().metadata = Some(value.clone());
            }
            Record::Group { group, value: None } => {
                if let Some(known) = self.groups.get_mut(group) {
                    known.metadata = None;
                }
                self.drop_if_bare(group);
            }
        }
    }

    fn forget_offset(&mut self, group: &GroupId, topic: &str, partition: i32) {
        if let Some(known) = self.groups.get_mut(group)
            && let Some(partitions) = known.offsets.get_mut(topic)
        {
            partitions.remove(&partition);
            if partitions.is_empty() {
                known.offsets.remove(topic);
            }
        }
        self.drop_if_bare(group);
    }

    fn drop_if_bare(&mut self, group: &GroupId) {
        if let Some(known) = self.groups.get(group)
            && known.metadata.is_none()
            && known.offsets.is_empty()
        {
            self.groups.remove(group);
        }
    }
}
