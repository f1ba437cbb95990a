//! `JoinGroup`: how somebody becomes a member, and how a member asks for the next generation.

mod static_member;

use kastellan_protocol::ErrorCode;

use super::{
    input::Join,
    live::{Initial, Live, Phase, Step},
    member::{Member, weight},
    name::MemberId,
    reply::{Joined, JoinedMember, Reply},
    settings::Settings,
    timers::Timer,
};
use crate::machine::Ticket;

/// Refuses what no group would take, before one is looked up; `room` is left of
/// [`Settings::max_member_bytes`].
pub(super) fn check(join: &Join, settings: &Settings, room: usize) -> Result<(), ErrorCode> {
    if join.group.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let bounds = settings.min_session_timeout_ms..=settings.max_session_timeout_ms;
    if !bounds.contains(&join.session_timeout_ms) {
        return Err(ErrorCode::InvalidSessionTimeout);
    }
    if weight(&join.protocols) > room {
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    Ok(())
}

impl Step<'_> {
    /// Turns a join away, telling the caller the id that it came with.
    pub(super) fn turn_away(&mut self, ticket: Ticket, member: MemberId, error: ErrorCode) {
        self.reply(ticket, Reply::Join(Box::new(Joined::refused(member, error))));
    }
}

impl Live {
    /// Takes in a join that passed [`check`]; an id if one was given out to be joined with.
    pub(super) fn join(&mut self, step: &mut Step<'_>, join: &Join) -> Option<MemberId> {
        if !self.has_room(&join.member, step.settings) {
            // a member that finds the group full on its way back gives its place up
            self.remove_member(step, &join.member);
            self.forget_pending(step, &join.member);
            self.open_if_all_are_here(step);
            step.turn_away(join.ticket, MemberId::default(), ErrorCode::GroupMaxSizeReached);
            return None;
        }
        if !self.accepts(&join.protocol_type, &join.protocols) {
            let code = ErrorCode::InconsistentGroupProtocol;
            step.turn_away(join.ticket, join.member.clone(), code);
            return None;
        }
        match (join.member.is_empty(), &join.instance) {
            (true, Some(instance)) => {
                let id = MemberId::fresh(instance.as_str(), &join.unique);
                match self.statics.get(instance).cloned() {
                    Some(holder) => self.replace_static(step, join, &holder, &id),
                    None => self.add(step, join, id),
                }
            }
            (true, None) => {
                let id = MemberId::fresh(&join.client_id, &join.unique);
                if join.requires_known_member {
                    self.expect_back(step, join, id.clone());
                    return Some(id);
                }
                self.add(step, join, id);
            }
            (false, _) => self.rejoin(step, join),
        }
        None
    }

    /// `group.max.size`, counted as Kafka does: while the barrier is up by those who have come
    /// back.
    fn has_room(&self, member: &MemberId, settings: &Settings) -> bool {
        if member.is_empty() && self.pending.len() >= settings.max_size {
            return false;
        }
        let known = self.members.get(member);
        match self.phase {
            Phase::Empty => true,
            Phase::Preparing(_) => {
                let parked = self.members.values().filter(|member| member.joining.is_some());
                known.is_some_and(|known| known.joining.is_some())
                    || parked.count() < settings.max_size
            }
            Phase::Completing | Phase::Stable => {
                known.is_some() || self.members.len() < settings.max_size
            }
        }
    }

    /// KIP-394: gives out an id and waits for its bearer, so that a client which hangs up and tries
    /// again does not leave a member behind each time.
    fn expect_back(&mut self, step: &mut Step<'_>, join: &Join, id: MemberId) {
        let mut slot = None;
        let at = step.after_ms(join.session_timeout_ms);
        step.timers.set(&mut slot, Some(at), &self.id, Timer::Pending(id.clone()));
        self.pending.insert(id.clone(), slot);
        step.turn_away(join.ticket, id, ErrorCode::MemberIdRequired);
    }

    /// Stops waiting for the bearer of an id that was given out; whether there was one.
    pub(super) fn forget_pending(&mut self, step: &mut Step<'_>, id: &MemberId) -> bool {
        let Some(mut slot) = self.pending.remove(id) else { return false };
        step.timers.set(&mut slot, None, &self.id, Timer::Pending(id.clone()));
        true
    }

    fn add(&mut self, step: &mut Step<'_>, join: &Join, id: MemberId) {
        self.forget_pending(step, &id);
        if self.members.is_empty() {
            self.protocol_type.clone_from(&join.protocol_type);
        }
        let mut member = Member::newcomer(join);
        let at = step.now.monotonic.after(step.settings.newcomer_join_timeout);
        let timer = Timer::Session(id.clone());
        step.timers.set(&mut member.session_at, Some(at), &self.id, timer);
        if let Some(instance) = &join.instance {
            self.statics.insert(instance.clone(), id.clone());
        }
        self.leader.get_or_insert_with(|| id.clone());
        self.weight += member.weight();
        self.members.insert(id, member);
        if let Phase::Preparing(Some(Initial { newcomer, .. })) = &mut self.phase {
            *newcomer = true;
        }
        self.rebalance(step);
    }

    /// A caller with an id: a newcomer who comes back with it, or a member.
    fn rejoin(&mut self, step: &mut Step<'_>, join: &Join) {
        let id = &join.member;
        if join.instance.is_none() && self.pending.contains_key(id) {
            self.add(step, join, id.clone());
            return;
        }
        if let Err(code) = self.check_member(id, join.instance.as_ref()) {
            step.turn_away(join.ticket, id.clone(), code);
            return;
        }
        let same = self.members.get(id).is_some_and(|known| known.protocols == join.protocols);
        let leads = self.leader.as_ref() == Some(id);
        match self.phase {
            // its answer got lost, or a follower has nothing new to say
            Phase::Completing if same => self.tell_again(step, join),
            Phase::Stable if same && !leads => self.tell_again(step, join),
            Phase::Empty | Phase::Preparing(_) | Phase::Completing | Phase::Stable => {
                self.park_join(step, join, id);
                self.rebalance(step);
            }
        }
    }

    /// Keeps the caller until the barrier opens. An older call of the same member, whose connection
    /// is most likely gone, is told to come again.
    pub(super) fn park_join(&mut self, step: &mut Step<'_>, join: &Join, id: &MemberId) {
        self.update(id, join);
        let Some(member) = self.members.get_mut(id) else { return };
        if let Some(older) = member.joining.replace(join.ticket) {
            step.turn_away(older, id.clone(), ErrorCode::RebalanceInProgress);
        }
    }

    fn tell_again(&mut self, step: &mut Step<'_>, join: &Join) {
        self.renew(step, &join.member);
        step.reply(join.ticket, Reply::Join(Box::new(self.joined(&join.member))));
    }

    /// What `member` is told of this generation; the leader is told of everybody.
    pub(super) fn joined(&self, member: &MemberId) -> Joined {
        let leads = self.leader.as_ref() == Some(member);
        Joined {
            error: None,
            generation: self.generation,
            protocol_type: Some(self.protocol_type.clone()),
            protocol: self.protocol.clone().unwrap_or_default(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment: false,
            member: member.clone(),
            members: if leads { self.everybody() } else { Vec::new() },
        }
    }

    /// The members as their leader sees them.
    pub(super) fn everybody(&self) -> Vec<JoinedMember> {
        let protocol = self.protocol.as_deref();
        let seen = |(id, member): (&MemberId, &Member)| JoinedMember {
            member: id.clone(),
            instance: member.instance.clone(),
            metadata: member.metadata(protocol),
        };
        self.members.iter().map(seen).collect()
    }
}
