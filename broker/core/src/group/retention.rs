//! What is forgotten: offsets that nobody came back for, offsets of deleted topics, empty groups.

use uuid::Uuid;

use super::{
    Coordinator,
    hard::HardGroup,
    name::GroupId,
    offsets::may_be_the_same,
    record::{CommittedOffset, Record},
    reply::Effect,
    settings::Settings,
};
use crate::machine::Now;

/// Tombstones in one append, so that a batch stays far below any `max.message.bytes`.
const TOMBSTONES_AT_ONCE: usize = 1000;

impl Coordinator {
    /// Looks through the groups that nobody is in, every
    /// [`Settings::retention_check_interval`].
    pub(super) fn sweep(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.sweep_at = None;
        let idle = self.hard.iter().filter(|(group, _)| !self.live.contains_key(*group));
        for (group, known) in idle {
            let expired = |_: &str, it: &CommittedOffset| expired(known, it, now, &self.settings);
            let (mut records, left) = tombstones(group, known, expired);
            if left == 0 && known.metadata.is_some() {
                records.push(Record::Group { group: group.clone(), value: None });
            }
            append(group, records, effects);
        }
        self.plan_sweep(now);
    }

    /// Makes sure that a sweep is due as long as there is something to sweep, or about to be.
    pub(super) fn plan_sweep(&mut self, now: Now) {
        if self.sweep_at.is_none() && !self.hard.is_empty() {
            self.sweep_at = Some(now.monotonic.after(self.settings.retention_check_interval));
        }
    }

    /// Goes by other settings from now on. Nobody who has joined is sent away for them.
    pub(super) fn configure(&mut self, now: Now, settings: Settings) {
        self.settings = settings;
        let soonest = now.monotonic.after(self.settings.retention_check_interval);
        self.sweep_at = self.sweep_at.map(|at| at.min(soonest));
    }

    /// A topic is gone: so is what any group, empty or not, committed for it.
    pub(super) fn forget_topic(&self, topic: &str, id: Uuid, effects: &mut Vec<Effect>) {
        for (group, known) in self.hard.iter().filter(|(_, it)| it.offsets.contains_key(topic)) {
            let gone =
                |of: &str, it: &CommittedOffset| of == topic && may_be_the_same(it.topic_id, id);
            let (records, _) = tombstones(group, known, gone);
            append(group, records, effects);
        }
    }
}

/// KIP-211: the retention of a group's offsets begins when its last member has gone; of a group
/// that only commits, with each commit. An offset that an admin set after the group had emptied
/// counts from then on (Kafka's does not, and may be gone at the next check).
fn expired(known: &HardGroup, offset: &CommittedOffset, now: Now, settings: &Settings) -> bool {
    if let Some(at) = offset.expires_at {
        return at <= now.wall;
    }
    let emptied = known.metadata.as_ref().filter(|group| !group.protocol_type.is_empty());
    let since = match emptied {
        Some(group) if group.since >= 0 => group.since.max(offset.committed_at),
        _ => offset.committed_at,
    };
    let retention = i64::try_from(settings.offsets_retention.as_millis()).unwrap_or(i64::MAX);
    since.saturating_add(retention) <= now.wall
}

/// Tombstones for the offsets that are `gone`, and how many offsets are left.
pub(super) fn tombstones(
    group: &GroupId,
    known: &HardGroup,
    gone: impl Fn(&str, &CommittedOffset) -> bool,
) -> (Vec<Record>, usize) {
    let mut records = Vec::new();
    let mut left = 0;
    for (topic, offsets) in &known.offsets {
        for (partition, offset) in offsets {
            if gone(topic, offset) {
                let (group, topic, partition) = (group.clone(), topic.clone(), *partition);
                records.push(Record::Offset { group, topic, partition, value: None });
            } else {
                left += 1;
            }
        }
    }
    (records, left)
}

/// Asks for `records` to be appended, in batches that any log takes.
pub(super) fn append(group: &GroupId, mut records: Vec<Record>, effects: &mut Vec<Effect>) {
    while !records.is_empty() {
        let rest = records.split_off(records.len().min(TOMBSTONES_AT_ONCE));
        effects.push(Effect::Append { group: group.clone(), records });
        records = rest;
    }
}
