//! `DeleteGroups` and `OffsetDelete` (KIP-496): what an admin has a coordinator forget.

use std::collections::BTreeSet;

use kastellan_protocol::ErrorCode;

use super::{
    Coordinator,
    input::{DeleteGroup, DeleteOffsets},
    live::{Live, Phase},
    name::MemberId,
    record::Record,
    reply::{Effect, Reply},
    retention::{append, tombstones},
    subscription::{CONSUMER, for_each_topic},
};
use crate::machine::Now;

/// What becomes of each topic, in the order of the request.
type Fates = Vec<Result<(), ErrorCode>>;

impl Coordinator {
    /// An empty group goes with all that it committed, and with the ids that it gave out: whoever
    /// comes back with one has to begin anew. While the log has yet to hear that a group is empty,
    /// its deletion has to wait: it would be written once more, and be back.
    pub(super) fn delete_group(
        &mut self,
        now: Now,
        delete: &DeleteGroup,
        effects: &mut Vec<Effect>,
    ) {
        let group = &delete.group;
        let answer = match (self.live.get(group), self.hard.get(group)) {
            (Some(live), _) if live.phase != Phase::Empty => Err(ErrorCode::NonEmptyGroup),
            (Some(live), _) if live.phase_at.is_some() => Err(ErrorCode::CoordinatorNotAvailable),
            (None, None) => Err(ErrorCode::GroupIdNotFound),
            (_, Some(known)) => {
                let (mut records, _) = tombstones(group, known, |_, _| true);
                records.push(Record::Group { group: group.clone(), value: None });
                append(group, records, effects);
                Ok(())
            }
            (Some(_), None) => Ok(()),
        };
        if answer.is_ok() && self.live.contains_key(group) {
            self.on(now, group, effects, |live, step| {
                let given_out: Vec<MemberId> = live.pending.keys().cloned().collect();
                for id in given_out {
                    live.forget_pending(step, &id);
                }
            });
        }
        effects.push(Effect::Reply(delete.ticket, Reply::DeleteGroup(answer)));
    }

    /// Offsets go one by one, but not those of a topic that somebody in the group reads.
    pub(super) fn delete_offsets(&self, delete: &DeleteOffsets, effects: &mut Vec<Effect>) {
        let answer = self.offsets_to_delete(delete);
        let answer = answer.map(|(records, fates)| {
            append(&delete.group, records, effects);
            fates
        });
        effects.push(Effect::Reply(delete.ticket, Reply::DeleteOffsets(answer)));
    }

    fn offsets_to_delete(&self, delete: &DeleteOffsets) -> Result<(Vec<Record>, Fates), ErrorCode> {
        let group = &delete.group;
        let (live, known) = (self.live.get(group), self.hard.get(group));
        if group.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        if live.is_none() && known.is_none() {
            return Err(ErrorCode::GroupIdNotFound);
        }
        let asked = || delete.topics.iter().map(|(topic, _)| topic.as_str()).collect();
        let read = match live.filter(|live| live.phase != Phase::Empty) {
            Some(live) if live.protocol_type != CONSUMER => return Err(ErrorCode::NonEmptyGroup),
            Some(live) => live.reads_of(asked()),
            None => BTreeSet::new(),
        };
        let mut gone = BTreeSet::new();
        let mut fates = Vec::with_capacity(delete.topics.len());
        for (topic, partitions) in &delete.topics {
            if read.contains(topic.as_str()) {
                fates.push(Err(ErrorCode::GroupSubscribedToTopic));
                continue;
            }
            let committed = known.and_then(|known| known.offsets.get(topic));
            let committed = |index: &&i32| committed.is_some_and(|it| it.contains_key(*index));
            gone.extend(partitions.iter().filter(committed).map(|index| (topic, *index)));
            fates.push(Ok(()));
        }
        let tombstone = |(topic, partition): (&String, i32)| Record::Offset {
            group: group.clone(),
            topic: topic.clone(),
            partition,
            value: None,
        };
        Ok((gone.into_iter().map(tombstone).collect(), fates))
    }
}

impl Live {
    /// Which of the topics `asked` for some member reads: all of them where that cannot be known,
    /// before the first generation has a protocol or when a member's bytes are no subscription.
    fn reads_of<'a>(&self, asked: BTreeSet<&'a str>) -> BTreeSet<&'a str> {
        let Some(protocol) = self.protocol.as_deref() else { return asked };
        let mut read = BTreeSet::new();
        for member in self.members.values() {
            let metadata = member.metadata(Some(protocol));
            let told = for_each_topic(&metadata, |topic| read.extend(asked.get(topic).copied()));
            if told.is_err() {
                return asked;
            }
        }
        read
    }
}
