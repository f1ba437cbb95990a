//! `OffsetCommit` and `OffsetFetch`.

use std::collections::BTreeMap;

use kastellan_protocol::ErrorCode;
use uuid::Uuid;

use super::{
    hard::{Hard, HardGroup},
    input::{CommitOffsets, FetchOffsets, OffsetToCommit, TopicToFetch},
    live::{Live, Phase, Step},
    record::{CommittedOffset, Record},
    reply::{FetchedOffset, FetchedTopic, Reply},
};

/// Whether a group may be committed to that nobody knows: only from outside of group management.
pub(super) fn check_unknown_group(commit: &CommitOffsets) -> Result<(), ErrorCode> {
    match (commit.generation < 0, commit.tells_missing_group) {
        (true, _) => Ok(()),
        (false, true) => Err(ErrorCode::GroupIdNotFound),
        (false, false) => Err(ErrorCode::IllegalGeneration),
    }
}

impl Live {
    /// Takes in a commit: members of the current generation, or anybody while the group is empty.
    pub(super) fn commit(&mut self, step: &mut Step<'_>, commit: &CommitOffsets) {
        if let Err(code) = self.check_commit(commit) {
            step.reply(commit.ticket, Reply::CommitOffsets(Err(code)));
            return;
        }
        // old consumers that process for long keep their session by committing
        if matches!(self.phase, Phase::Stable | Phase::Preparing(_)) {
            self.renew(step, &commit.member);
        }
        let longest = step.settings.max_offset_metadata_bytes;
        let fits = |offset: &&OffsetToCommit| offset.metadata.len() <= longest;
        let records = commit.offsets.iter().filter(fits);
        let records: Vec<_> = records.map(|it| to_record(commit, it, step.now.wall)).collect();
        if !records.is_empty() {
            step.append(&self.id, records);
        }
        let fate = |offset: &OffsetToCommit| {
            if fits(&offset) { Ok(()) } else { Err(ErrorCode::OffsetMetadataTooLarge) }
        };
        let fates = commit.offsets.iter().map(fate).collect();
        step.reply(commit.ticket, Reply::CommitOffsets(Ok(fates)));
    }

    fn check_commit(&self, commit: &CommitOffsets) -> Result<(), ErrorCode> {
        let empty = self.phase == Phase::Empty;
        if commit.generation < 0 && empty {
            return Ok(());
        }
        let named = !commit.member.is_empty() || commit.instance.is_some();
        if commit.generation < 0 && !named {
            // a consumer outside of group management must not move a group that has members
            return Err(ErrorCode::UnknownMemberId);
        }
        self.check_member(&commit.member, commit.instance.as_ref())?;
        if commit.generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        if self.phase == Phase::Completing {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }
}

fn to_record(commit: &CommitOffsets, offset: &OffsetToCommit, wall: i64) -> Record {
    let expires_at = (commit.retention_ms >= 0).then(|| wall.saturating_add(commit.retention_ms));
    // the one version of the record that has an expiry has neither of these, and what is applied
    // here has to be what a replay reads
    let (leader_epoch, topic_id) = match expires_at {
        Some(_) => (-1, Uuid::nil()),
        None => (offset.leader_epoch, offset.topic_id),
    };
    Record::Offset {
        group: commit.group.clone(),
        topic: offset.topic.clone(),
        partition: offset.partition,
        value: Some(CommittedOffset {
            offset: offset.offset,
            leader_epoch,
            metadata: offset.metadata.clone(),
            committed_at: wall,
            expires_at,
            topic_id,
        }),
    }
}

/// What was committed; a group that is not known has committed nothing.
pub(super) fn fetch(hard: &Hard, fetch: &FetchOffsets) -> Vec<FetchedTopic> {
    let known = hard.get(&fetch.group);
    match &fetch.topics {
        Some(topics) => topics.iter().map(|topic| fetch_topic(known, topic)).collect(),
        None => known.into_iter().flat_map(|known| &known.offsets).map(fetch_all).collect(),
    }
}

fn fetch_topic(known: Option<&HardGroup>, wanted: &TopicToFetch) -> FetchedTopic {
    let offsets = known.and_then(|known| known.offsets.get(&wanted.topic));
    let fetched = |partition: &i32| {
        let committed = offsets.and_then(|offsets| offsets.get(partition));
        match committed.filter(|it| may_be_the_same(it.topic_id, wanted.topic_id)) {
            Some(committed) => fetched(*partition, committed),
            None => FetchedOffset {
                partition: *partition,
                offset: -1,
                leader_epoch: -1,
                metadata: String::new(),
            },
        }
    };
    FetchedTopic {
        topic: wanted.topic.clone(),
        topic_id: wanted.topic_id,
        partitions: wanted.partitions.iter().map(fetched).collect(),
    }
}

fn fetch_all((topic, offsets): (&String, &BTreeMap<i32, CommittedOffset>)) -> FetchedTopic {
    FetchedTopic {
        topic: topic.clone(),
        topic_id: offsets
            .values()
            .map(|it| it.topic_id)
            .find(|id| !id.is_nil())
            .unwrap_or_default(),
        partitions: offsets.iter().map(|(index, committed)| fetched(*index, committed)).collect(),
    }
}

fn fetched(partition: i32, committed: &CommittedOffset) -> FetchedOffset {
    FetchedOffset {
        partition,
        offset: committed.offset,
        leader_epoch: committed.leader_epoch,
        metadata: committed.metadata.clone(),
    }
}

/// Whether two topic ids may mean the same topic: either may be unknown.
pub(super) fn may_be_the_same(one: Uuid, other: Uuid) -> bool {
    one == other || one.is_nil() || other.is_nil()
}
