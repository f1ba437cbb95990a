//! A group with people in it, or on their way in: what a new coordinator may forget.

use std::{collections::BTreeMap, time::Duration};

use kastellan_protocol::ErrorCode;

use super::{
    hard::HardGroup,
    input::Join,
    member::Member,
    name::{GroupId, InstanceId, MemberId},
    record::{GroupMetadata, Record},
    reply::{Effect, Reply},
    settings::Settings,
    state::State,
    timers::{Timer, Timers},
};
use crate::machine::{Millis, Now, Ticket};

/// A group that is more than its records. One without members and pending ids is dropped: what is
/// worth knowing about an empty group is in the log.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) id: GroupId,
    pub(super) phase: Phase,
    /// The slot of [`Timer::Phase`]; in an empty group it is there to write it once more.
    pub(super) phase_at: Option<Millis>,
    /// When the phase began, in milliseconds since 1970.
    pub(super) since: i64,
    /// The generation that stands or is being completed; ahead of the log until the leader syncs.
    pub(super) generation: i32,
    pub(super) protocol_type: String,
    pub(super) protocol: Option<String>,
    pub(super) leader: Option<MemberId>,
    pub(super) members: BTreeMap<MemberId, Member>,
    /// The sum of [`Member::weight`].
    pub(super) weight: usize,
    /// Who holds each static member's name.
    pub(super) statics: BTreeMap<InstanceId, MemberId>,
    /// Ids that were given out and not used yet, each with the slot of its timer.
    pub(super) pending: BTreeMap<MemberId, Option<Millis>>,
}

/// [`State`] with what each state needs; a group that is [`State::Dead`] is not live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Empty,
    Preparing(Option<Initial>),
    Completing,
    Stable,
}

/// A first generation: it waits for more than those who are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Initial {
    /// What the newcomers may still add to the delay.
    pub(super) remaining: Duration,
    /// Whether somebody came since the timer was set.
    pub(super) newcomer: bool,
}

/// What a step works with beside the group.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) now: Now,
    pub(super) settings: &'a Settings,
    pub(super) timers: &'a mut Timers,
    pub(super) effects: &'a mut Vec<Effect>,
}

impl Step<'_> {
    /// Answers a caller.
    pub(super) fn reply(&mut self, ticket: Ticket, reply: Reply) {
        self.effects.push(Effect::Reply(ticket, reply));
    }

    /// Asks for records to be appended; what is replied from here on waits for them.
    pub(super) fn append(&mut self, group: &GroupId, records: Vec<Record>) {
        self.effects.push(Effect::Append { group: group.clone(), records });
    }

    /// This moment, `ms` on; nothing for a negative count.
    pub(super) fn after_ms(&self, ms: i32) -> Millis {
        self.now.monotonic.after(millis(ms))
    }
}

/// A count of milliseconds from the wire; below zero is zero.
pub(super) fn millis(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

impl Live {
    /// The group as its records leave it when nobody is in.
    pub(super) fn empty(id: GroupId, known: Option<&HardGroup>) -> Self {
        let metadata = known.and_then(|known| known.metadata.as_ref());
        Self {
            id,
            phase: Phase::Empty,
            phase_at: None,
            since: metadata.map_or(-1, |metadata| metadata.since),
            generation: metadata.map_or(0, |metadata| metadata.generation),
            protocol_type: metadata.map_or_else(String::new, |m| m.protocol_type.clone()),
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            weight: 0,
            statics: BTreeMap::new(),
            pending: BTreeMap::new(),
        }
    }

    /// The group as its records leave it, members and all, each with a fresh session: they have to
    /// find the new coordinator first.
    pub(super) fn stable(id: GroupId, known: &HardGroup, step: &mut Step<'_>) -> Self {
        let mut live = Self::empty(id, Some(known));
        let Some(metadata) = &known.metadata else { return live };
        live.phase = Phase::Stable;
        live.protocol.clone_from(&metadata.protocol);
        live.leader.clone_from(&metadata.leader);
        for stored in &metadata.members {
            let mut member = Member::stored(stored, metadata.protocol.as_deref());
            let at = step.after_ms(member.session_timeout_ms);
            let timer = Timer::Session(stored.member.clone());
            step.timers.set(&mut member.session_at, Some(at), &live.id, timer);
            if let Some(instance) = &stored.instance {
                live.statics.insert(instance.clone(), stored.member.clone());
            }
            live.weight += member.weight();
            live.members.insert(stored.member.clone(), member);
        }
        live
    }

    /// Whether nobody is in and nobody is expected.
    pub(super) fn is_idle(&self) -> bool {
        self.phase == Phase::Empty && self.phase_at.is_none() && self.pending.is_empty()
    }

    /// How far the group is, as clients see it.
    pub(super) fn state(&self) -> State {
        match self.phase {
            Phase::Empty => State::Empty,
            Phase::Preparing(_) => State::PreparingRebalance,
            Phase::Completing => State::CompletingRebalance,
            Phase::Stable => State::Stable,
        }
    }

    /// Begins a phase that lasts until `at` at most.
    pub(super) fn enter(&mut self, step: &mut Step<'_>, phase: Phase, at: Option<Millis>) {
        self.phase = phase;
        self.since = step.now.wall;
        self.set_phase_timer(step, at);
    }

    /// Moves the phase's own timer.
    pub(super) fn set_phase_timer(&mut self, step: &mut Step<'_>, at: Option<Millis>) {
        step.timers.set(&mut self.phase_at, at, &self.id, Timer::Phase);
    }

    /// Takes over what a member's repeated join says.
    pub(super) fn update(&mut self, id: &MemberId, join: &Join) {
        if let Some(member) = self.members.get_mut(id) {
            self.weight -= member.weight();
            member.update(join);
            self.weight += member.weight();
        }
    }

    /// What the member that joins here, by its id or its own name, has said about itself so far.
    pub(super) fn weight_of(&self, join: &Join) -> usize {
        let holder = join.instance.as_ref().and_then(|instance| self.statics.get(instance));
        let member = self.members.get(holder.unwrap_or(&join.member));
        member.map_or(0, Member::weight)
    }

    /// Gives a member another whole session.
    pub(super) fn renew(&mut self, step: &mut Step<'_>, id: &MemberId) {
        if let Some(member) = self.members.get_mut(id) {
            let at = step.after_ms(member.session_timeout_ms);
            let timer = Timer::Session(id.clone());
            step.timers.set(&mut member.session_at, Some(at), &self.id, timer);
        }
    }

    /// Whether `member` is who it says: 25 for a stranger, 82 for a static member whose place was
    /// taken by another of the same name (KIP-345).
    pub(super) fn check_member(
        &self,
        member: &MemberId,
        instance: Option<&InstanceId>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            match self.statics.get(instance) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(holder) if holder != member => return Err(ErrorCode::FencedInstanceId),
                Some(_) => (),
            }
        }
        if self.members.contains_key(member) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    /// The longest that any member may take to rejoin.
    pub(super) fn rebalance_timeout(&self) -> Duration {
        millis(self.members.values().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0))
    }

    /// The record of this generation as it stands.
    pub(super) fn to_record(&self) -> Record {
        let protocol = self.protocol.as_deref();
        let members = self.members.iter().map(|(id, member)| member.to_stored(id, protocol));
        Record::Group {
            group: self.id.clone(),
            value: Some(GroupMetadata {
                protocol_type: self.protocol_type.clone(),
                generation: self.generation,
                protocol: self.protocol.clone(),
                leader: self.leader.clone(),
                since: self.since,
                members: members.collect(),
            }),
        }
    }
}
