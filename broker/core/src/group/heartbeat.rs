//! Heartbeats, and what comes of their absence.

use kastellan_protocol::ErrorCode;

use super::{
    input::Heartbeat,
    live::{Live, Phase, Step},
    name::MemberId,
};

impl Live {
    /// A member lives; it learns whether it is to rejoin.
    pub(super) fn heartbeat(
        &mut self,
        step: &mut Step<'_>,
        heartbeat: &Heartbeat,
    ) -> Result<(), ErrorCode> {
        self.check_member(&heartbeat.member, heartbeat.instance.as_ref())?;
        if heartbeat.generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        match self.phase {
            Phase::Empty => Err(ErrorCode::UnknownMemberId),
            Phase::Preparing(_) => {
                self.renew(step, &heartbeat.member);
                Err(ErrorCode::RebalanceInProgress)
            }
            Phase::Completing | Phase::Stable => {
                self.renew(step, &heartbeat.member);
                Ok(())
            }
        }
    }

    /// A member's session has run out. Who is parked here waits for us and is alive, except for a
    /// newcomer: it has had [`super::Settings::newcomer_join_timeout`].
    pub(super) fn session_is_over(&mut self, step: &mut Step<'_>, id: &MemberId) {
        let Some(member) = self.members.get_mut(id) else { return };
        member.session_at = None;
        if member.is_newcomer || !member.is_parked() {
            self.remove_member(step, id);
            self.settle(step);
        }
    }

    /// Nobody came back with an id that was given out.
    pub(super) fn pending_is_over(&mut self, step: &mut Step<'_>, id: &MemberId) {
        self.pending.remove(id);
        self.open_if_all_are_here(step);
    }

    /// The phase's own time is up.
    pub(super) fn phase_is_over(&mut self, step: &mut Step<'_>) {
        self.phase_at = None;
        match self.phase {
            Phase::Empty => self.write_empty(step),
            Phase::Preparing(_) => self.barrier_is_due(step),
            Phase::Completing | Phase::Stable => self.syncs_are_due(step),
        }
    }
}
