//! `SyncGroup`: the leader brings the assignments, everybody fetches its own.

use std::collections::BTreeMap;

use bytes::Bytes;
use kastellan_protocol::ErrorCode;

use super::{
    input::Sync,
    live::{Live, Phase, Step},
    name::MemberId,
    reply::{Reply, Synced},
};

impl Live {
    /// Takes in a sync.
    pub(super) fn sync(&mut self, step: &mut Step<'_>, sync: &Sync) {
        if let Err(code) = self.check_sync(sync) {
            step.reply(sync.ticket, Reply::Sync(Err(code)));
            return;
        }
        match self.phase {
            Phase::Empty => step.reply(sync.ticket, Reply::Sync(Err(ErrorCode::UnknownMemberId))),
            Phase::Preparing(_) => {
                step.reply(sync.ticket, Reply::Sync(Err(ErrorCode::RebalanceInProgress)));
            }
            Phase::Completing => {
                self.park_sync(step, sync);
                if self.leader.as_ref() == Some(&sync.member) {
                    self.assign(step, &sync.assignments);
                }
            }
            Phase::Stable => {
                if let Some(member) = self.members.get_mut(&sync.member) {
                    member.owes_sync = false;
                }
                self.stop_waiting_for_syncs(step);
                self.renew(step, &sync.member);
                step.reply(sync.ticket, Reply::Sync(Ok(self.synced(&sync.member))));
            }
        }
    }

    /// Who asks, for which generation, and whether it means the same protocol (KIP-559).
    fn check_sync(&self, sync: &Sync) -> Result<(), ErrorCode> {
        self.check_member(&sync.member, sync.instance.as_ref())?;
        if sync.generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        let another_type = sync.protocol_type.as_ref().is_some_and(|it| *it != self.protocol_type);
        let another = sync.protocol.is_some() && sync.protocol != self.protocol;
        // while the barrier is up there is no protocol to compare with
        if another_type || (another && self.protocol.is_some()) {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        Ok(())
    }

    fn park_sync(&mut self, step: &mut Step<'_>, sync: &Sync) {
        let Some(member) = self.members.get_mut(&sync.member) else { return };
        member.owes_sync = false;
        if let Some(older) = member.syncing.replace(sync.ticket) {
            step.reply(older, Reply::Sync(Err(ErrorCode::RebalanceInProgress)));
        }
    }

    /// The leader has shared out the work: the generation stands. Who is not mentioned gets
    /// nothing.
    fn assign(&mut self, step: &mut Step<'_>, assignments: &[(MemberId, Bytes)]) {
        let given: BTreeMap<&MemberId, &Bytes> =
            assignments.iter().map(|(id, it)| (id, it)).collect();
        for (id, member) in &mut self.members {
            member.assignment = given.get(id).map(|it| (*it).clone()).unwrap_or_default();
        }
        let waits_until = self.phase_at;
        self.enter(step, Phase::Stable, waits_until);
        self.stop_waiting_for_syncs(step);
        let record = self.to_record();
        step.append(&self.id, vec![record]);

        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in ids {
            let Some(member) = self.members.get_mut(&id) else { continue };
            if let Some(ticket) = member.syncing.take() {
                self.renew(step, &id);
                step.reply(ticket, Reply::Sync(Ok(self.synced(&id))));
            }
        }
    }

    fn synced(&self, member: &MemberId) -> Synced {
        let assignment = self.members.get(member).map(|member| member.assignment.clone());
        Synced {
            protocol_type: Some(self.protocol_type.clone()),
            protocol: self.protocol.clone(),
            assignment: assignment.unwrap_or_default(),
        }
    }

    fn stop_waiting_for_syncs(&mut self, step: &mut Step<'_>) {
        if self.phase == Phase::Stable && !self.members.values().any(|member| member.owes_sync) {
            self.set_phase_timer(step, None);
        }
    }

    /// Time is up for members that were told of the generation and never asked for their assignment
    /// (the leader among them, perhaps): they are out.
    pub(super) fn syncs_are_due(&mut self, step: &mut Step<'_>) {
        let silent = self.members.iter().filter(|(_, member)| member.owes_sync);
        let silent: Vec<MemberId> = silent.map(|(id, _)| id.clone()).collect();
        for id in &silent {
            self.remove_member(step, id);
        }
        if !silent.is_empty() {
            self.raise(step);
        }
    }

    /// Answers everybody who waits for an assignment with `error`; nothing of it stays.
    pub(super) fn cancel_syncs(&mut self, step: &mut Step<'_>, error: ErrorCode) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
            if let Some(ticket) = member.syncing.take() {
                step.reply(ticket, Reply::Sync(Err(error)));
            }
        }
    }
}
